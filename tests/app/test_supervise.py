"""Workers are kept going: replaced when killed, renewed on SIGHUP, ended on SIGTERM."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from mailclad.app.notices import NoticeBoard
from mailclad.app.pool import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    SHORT_LIFE_SECONDS,
    Pool,
    Worker,
)

pytestmark = pytest.mark.slow


class Running:
    """The program of ``supervised.py`` and what it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.child = subprocess.Popen(
            [sys.executable, "-m", "tests.app.supervised", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "NO_COLOR": "1"},
        )

    @property
    def out(self) -> IO[str]:
        assert self.child.stdout is not None
        return self.child.stdout

    def until(self, word: str) -> str:
        """Read lines until one has the word; the program's own alarm is the time limit."""
        seen: list[str] = []
        for line in self.out:
            seen.append(line)
            if word in line:
                return line
        raise AssertionError(f"it never said {word}: {''.join(seen)}")

    def ask(self) -> tuple[int, int, socket.socket]:
        """Which worker of which generation answers, and the open connection to it."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(20)
        sock.connect(str(self.folder / "echo"))
        pid, number = sock.recv(100).split()
        return int(pid), int(number), sock

    def end(self) -> str:
        self.child.send_signal(signal.SIGTERM)
        out, _ = self.child.communicate(timeout=30)
        return out


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    made.until("ready")
    yield made
    if made.child.poll() is None:
        made.child.kill()
    made.child.communicate()


def gone(sock: socket.socket) -> bool:
    """Wait for the connection to end."""
    data = sock.recv(100)
    sock.close()
    return data == b""


def test_a_killed_worker_is_replaced_and_service_goes_on(running: Running) -> None:
    first, _, sock = running.ask()
    os.kill(first, signal.SIGKILL)
    assert gone(sock)
    running.until("SIGKILL")
    for _ in range(4):
        other, _, sock = running.ask()
        assert other != first
        sock.close()
    assert "stopped" in running.end()


def test_a_reload_starts_a_new_generation_and_retires_the_old(running: Running) -> None:
    _, number, old = running.ask()
    assert number == 1
    running.child.send_signal(signal.SIGHUP)
    running.until("reloaded")
    assert gone(old)
    _, number, sock = running.ask()
    assert number == 2
    sock.close()


def test_a_reload_asked_for_during_another_is_done_after_it(running: Running) -> None:
    for _ in range(3):
        running.child.send_signal(signal.SIGHUP)
    running.until("reloaded")
    running.child.send_signal(signal.SIGHUP)
    running.until("reloaded")
    _, number, sock = running.ask()
    assert number >= 3
    sock.close()


def test_workers_that_die_again_and_again_are_replaced_ever_more_slowly() -> None:
    pool = Pool(selectors.DefaultSelector(), NoticeBoard(0))
    here, there = socket.socketpair()
    dead = Worker(0, here, 0, time.monotonic())
    delays = [pool.replacement_delay(dead) for _ in range(9)]
    assert delays[:4] == [0, FIRST_DELAY_SECONDS, 2 * FIRST_DELAY_SECONDS, 4 * FIRST_DELAY_SECONDS]
    assert delays[-1] == LONGEST_DELAY_SECONDS
    lived = Worker(0, here, 0, time.monotonic() - SHORT_LIFE_SECONDS - 1)
    assert pool.replacement_delay(lived) == 0
    assert pool.replacement_delay(dead) == 0, "a long life is a new beginning"
    here.close()
    there.close()


def test_a_refused_reload_changes_nothing_and_says_why(running: Running) -> None:
    pid, _, sock = running.ask()
    (running.folder / "refuse").touch()
    running.child.send_signal(signal.SIGHUP)
    assert "mailclad.toml: server: line 1: unknown key" in running.until("reload refused")
    os.kill(pid, 0)
    assert "stopped" in running.end()
    assert gone(sock)


def test_workers_that_cannot_start_leave_the_old_generation(running: Running) -> None:
    (running.folder / "broken").touch()
    running.child.send_signal(signal.SIGHUP)
    assert "the store is broken" in running.until("reload refused")
    _, number, sock = running.ask()
    assert number == 1
    sock.close()


def test_a_first_generation_that_cannot_start_ends_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    failing = Running(tmp_path)
    out, _ = failing.child.communicate(timeout=30)
    assert failing.child.returncode == 1
    assert "cannot start: the store is broken" in out


def test_workers_end_when_the_supervisor_is_killed(running: Running) -> None:
    _, _, sock = running.ask()
    running.child.kill()
    assert gone(sock)


def test_systemd_is_told_ready_reloading_and_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        running = Running(tmp_path)
        assert manager.recv(100) == b"READY=1"
        running.child.send_signal(signal.SIGHUP)
        assert manager.recv(100).startswith(b"RELOADING=1\n")
        assert manager.recv(100) == b"READY=1"
        running.end()
        assert manager.recv(100) == b"STOPPING=1"

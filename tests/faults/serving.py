"""`mailclad serve` on every kind of port, to be overloaded, killed, cut off and insulted."""

import asyncio
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mailclad.app.open import opened
from mailclad.base.secret import Secret
from mailclad.services.auth.password import Argon2id
from tests.app.served import children, issue
from tests.ports import free_ports

SECONDS = 30.0
"""For anything that is waited for; nothing takes so long unless it is broken."""

DOMAIN = "example.test"
PASSWORD = "correct horse"
KINDS_SENT = ("messages", "recipients")
SERVICES = (
    ("imap", "implicit"),
    ("imap", "starttls"),
    ("pop3", "implicit"),
    ("pop3", "starttls"),
    ("submission", "implicit"),
    ("submission", "starttls"),
    ("smtp", "starttls"),
    ("lmtp", "none"),
)


class DidNotStart(Exception):
    """Nothing is served."""


@dataclass
class House:
    """``folder`` holds configuration, certificate and log; ``data`` is what must survive."""

    folder: Path
    data: Path
    workers: int = 2
    log: Path | None = None
    ports: dict[tuple[str, str], int] = field(default_factory=dict)
    child: "subprocess.Popen[bytes] | None" = None

    def prepare(self, people: Sequence[str], more: str = "") -> None:
        """Everything that a start needs; ``more`` are lines for the configuration."""
        issue(self.folder)
        asyncio.run(_make_people(self.data, people))
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        lines = [
            '[server]\nhostname = "localhost"',
            f'data = "{self.data}"\nworkers = {self.workers}',
            '[tls]\ncertificate = "chain.pem"\nkey = "key.pem"',
            f'[log]\nfile = "{self.log or self.folder / "log"}"\nformat = "json"',
            "[submit]",  # people here send as fast as the server takes it
            *[f"{what}_per_{span} = {10**9}" for what in KINDS_SENT for span in ("hour", "day")],
            more,
        ]
        for (service, tls), port in self.ports.items():
            lines.append(
                f'[[listen]]\nservice = "{service}"\ntls = "{tls}"\nport = {port}\n'
                'addresses = ["127.0.0.1"]'
            )
        (self.folder / "mailclad.toml").write_text("\n".join(lines) + "\n")

    def start(self, *program: str) -> None:
        """Returns when every port accepts; ``program`` stands for ``-m mailclad``."""
        serve = ["serve", "--config", str(self.folder / "mailclad.toml")]
        notify = self.folder / "notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(notify))
            self.child = subprocess.Popen(
                [sys.executable, *(program or ("-m", "mailclad")), *serve],
                env={**os.environ, "NOTIFY_SOCKET": str(notify)},
                start_new_session=True,
            )
            ended = os.pidfd_open(self.child.pid)
            readable, _, _ = select.select([manager.fileno(), ended], [], [], SECONDS)
            os.close(ended)
            if manager.fileno() not in readable or manager.recv(200) != b"READY=1":
                raise DidNotStart("the server ended, or said nothing")

    @property
    def running(self) -> "subprocess.Popen[bytes]":
        assert self.child is not None
        return self.child

    @property
    def is_running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def worker_pids(self) -> list[int]:
        return children(self.running.pid)

    def kill_all(self) -> None:
        """kill -9 of the supervisor and all workers, at one moment; returns when all are gone."""
        ends = [os.pidfd_open(pid) for pid in self.worker_pids()]
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait(SECONDS)
        for end in ends:
            assert select.select([end], [], [], SECONDS)[0], "a worker outlives its kill"
            os.close(end)

    def stand_still(self) -> None:
        """Stop supervisor and workers; returns when the last system call of each has ended."""
        everybody = [self.running.pid, *self.worker_pids()]
        os.killpg(self.running.pid, signal.SIGSTOP)
        wait_until(lambda: all(_is_stopped(pid) for pid in everybody), "a process goes on")

    def go_on(self) -> None:
        os.killpg(self.running.pid, signal.SIGCONT)

    def stop(self) -> None:
        """As an administrator does."""
        self.running.terminate()
        assert self.running.wait(SECONDS) == 0

    def end(self) -> None:
        if self.is_running:
            self.kill_all()

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "authority" / "ca.pem"))

    def logged(self) -> str:
        return (self.log or self.folder / "log").read_text()


async def _make_people(data: Path, people: Sequence[str]) -> None:
    async with opened(data, Argon2id(memory_kib=8, passes=1)) as things:
        await things.provision.add_domain(DOMAIN)
        for name in people:
            await things.provision.add_account(address(name), Secret(PASSWORD.encode()))
            account = await things.store.find_account(address(name))
            await things.store.create_mailbox(account.id, "Shelf")


def _is_stopped(pid: int) -> bool:
    """Whether every thread is."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(") ")[2][0] == "T" for stat in threads)


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """For what only another process can bring about."""
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.01)

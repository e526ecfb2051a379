"""A program of the administrator's writes the DNS: what it gets, what is said when it fails."""

import asyncio
import os
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest
import uvloop

from mailclad.app.acme_command import OUTPUT_OCTETS, CommandRecords
from mailclad.services.certificates.acme.challenge import SolverProblem

NAME, VALUE = "_acme-challenge.a.test", "-VALUE_of43; $(touch /tmp/never)"


def script(folder: Path, text: str, mode: int = 0o700) -> Path:
    file = folder / "hook"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(mode)
    return file


@pytest.fixture(params=[asyncio.SelectorEventLoop, uvloop.new_event_loop])
def runner(request: pytest.FixtureRequest) -> asyncio.Runner:
    return asyncio.Runner(loop_factory=request.param)


def run(runner: asyncio.Runner, work: Awaitable[None]) -> None:
    async def wait() -> None:
        await work

    with runner:
        runner.run(wait())


def test_it_gets_its_arguments_as_they_are_and_little_else(
    runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    hook = script(tmp_path, f'printf "%s|" "$@" > {tmp_path}/told; env > {tmp_path}/env; cat')
    records = CommandRecords((str(hook), "--zone", "a test"))

    async def both() -> None:
        await records.present(NAME, VALUE)
        assert (tmp_path / "told").read_text() == f"--zone|a test|present|{NAME}|{VALUE}|"
        await records.withdraw(NAME, VALUE)

    run(runner, both())
    assert (tmp_path / "told").read_text() == f"--zone|a test|withdraw|{NAME}|{VALUE}|"
    seen = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert seen - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "LC_ALL"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo login; echo 'no such zone' >&2; exit 3", "status 3: “login no such zone”"),
        ("exit 1", "status 1, and said nothing"),
        ("printf '\\033[31mred\\377'; exit 1", "status 1: “[31mred�”"),
        ("kill -TERM $$", "status -15"),
    ],
)
def test_its_words_are_quoted_where_it_fails(
    runner: asyncio.Runner, tmp_path: Path, text: str, words: str
) -> None:
    records = CommandRecords((str(script(tmp_path, text)),))
    with pytest.raises(SolverProblem) as told:
        run(runner, records.present(NAME, VALUE))
    assert words in str(told.value)
    assert f"hook present {NAME} ended with" in str(told.value)


@pytest.mark.slow
def test_one_that_hangs_is_killed_with_what_it_started(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    hook = script(tmp_path, f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    records = CommandRecords((str(hook),), seconds=0.5)
    with pytest.raises(SolverProblem, match=r"took more than 0\.5 seconds"):
        run(runner, records.present(NAME, VALUE))
    child = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 10
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _runs(child)


def test_one_that_never_stops_talking_is_killed(runner: asyncio.Runner, tmp_path: Path) -> None:
    records = CommandRecords((str(script(tmp_path, "yes the end")),))
    with pytest.raises(SolverProblem, match="status -9: “…") as told:
        run(runner, records.present(NAME, VALUE))
    assert len(str(told.value)) < OUTPUT_OCTETS // 64


@pytest.mark.parametrize(("mode", "words"), [(0o600, "Permission denied"), (0, "No such file")])
def test_one_that_cannot_be_run_is_told_of(
    runner: asyncio.Runner, tmp_path: Path, mode: int, words: str
) -> None:
    hook = script(tmp_path, "exit 0", mode)
    if not mode:
        hook.unlink()
    with pytest.raises(SolverProblem, match=f"cannot be run: {words}"):
        run(runner, CommandRecords((str(hook),)).withdraw(NAME, VALUE))


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z" and os.getpid() != pid

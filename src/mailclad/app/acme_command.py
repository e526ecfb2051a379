"""TXT records of dns-01 by a program of the administrator's: the way to any DNS provider.

    /etc/mailclad/dns-hook present|withdraw _acme-challenge.example.org VALUE

Comes in: the command, by whole path.  Goes out: ``SolverProblem`` with what it said where it
failed.  It is run without a shell, as the server's user, with an environment of two variables.
Limits: seconds, after which it and what it has started are killed; octets of its output.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from contextlib import suppress
from dataclasses import dataclass

from mailclad.services.certificates.acme.challenge import SolverProblem

SECONDS = 60.0
"""For one call; a provider's API answers in some."""

OUTPUT_OCTETS = 64 * 1024
"""What is taken of its output before it is killed for talking; a few lines are of use."""

_END_SECONDS = 5.0
"""For the end of its output after it was killed: the pipe is open until then."""

_QUOTED = 400
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class CommandRecords:
    """Writes by a command, which adds and removes one record and keeps others of that name."""

    command: tuple[str, ...]
    seconds: float = SECONDS

    async def present(self, name: str, value: str) -> None:
        await self._run("present", name, value)

    async def withdraw(self, name: str, value: str) -> None:
        await self._run("withdraw", name, value)

    async def _run(self, action: str, name: str, value: str) -> None:
        called = f"{' '.join(self.command)} {action} {name}"
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command, action, name, value,
                stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
                env=_ENVIRONMENT, cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as problem:
            raise SolverProblem(f"{called} cannot be run: {problem.strerror}") from problem
        try:
            async with asyncio.timeout(self.seconds):
                said = await _output(process)
                status = await process.wait()
        except TimeoutError:
            raise SolverProblem(f"{called} took more than {self.seconds:g} seconds") from None
        finally:
            await _end(process)
        if status != 0:
            words = f": “{_tail(said)}”" if said.strip() else ", and said nothing"
            raise SolverProblem(f"{called} ended with status {status}{words}")


async def _output(process: Process) -> bytes:
    assert process.stdout is not None
    said = b""
    while piece := await process.stdout.read(OUTPUT_OCTETS):
        said += piece
        if len(said) > OUTPUT_OCTETS:
            _kill(process)
    return said


async def _end(process: Process) -> None:
    """Nothing that it started outlives it, unless that has left its process group."""
    _kill(process)
    await process.wait()
    assert process.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):  # what it started dies a moment after it
            while await process.stdout.read(OUTPUT_OCTETS):
                pass


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _tail(said: bytes) -> str:
    """The end, where programs say what was wrong."""
    text = said[-_QUOTED * 4 :].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _QUOTED else f"…{line[-_QUOTED:]}"

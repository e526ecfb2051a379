"""What ``mailclad doctor --fix`` does: only what is safe, each thing told, nothing asked.

Comes in: what the doctor found.  Goes out: what was done, or why not; whether it helped, the
doctor sees by looking again.  Mail and the DNS are never touched.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailclad.app.certificate_state import read_state
from mailclad.app.config import Config
from mailclad.app.open import opened
from mailclad.app.requesting import make_told_renewal, means_to_order, server_runs
from mailclad.app.running import Running, read_running
from mailclad.services.certificates.acme.order import OrderFailed
from mailclad.services.certificates.renewal import Busy, Order
from mailclad.services.diagnose.doctor_facts import Machine, ModeSeen
from mailclad.services.diagnose.doctor_rules import KEY_OPEN_TO_OTHERS, OPEN_TO_OTHERS
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.report import Report
from mailclad.store.certificates import CertificateState
from mailclad.store.errors import StoreProblem
from mailclad.store.interface import Store

RELOAD_SECONDS = 30.0
"""A reload opens ports, starts workers and has certificates proven on every port."""

LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Mended:
    """``what`` was done, or was to be; ``hindrance`` says why it was not."""

    what: str
    hindrance: str = ""


def close_files(machine: Machine) -> Iterator[Mended]:
    """Take rights away from others; to be done before root is given up."""
    data = machine.data
    if data is not None and data.mode & OPEN_TO_OTHERS:
        yield _close(data, OPEN_TO_OTHERS)
    for key in machine.keys:
        if key.mode & KEY_OPEN_TO_OTHERS:
            yield _close(key, KEY_OPEN_TO_OTHERS)


def tidy(config: Config, machine: Machine) -> Iterator[Mended]:
    """A pid file whose process is gone: its number may be another's one day."""
    file = config.server.pid_file
    if machine.stopped and file is not None and file.exists():
        with suppress(OSError):
            file.unlink()
            yield Mended(f"{file}: removed, for no server runs")


def _close(seen: ModeSeen, others: int) -> Mended:
    wanted = seen.mode & ~others
    what = f"{seen.path}: rights changed from {seen.mode:04o} to {wanted:04o}"
    try:
        Path(seen.path).chmod(wanted)
    except OSError as problem:
        return Mended(what, f"not done: {problem.strerror}")
    return Mended(what)


async def mend(config: Config, report: Report) -> tuple[Mended, ...]:
    """What the findings name, each once; those that a person set aside are left alone."""
    named = {
        told.fix_here
        for told in report.findings
        if told.level in {Level.PROBLEM, Level.WATCH} and told.fix_here
    }
    fixes = dict.fromkeys(fix for name, fix in _FIXES.items() if name in named)
    return tuple([await fix(config) for fix in fixes])


async def reload(config: Config) -> Mended:
    """Settings and certificates as they are on disk."""
    directory = config.server.data
    what = "The server was told to read its settings and certificates again"
    running = read_running(directory)
    if running is None or not server_runs(directory) or not _is_ours(running):
        return Mended(what, "not done: it is not known which process it is")
    began = datetime.now(UTC)
    try:
        os.kill(running.pid, signal.SIGHUP)
    except OSError as problem:
        return Mended(what, f"not done: {problem.strerror}")
    with suppress(TimeoutError):
        async with asyncio.timeout(RELOAD_SECONDS):
            while not _has_reloaded(directory, running, began):  # noqa: ASYNC110 - of others
                await asyncio.sleep(LOOK_SECONDS)
            return Mended(what)
    return Mended(what, "it did not take them: the last lines of its log say why")


def _is_ours(running: Running) -> bool:
    """The number may be another's by now."""
    try:
        return b"mailclad" in Path(f"/proc/{running.pid}/cmdline").read_bytes()
    except OSError:
        return False


def _has_reloaded(directory: Path, before: Running, began: datetime) -> bool:
    """Settings were read, and certificates proven after that."""
    now, state = read_running(directory), read_state(directory)
    proven = state is None or all(
        one.proven_at is not None and one.proven_at.timestamp() >= int(began.timestamp())
        for one in state.served
    )
    return now is not None and now.since > before.since and proven


async def renew(config: Config) -> Mended:
    """Order what is due, or what names are missing, within the authority's limits."""
    what = "Certificates that are due were ordered"
    if config.acme is None:
        return Mended(what, "not done: they are not ordered here, for there is no [acme]")
    if not server_runs(config.server.data):
        return Mended(what, "not done: start the server first, it orders them itself")
    try:
        async with (
            opened(config.server.data) as things,
            means_to_order(config, things.store, ()) as means,
        ):
            renewal = make_told_renewal(config, means, _silently, runs=True, bound=())
            plan = await renewal.plan()
            now = means.clock.now()
            due = [order for order in plan.orders if _is_wanted(order, now)]
            if plan.survey.hindrance or not due:
                why = plan.survey.hindrance or "none is due by now (mailclad cert list says when)"
                return Mended(what, f"not done: {why}")
            told = [(await renewal.order(order)).told for order in due]
            await _until_settled(things.store)
    except (Busy, OrderFailed, StoreProblem) as problem:
        return Mended(what, f"not done: {problem}")
    return Mended(f"{what}: {'; '.join(told)}")


def _is_wanted(order: Order, now: int) -> bool:
    """New names need not wait for others; an order that failed is not tried before its time."""
    attempts = order.kept.attempts
    gains = bool(order.due.gains) and (not attempts or attempts[0].issued)
    return bool(order.names) and (order.due.at <= now or gains)


async def _until_settled(store: Store) -> None:
    """The running server takes them up, or says why not."""
    with suppress(TimeoutError):
        async with asyncio.timeout(RELOAD_SECONDS):
            while any(  # noqa: ASYNC110 - of another process
                one.state is CertificateState.STAGED for one in await store.certificates()
            ):
                await asyncio.sleep(LOOK_SECONDS)


def _silently(_text: str) -> None:
    """The report tells what came of it."""


_FIXES: Mapping[str, Callable[[Config], Awaitable[Mended]]] = {
    "certificates.reload": reload,
    "host.reload": reload,
    "certificates.request": renew,
    "certificates.renew": renew,
    "certificates.add_name": renew,
}
"""By the catalogue's ``fix_here``; what is not here is for a person to do."""

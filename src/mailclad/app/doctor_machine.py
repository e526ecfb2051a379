"""What the doctor sees on this machine: files and their modes, room, versions, the processes.

Comes in: the configuration and where it stands.  Goes out: ``Machine``, without what the store
knows.  Reads only; keys are opened to see whether they fit, and never shown.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import apsw
from cryptography.hazmat.backends.openssl.backend import backend

from mailclad.app.certificate_list import Inventory
from mailclad.app.certificate_sources import CA_FOLDER
from mailclad.app.config import Config
from mailclad.app.privileges import UserProblem, find_user
from mailclad.app.requesting import server_runs
from mailclad.app.running import read_running, settings_digest
from mailclad.engines.sqlite.connection import LEAST_SQLITE
from mailclad.services.certificates.files import load_pair
from mailclad.services.certificates.pair import CertificateProblem
from mailclad.services.certificates.plan import Alarm
from mailclad.services.certificates.private_ca import KEY_FILE
from mailclad.services.diagnose.doctor_facts import (
    GROWTH_DAYS,
    DiskSeen,
    Machine,
    ModeSeen,
    Overdue,
    QueueSeen,
    VersionSeen,
)
from mailclad.store.interface import Store

LEAST_OPENSSL = (3, 5, 0)
"""The oldest with X25519MLKEM768, and with support for years."""

PACKS = "packs"


def look_at_machine(config: Config, file: Path) -> Machine:
    """To be done before root is given up: keys may be root's.

    Raises PermissionError where who calls may not look into the data directory.
    """
    data = config.server.data
    if data.exists():
        os.scandir(data).close()
    mixed, unusable, unseen = _pairs(config)
    return Machine(
        data=_mode(data),
        keys=tuple(filter(None, map(_mode, _key_files(config)))),
        stopped=_stopped(config),
        older=_older(data, file),
        mixed=mixed,
        unusable=unusable,
        unseen=unseen,
        disk=_disk(data) if data.exists() else None,
        versions=tuple(_versions()),
    )


def look_again(machine: Machine, config: Config, file: Path) -> Machine:
    """After something was mended, perhaps without root: files are as they were seen before."""
    older = _older(config.server.data, file)
    return replace(machine, stopped=_stopped(config), older=older)


async def with_store(
    machine: Machine, config: Config, store: Store, inventory: Inventory, now: datetime
) -> Machine:
    told = (*machine.mixed, *machine.unusable)
    counts = await store.queue_counts()
    oldest = None if counts.oldest is None else datetime.fromtimestamp(counts.oldest, UTC)
    return replace(
        machine,
        queue=QueueSeen(counts.messages, oldest),
        attempts=await store.attempts() if config.acme is not None else (),
        overdue=tuple(_overdue(inventory, int(now.timestamp()))),
        refused=tuple(
            (reason if reason.startswith(source) else f"{source}: {reason}").rstrip(".")
            for source, reason in inventory.refused.items()
            if reason not in told
        ),
        keeps_since=_keeps_since(config.server.data),
    )


def _overdue(inventory: Inventory, now: int) -> Iterator[Overdue]:
    for one in inventory.certificates:
        if one.served is None or one.next_order is None or one.alarm(now) is Alarm.OK:
            continue
        told = one.last.told if one.last is not None and not one.last.issued else ""
        why = told.rstrip(".") or one.next_order.why
        yield Overdue(datetime.fromtimestamp(one.not_after, UTC), why)


def _mode(path: Path) -> ModeSeen | None:
    try:
        return ModeSeen(str(path), stat.S_IMODE(path.stat().st_mode))
    except OSError:
        return None


def _key_files(config: Config) -> Iterator[Path]:
    yield from (files.key for files in config.tls.files)
    yield config.server.data / CA_FOLDER / KEY_FILE
    if config.acme is not None:
        yield from (one.key_file for one in config.acme.eab)
        if config.acme.dns.key is not None:
            yield config.acme.dns.key


def _pairs(config: Config) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Pairs that do not belong together, files that cannot be used for another reason, and keys
    that the server reads as root before it becomes its user, who may not."""
    mixed: list[str] = []
    unusable: list[str] = []
    unseen: list[str] = []
    for files in config.tls.files:
        is_roots = config.server.user and os.geteuid() != 0 and files.key.exists()
        if is_roots and not os.access(files.key, os.R_OK):
            unseen.append(f"{files.key} may not be read by this user: look again as root.")
            continue
        try:
            load_pair(files.certificate, files.key)
        except CertificateProblem as problem:
            text = str(problem)
            (mixed if " is not the key of " in text else unusable).append(text)
    return tuple(mixed), tuple(unusable), tuple(unseen)


def _stopped(config: Config) -> str:
    """Why no server runs; "" where one does."""
    data = config.server.data
    if not data.exists():
        return f"{data} is not there, so it has never run with these settings"
    if server_runs(data):
        return ""
    try:
        user = find_user(config.server.user)
    except UserProblem as problem:
        return str(problem).rstrip(".")
    if user is not None and data.stat().st_uid != user.pw_uid:
        return f"{data} does not belong to {user.pw_name}, so it cannot start"
    return f"no process works with {data}"


def _older(data: Path, file: Path) -> str:
    """In what the running server is older than the disk; "" where it has not said."""
    running, found = read_running(data), []
    if running is not None and running.settings != settings_digest(file):
        found.append(f"{file.name} was changed after it was read")
    if running is not None and running.version != (installed := version("mailclad")):
        found.append(f"version {running.version} runs, {installed} is installed")
    return ", and ".join(found)


def _disk(data: Path) -> DiskSeen:
    room = os.statvfs(data)
    since = (datetime.now(UTC) - timedelta(days=GROWTH_DAYS)).timestamp()
    packs = [file.stat() for file in _packs(data)]
    return DiskSeen(
        str(data),
        room.f_bavail * room.f_frsize,
        grown=sum(file.st_size for file in packs if file.st_mtime >= since),
        largest=max((file.st_size for file in packs), default=0),
    )


def _keeps_since(data: Path) -> datetime | None:
    """The oldest pack is the oldest mail, or was made anew: then it is later."""
    times = [file.stat().st_mtime for file in _packs(data)]
    return datetime.fromtimestamp(min(times), UTC) if times else None


def _packs(data: Path) -> list[Path]:
    with suppress(OSError):
        return [file for file in (data / PACKS).iterdir() if file.is_file()]
    return []


def _versions() -> Iterator[VersionSeen]:
    """Of what is loaded here, those that are too old."""
    openssl = backend.openssl_version_text().split()[1]
    for what, installed, wanted in (
        ("OpenSSL", openssl, LEAST_OPENSSL),
        ("SQLite", apsw.sqlite_lib_version(), LEAST_SQLITE),
    ):
        if _numbers(installed) < wanted:
            yield VersionSeen(what, installed, ".".join(map(str, wanted)))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in text.split(".")[:3])

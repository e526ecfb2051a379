"""What is wrong with one's own server, as seen on its machine: facts → findings.  Pure.

Comes in: ``Machine`` and ``Wire``.  Goes out: findings; what :mod:`judge` finds at the ports is
its own affair.  One cause is told once: without a server no port is missed, and a port that is
somebody else's is not judged as ours.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mailclad.services.diagnose.chain import read_chain
from mailclad.services.diagnose.doctor_facts import Machine, ModeSeen, VersionSeen, Wire
from mailclad.services.diagnose.facts import PortSeen, Reach, Spoken
from mailclad.services.diagnose.filling import date_words
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.rules.dates import iso
from mailclad.store.renewals import Attempt

OPEN_TO_OTHERS = 0o077
"""Of the data directory: it is the server's alone."""

KEY_OPEN_TO_OTHERS = 0o027
"""Of a key: a group that may read it is a usual way to hand it to the server (ssl-cert)."""

LEAST_FREE = 512 * 1024 * 1024
"""Whatever else: logs, a message of the largest size for each connection, SQLite's journal."""

LATE = timedelta(hours=4)
"""Mail that waits longer met more than greylisting; senders hear of the delay from then on."""

BACKUP_AFTER = timedelta(days=7)
"""A server that keeps mail for so long is no trial any more."""

_RULE = "doctor"
_BLOCKED = frozenset({Reach.REFUSED, Reach.SILENT})
_ACME = frozenset({"ACME-431", "ACME-432", "ACME-433", "ACME-434"})
_SIZES = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def judge_machine(machine: Machine, now: datetime) -> Iterator[Found]:
    yield from _process(machine)
    yield from _modes(machine)
    yield from _settings(machine)
    yield from _disk(machine)
    yield from _queue(machine, now)
    yield from _backup(machine, now)
    yield from map(_version, machine.versions)
    yield from judge_attempts(machine.attempts)
    for one in machine.overdue:
        yield _found("ACME-435", ends=iso(one.ends), why=one.why)


def _process(machine: Machine) -> Iterator[Found]:
    if machine.stopped:
        yield _found("HOST-808", why=machine.stopped)
    elif machine.older:
        yield _found("HOST-809", what=machine.older)


def _modes(machine: Machine) -> Iterator[Found]:
    data = machine.data
    if data is not None and data.mode & OPEN_TO_OTHERS:
        yield _found("HOST-802", path=data.path, mode=_octal(data))
    for key in machine.keys:
        if key.mode & KEY_OPEN_TO_OTHERS:
            yield _found("CERT-313", file=key.path, mode=_octal(key))


def _settings(machine: Machine) -> Iterator[Found]:
    for what in machine.mixed:
        yield _found("CERT-314", what=what)
    for what in machine.unusable:
        yield _found("HOST-811", what=what)
    for what in machine.unseen:
        yield _found("HOST-810", what=what)
    for what in machine.refused:
        yield _found("HOST-813", what=what)


def _disk(machine: Machine) -> Iterator[Found]:
    disk = machine.disk
    if disk is None:
        return
    needed = LEAST_FREE + disk.grown + disk.largest
    if disk.free < needed:
        level = None if disk.free < LEAST_FREE else Level.WATCH
        yield _found(
            "HOST-801", level, path=disk.path, free=_size(disk.free), needed=_size(needed)
        )


def _queue(machine: Machine, now: datetime) -> Iterator[Found]:
    queue = machine.queue
    if queue is not None and queue.oldest is not None and now - queue.oldest > LATE:
        yield _found("HOST-807", count=str(queue.count), oldest=iso(queue.oldest))


def _backup(machine: Machine, now: datetime) -> Iterator[Found]:
    """Mailclad knows of no backup: whoever makes them elsewhere sets this aside."""
    since = machine.keeps_since
    if since is not None and now - since > BACKUP_AFTER:
        yield _found("HOST-803", Level.NOTE, newest="")


def _version(one: VersionSeen) -> Found:
    return _found("HOST-805", what=one.what, installed=one.installed, wanted=one.wanted)


def judge_attempts(attempts: Iterable[Attempt]) -> Iterator[Found]:
    """Of each place the newest; what was put right since is past.  ``attempts``: newest first."""
    newest: dict[tuple[int, str], Attempt] = {}
    for attempt in attempts:
        newest.setdefault((attempt.series, attempt.kind), attempt)
    for attempt in newest.values():
        if attempt.finding in _ACME:
            yield from _of_attempt(attempt)


def _of_attempt(attempt: Attempt) -> Iterator[Found]:
    """Names that were left out are watched; without any certificate it is a problem."""
    level = Level.WATCH if attempt.issued else None
    if attempt.finding == "ACME-433":
        until = iso(datetime.fromtimestamp(attempt.not_before, UTC))
        yield _found(attempt.finding, level, until=until, limit=attempt.told)
    elif attempt.finding == "ACME-434":
        yield _found(attempt.finding, level, why=attempt.told, record="")
    else:
        for name, why in (attempt.failed or {attempt.names[0]: attempt.told}).items():
            yield _found(attempt.finding, level, name=name, why=why)


@dataclass(frozen=True, slots=True)
class Sorted:
    """``host`` with the ports that are ours to judge, and what is wrong with the others."""

    wire: Wire
    found: tuple[Found, ...]


def sort_ports(wire: Wire) -> Sorted:
    """Set apart where nobody answers (HOST-806), and where somebody else does (HOST-812)."""
    dead: list[PortSeen] = []
    ours: list[PortSeen] = []
    strangers: list[Found] = []
    for port in wire.host.ports:
        if port.reach in _BLOCKED or _is_silent(port):
            dead.append(port)
        elif stranger := _stranger(port, wire):
            strangers.append(_at(port, "HOST-812", shown=stranger))
        elif port.reach is not Reach.UNREACHABLE:  # by IPv6, on a machine without
            ours.append(port)
    if not ours and any(map(_is_silent, dead)):
        found = (
            _found("HOST-808", why="connections are taken, and then nothing is said"),
            *strangers,
        )
    else:
        found = (*_missed(dead, wire.closed), *strangers)
    return Sorted(replace(wire, host=replace(wire.host, ports=tuple(ours))), found)


def _is_silent(port: PortSeen) -> bool:
    """Connections are taken, and nothing is said: the process hangs."""
    silent = not port.greeting and port.spoken is Spoken.NOTHING
    return port.reach is Reach.OPEN and silent and all(one.silent for one in port.handshakes)


def _missed(dead: Sequence[PortSeen], closed: Sequence[str]) -> Iterator[Found]:
    """All at once: a port at two addresses, and two ports, mostly have one cause."""
    place = ", ".join((*map(_place, dead), *closed))
    if dead:
        also = tuple((port.address, port.endpoint) for port in dead[1:])
        yield replace(_at(dead[0], "HOST-806", place=place), also=also)
    elif closed:
        yield _found("HOST-806", place=place)


def _stranger(port: PortSeen, wire: Wire) -> str:
    """What it shows in the place of our certificates, or nothing."""
    if wire.ours is None or not port.chain:
        return ""
    if hashlib.sha256(port.chain[0]).hexdigest() in wire.ours:
        return ""
    chain = read_chain(port.chain)
    if chain is None:
        return "one that cannot be read"
    ends = chain.leaf.ends
    until = f", until {date_words(ends)}" if ends is not None else ""
    return f"for {chain.leaf.names_shown or 'nobody'}{until}"


def without_doubles(first: Sequence[Found], more: Iterable[Found]) -> tuple[Found, ...]:
    """Both, of the second only what the first has not seen at the same place."""
    known = {(one.id, place) for one in first for place in _places(one)}
    fresh = (one for one in more if not any((one.id, place) in known for place in _places(one)))
    return (*first, *fresh)


_EXPLAINED_BY = {"CERT-307": "ACME-435", "CERT-305": "HOST-817"}
"""Who knows why it was not renewed need not hear that it ends; nor is an authority to be installed
that signs only until there is a real one."""


def without_explained(found: Sequence[Found]) -> tuple[Found, ...]:
    known = {one.id for one in found}
    return tuple(one for one in found if _EXPLAINED_BY.get(one.id) not in known)


def _places(found: Found) -> Iterator[tuple[str, int]]:
    """Certificates are the same whatever the name of the port; else the values tell."""
    endpoints = [found.endpoint, *(endpoint for _, endpoint in found.also)]
    for endpoint in endpoints:
        yield ("", endpoint.port) if endpoint is not None else (found.host, 0)


def _found(entry: str, level: Level | None = None, **values: str) -> Found:
    return Found(entry, _RULE, level=level, values=values)


def _at(port: PortSeen, entry: str, **values: str) -> Found:
    endpoint = port.endpoint
    return Found(entry, _RULE, endpoint.host, port.address, endpoint, values=values)


def _place(port: PortSeen) -> str:
    return f"port {port.endpoint.port} at {port.address}"


def _octal(seen: ModeSeen) -> str:
    return f"{seen.mode:04o}"


def _size(octets: int) -> str:
    amount, unit = next(((n, u) for n, u in _SIZES if octets >= n), (1, "octets"))
    return f"{octets / amount:.1f} {unit}" if amount > 1 else f"{octets} {unit}"

"""C29, C30: the same certificate everywhere?  Between ports, addresses, and the disk.

Services may well have certificates of their own: what is told is one that was forgotten when
another, with the same name, was renewed.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from mailclad.services.diagnose.chain import Certificate, read_chain
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.rules.case import Case, Shown
from mailclad.services.diagnose.rules.dates import ends_soon, iso
from mailclad.services.diagnose.rules.names import is_named


def differing(case: Case) -> Iterator[Found]:
    """C29, C30"""
    for _, several in groupby(case.shown, key=lambda one: one.host):
        shown = [one for one in several if is_named(one.chain, one.host)]
        forgotten = [one for one in shown if _is_forgotten(one, shown, case)]
        for one in forgotten:
            yield _on_a_port(one, shown, case) or _at_an_address(one, shown)


def _is_forgotten(one: Shown, shown: list[Shown], case: Case) -> bool:
    return _is_late(one, case) and any(
        _is_newer(other.chain.leaf, one.chain.leaf) and not _is_late(other, case)
        for other in shown
    )


def _is_late(one: Shown, case: Case) -> bool:
    ends = one.chain.leaf.ends
    return (ends is not None and ends < case.now) or any(True for _ in ends_soon(one, case))


def _is_newer(one: Certificate, other: Certificate) -> bool:
    """Another that could stand in its place: with the same name, and as many kinds of keys."""
    return (
        one.begins is not None
        and other.begins is not None
        and one.begins > other.begins
        and one.key_type == other.key_type
    )


def _on_a_port(old: Shown, shown: list[Shown], case: Case) -> Found | None:
    """The other ports at the same address have the new one."""
    here = [one for one in shown if one.door.port.address == old.door.port.address]
    if not any(_is_newer(one.chain.leaf, old.chain.leaf) for one in here):
        return None
    late = [one for one in here if _is_late(one, case)]
    ports = ", ".join(str(one.door.port.endpoint.port) for one in late)
    told = "; ".join(
        f"port {one.door.port.endpoint.port}: certificate until {_day(one.chain.leaf.ends)}"
        for one in here
    )
    return old.door.found("CERT-309", "C29", _level(old), ports=ports, differing=told)


def _at_an_address(old: Shown, shown: list[Shown]) -> Found:
    same = [one for one in shown if one.door.port.endpoint == old.door.port.endpoint]
    told = "; ".join(
        f"{one.door.port.address}: certificate until {_day(one.chain.leaf.ends)}" for one in same
    )
    return old.door.found("CONN-107", "C30", _level(old), differing=told)


def _level(old: Shown) -> Level | None:
    ends = old.chain.leaf.ends
    return Level.PROBLEM if ends is not None and ends < old.now else None


def _day(moment: datetime | None) -> str:
    return f"{moment.day} {moment:%B %Y}" if moment is not None else "a day that cannot be read"


def not_in_use(case: Case) -> Iterator[Found]:
    """C29: a newer certificate on the disk than the one that is shown"""
    for file in case.evidence.files:
        chain = read_chain(file.chain)
        if chain is None:
            continue
        for shown in case.shown:
            served = shown.chain.leaf
            replaces = set(served.names.dns) & set(chain.leaf.names.dns)
            if replaces and _is_newer(chain.leaf, served):
                yield shown.door.found(
                    "CERT-308",
                    "C29",
                    file=file.path,
                    file_ends=iso(chain.leaf.ends),
                    served_ends=iso(served.ends),
                )


EXPLAINED = frozenset({"C01", "C04"})
"""Rules whose findings at a place are explained by C29 and C30 there."""


def without_explained(found: list[Found]) -> list[Found]:
    """One cause, one finding: who forgot to reload need not hear that it ends."""
    places = {
        (one.address, one.endpoint)
        for one in found
        if one.id in ("CERT-308", "CERT-309", "CONN-107") and one.rule in ("C29", "C30")
    }
    return [
        one
        for one in found
        if not (one.rule in EXPLAINED and (one.address, one.endpoint) in places)
    ]

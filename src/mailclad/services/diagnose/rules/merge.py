"""One cause, told once: the same finding at several ports, addresses or names becomes one."""

from collections.abc import Iterable
from dataclasses import replace

from mailclad.mail.endpoint import MailProtocol
from mailclad.services.diagnose.found import Found, Level

_LEVELS = tuple(Level)

_OF_A_HOST = frozenset({"CERT-302", "CERT-309", "CERT-310"})
"""Of the certificates' findings, those that depend on what was asked for."""


_OF_THIS_NETWORK = frozenset({"CONN-103", "CONN-110"})
"""Where nothing goes out to port 25, or to IPv6, no host matters."""


def merge(found: Iterable[Found]) -> tuple[Found, ...]:
    """Keep the order of first ones; the place that is told is where it is worst."""
    groups: dict[object, list[Found]] = {}
    for one in found:
        groups.setdefault(_cause(one), []).append(one)
    return tuple(_told(group) for group in groups.values())


def _cause(found: Found) -> object:
    by_host = not found.id.startswith("CERT-") or found.id in _OF_A_HOST
    if found.id in _OF_THIS_NETWORK and found.level in {None, Level.CANNOT_CHECK}:
        by_host = found.id == "CONN-103" and found.level is None
    return found.id, tuple(sorted(found.values.items())), found.host if by_host else ""


def _told(group: list[Found]) -> Found:
    worst = min(group, key=_badness)
    also = (
        (one.address, one.endpoint)
        for one in group
        if one is not worst and one.endpoint is not None
    )
    return replace(worst, also=tuple(dict.fromkeys(also)))


def _badness(found: Found) -> tuple[int, bool]:
    """Between servers, entries are milder by themselves: a person's port is told first."""
    level = _LEVELS.index(found.level) if found.level is not None else 0
    between = found.endpoint is not None and found.endpoint.protocol is MailProtocol.SMTP
    return level, between and found.level is None

"""A finding before it is put into words: which entry of the catalogue, where, with which values.

Rules make them, :mod:`catalogue` tells them.  Whether a value came from a stranger does not
matter here: control characters are taken out where it is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mailclad.mail.endpoint import Endpoint


class Level(StrEnum):
    """From bad to good; a report is as bad as its worst finding."""

    PROBLEM = "problem"
    """Mail does not work, or is unsafe."""
    WATCH = "watch"
    """Works now, will not, or is weaker than it should be."""
    NOTE = "note"
    CANNOT_CHECK = "cannot-check"
    NOT_FOR_YOU = "not-for-you"
    """Set aside by a person."""
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Found:
    """``id`` is the catalogue's (``CERT-302``), ``rule`` the detecting rule's (``C07a``).

    ``level`` overrides the entry's own for this service.  ``values`` fill the entry's texts:
    names are the entry's ``values``; times are ISO 8601 in UTC, lists joined by ", ".

    ``also`` are other addresses and endpoints with just the same fault: it is told once.
    """

    id: str
    rule: str
    host: str = ""
    address: str = ""
    endpoint: Endpoint | None = None
    level: Level | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    also: tuple[tuple[str, Endpoint], ...] = ()

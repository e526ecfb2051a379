"""The words of import and export: kinds of sources, what is taken from them, what came of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

MAX_MESSAGE_OCTETS = 128 * 1024 * 1024
"""Of a message that is imported, which is held in memory one at a time; most servers refuse
50 MiB already."""

MAX_TROUBLES_KEPT = 100
"""Their number is counted beyond; a person reads no more."""


class Kind(StrEnum):
    """How messages lie in files."""

    MAILDIR = "maildir"
    MBOX = "mbox"
    EML = "eml"


class TransferRefused(Exception):
    """Nothing can be done with this source or target; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A message or folder that was left out, and why."""

    place: str
    cause: str


@dataclass(frozen=True, slots=True)
class Item:
    """A message of a source, with CRLF line ends; ``flags`` are bits of ``store.model.Flag``.

    ``done`` is how far into its mailbox's ``size`` the source was read.
    """

    place: str
    octets: bytes
    flags: int
    keywords: tuple[str, ...]
    date: int
    done: int


@dataclass(frozen=True, slots=True)
class Found:
    """A mailbox in a source: its name below the target (empty: the target itself).

    ``size`` is in the unit of ``Item.done``: files, or octets of an mbox.
    """

    name: str
    size: int
    items: Callable[[], Iterator[Item | Trouble]]


@dataclass(frozen=True, slots=True)
class Step:
    """How far it went: ``done`` of ``total``, ``messages`` moved, now at ``mailbox``."""

    mailbox: str
    messages: int
    done: int
    total: int


Progress = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """``known`` messages had been imported before; ``left_out`` counts all troubles."""

    messages: int
    octets: int
    known: int
    left_out: int
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """``known`` messages were there already, from an earlier export."""

    mailboxes: int
    messages: int
    octets: int
    known: int

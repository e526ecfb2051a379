"""What happened to messages, in words, for whoever asks later: the port of the trace.

A help for people, not a ledger: what was noted in the last second may be lost in a crash; mail
never waits for it.  Kept for a month, refusals for three days.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailclad.mail.address import AddressProblem, parse_address
from mailclad.store.queue import QueueId
from mailclad.store.queue_name import parse_queue_name, queue_name

KEPT_DAYS = 30
REFUSALS_KEPT_DAYS = 3
"""Anybody can make refusals, so they must not fill the disk; who asks about one asks soon."""

REFUSALS_A_MINUTE = 30
"""Of one process, all strangers together: with three days at most some 100 MB for each."""

TEXT_LETTERS = 1_000
NAME_LETTERS = 320
"""The longest address, and more than any real Message-ID; longer ones are found by their start."""

ADDRESSES_AN_EVENT = 100
"""A message for more people is found by the first hundred, and by all its other names."""

LIVES_AT_ONCE = 100
"""Messages that one question brings at most."""

EVENTS_OF_A_LIFE = 1_000
"""Far beyond five days of attempts for a hundred recipients."""


class Happening(StrEnum):
    """What kind of event it is."""

    RECEIVED = "received"
    """A message came whole and is kept."""
    REFUSED = "refused"
    """A recipient or a message was turned away."""
    DISCARDED = "discarded"
    """A rule said that nobody gets it, and its sender was told that all is well."""
    JUDGED = "judged"
    """What it was taken for."""
    STORED = "stored"
    """It lies in somebody's mailbox here."""
    QUEUED = "queued"
    """It waits to leave for somebody elsewhere."""
    SENT = "sent"
    """Another server has taken it."""
    DELAYED = "delayed"
    FAILED = "failed"
    NOTICE = "notice"
    """Its sender was told what became of it."""
    CHANGED = "changed"
    """An administrator held, released or dropped it."""


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """``identity`` is the id in our Received field, the same for all that became of a message.

    It is "" where a sender was refused before there was a message; the trace makes one then.
    ``at`` is in seconds since 1970; ``text`` one plain sentence without its end; ``addresses``
    are the envelope's sender (if any) and the recipients that this is about, normalised.
    """

    at: int
    identity: str
    happening: Happening
    text: str
    message_id: str = ""
    queue: QueueId | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Life:
    """All that is known of one message, oldest first."""

    identity: str
    events: tuple[TraceEvent, ...]


class Trace(Protocol):
    def note(self, event: TraceEvent) -> None:
        """Write it down soon; never raises, never waits.  On the event loop."""
        ...


class TraceReader(Protocol):
    async def trace(self, name: str, limit: int = LIVES_AT_ONCE) -> list[Life]:
        """The newest messages of that name, the newest last.

        A name is an identity, a Message-ID without its brackets, a queue id as ``queue_name``
        writes it, or an address, normalised.
        """
        ...

    async def forget_trace(self, now: int) -> int:
        """Drop what is old; how many rows.  Does a part of it: repeat until it is 0."""
        ...


class NoTrace:
    """Where nobody asks: tests, and tools."""

    def note(self, event: TraceEvent) -> None:
        """Nothing is kept."""


def names_of(event: TraceEvent) -> list[str]:
    """All that the event can be found by."""
    queue = () if event.queue is None else (queue_name(event.queue),)
    named = (event.identity, event.message_id, *queue, *event.addresses[:ADDRESSES_AN_EVENT])
    return [name[:NAME_LETTERS] for name in dict.fromkeys(named) if name]


def spellings(word: str) -> list[str]:
    """The names that somebody may mean who typed this."""
    plain = word.strip().removeprefix("<").removesuffix(">")
    meant = {plain: None}
    queued = parse_queue_name(plain)
    if queued is not None:
        meant[queue_name(queued)] = None
    try:
        meant[parse_address(plain).normalised] = None
    except AddressProblem:  # of the other kinds
        meant[plain.lower()] = None
    return [name[:NAME_LETTERS] for name in meant]

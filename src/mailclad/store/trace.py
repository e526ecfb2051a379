"""What happened to messages, in words, for whoever asks later: the port of the trace.

A help for people, not a ledger: what was noted in the last second may be lost in a crash; mail
never waits for it.  Kept for a month.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailclad.store.queue import QueueId


class Happening(StrEnum):
    """What kind of event it is."""

    RECEIVED = "received"
    """A message came whole and is kept."""
    REFUSED = "refused"
    """A recipient or a message was turned away."""
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


class Trace(Protocol):
    def note(self, event: TraceEvent) -> None:
        """Write it down soon; never raises, never waits."""
        ...


class NoTrace:
    """Where nobody asks: tests, and tools."""

    def note(self, event: TraceEvent) -> None:
        """Nothing is kept."""

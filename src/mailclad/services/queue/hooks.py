"""Who else wants to know what became of an attempt to hand a message over."""

from dataclasses import dataclass
from typing import Protocol

from mailclad.store.queue import Attempt, QueuedMessage


@dataclass(frozen=True, slots=True)
class AttemptMade:
    """One connection's try at a message, and the addresses it was for."""

    message: QueuedMessage
    recipients: tuple[str, ...]
    attempt: Attempt


class AttemptHook(Protocol):
    async def on_attempt(self, attempt: AttemptMade) -> None:
        """Called after the outcome is written down; never raises, takes limited time."""
        ...

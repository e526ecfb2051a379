"""The storage port's count of what each account sends, so that a stolen password sends little.

The count is part of the commit that keeps the message: what is refused is not counted, and all
processes see one number.  Hours are counted as they stand on the clock; a day is the last 24.
"""

from dataclasses import dataclass
from typing import Protocol

from mailclad.store.model import AccountId
from mailclad.store.queue import Dispatch, QueueId

HOUR_SECONDS = 3_600
HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Sent:
    """Messages, and recipients of all of them together."""

    messages: int = 0
    recipients: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an account may send."""

    each_hour: Sent
    each_day: Sent


@dataclass(frozen=True, slots=True)
class Spending:
    """Who sends a message, to how many, and what he may."""

    account: AccountId
    recipients: int
    allowance: Allowance


class Sending(Protocol):
    async def enqueue_counted(self, dispatch: Dispatch, spending: Spending) -> tuple[QueueId, ...]:
        """As ``Queue.enqueue``, and counted; raises SentTooMuch, and then nothing is kept."""
        ...

    async def sent_since(self, account: AccountId, hour: int) -> Sent:
        """From this hour on, counted since 1970."""
        ...

    async def forget_sent(self, before_hour: int) -> int:
        """Counts of earlier hours; how many rows."""
        ...

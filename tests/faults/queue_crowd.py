"""A process that fills a queue and empties it, from many tasks, until it is killed.

Run as ``python -m tests.faults.queue_crowd DIRECTORY FIRST OWNER [careless]``.  Each message
has a number, which is its recipient's local part.  Written to standard output, each line before
the next step is taken:

    q NUMBER    its enqueue was acknowledged
    y NUMBER    the other server has said yes (what a real one would remember)
    n NUMBER    the other server has said no for good
    s NUMBER    the settlement of that was acknowledged: it must never be tried again
    d NUMBER    the settlement of another try, that it be tried later, was acknowledged

``careless`` settles before it was told yes: the proof that the test notices.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.queue import (
    Attempt,
    Change,
    Dispatch,
    Envelope,
    Limits,
    NewRecipient,
    QueueFilter,
    RecipientState,
    Result,
    Settlement,
    Work,
)
from mailclad.store.trace import Happening, TraceEvent

PRODUCERS = 16
WORKERS = 4
DESTINATIONS = 7
MOST_WAITING = 2_000
"""Producers pause beyond that, so that the queue is emptied as well as filled."""

_TRY = Attempt(0, "", "mx.example", "192.0.2.1", "TLSv1.3", "", "", "", "250 ok")
_ANSWERS = (
    (RecipientState.DELIVERED, "y"),
    (RecipientState.DELIVERED, "y"),
    (RecipientState.FAILED, "n"),
    (RecipientState.WAITING, "d"),
)


def octets_of(number: int) -> bytes:
    some = random.Random(number)
    return b"Subject: %d\r\n\r\n" % number + some.randbytes(some.choice([20, 500, 4_000]))


def envelope(number: int, now: int) -> Envelope:
    domain = f"d{number % DESTINATIONS}.example"
    to = NewRecipient(f"{number}@{domain}", domain)
    return Envelope("a@example.org", (to,), now + 9_999, now + 999, f"{number}")


class Crowd:
    def __init__(self, store: SqliteStore, first: int, owner: str, careless: bool) -> None:
        self._store = store
        self._numbers = iter(range(first, sys.maxsize))
        self._owner = owner
        self._careless = careless
        self._chances = random.Random(first)

    async def run(self) -> None:
        await asyncio.gather(
            *(self._produce() for _ in range(PRODUCERS)),
            *(self._work(f"{self._owner}-{number}") for number in range(WORKERS)),
            self._administrate(),
        )

    async def _produce(self) -> None:
        for number in self._numbers:
            while (await self._store.queue_counts()).waiting > MOST_WAITING:
                await asyncio.sleep(0.01)
            now = int(time.time())
            dispatch = Dispatch(octets_of(number), now, (envelope(number, now),))
            (queued,) = await self._store.enqueue(dispatch)
            say("q", [number])
            self._store.note(
                TraceEvent(now, f"{number}", Happening.QUEUED, "for somebody", "", queued)
            )

    async def _work(self, owner: str) -> None:
        while True:
            now = int(time.time())
            works = await self._store.lease_due(now, owner, now + 2, 50, Limits(100))
            settlements, answered = self._try(works, now)
            if self._careless:
                await self._settle(owner, settlements, answered)
            for letter, numbers in answered.items():
                if letter != "d":
                    say(letter, numbers)
            if not self._careless:
                await self._settle(owner, settlements, answered)
            if not works:
                await asyncio.sleep(0.01)

    async def _settle(
        self, owner: str, settlements: list[Settlement], answered: dict[str, list[int]]
    ) -> None:
        await self._store.settle(owner, settlements)
        say("s", answered["y"] + answered["n"])
        say("d", answered["d"])

    def _try(self, works: list[Work], now: int) -> tuple[list[Settlement], dict[str, list[int]]]:
        """What the other servers said of each."""
        answered: dict[str, list[int]] = {"y": [], "n": [], "d": []}
        settlements = []
        for work in works:
            for recipient in work.recipients:
                state, letter = self._chances.choice(_ANSWERS)
                answered[letter].append(int(recipient.address.partition("@")[0]))
                result = Result(recipient.number, state, "answer", now + 1)
                settlements.append(Settlement(work.message.id, (result,), (_TRY,)))
        return settlements, answered

    async def _administrate(self) -> None:
        """Hold and release a destination again and again; nothing is dropped."""
        while True:
            which = QueueFilter(destination=f"d{self._chances.randrange(DESTINATIONS)}.example")
            for change in (Change.HOLD, Change.RELEASE, Change.RETRY):
                await self._store.change(change, which, int(time.time()))
                await asyncio.sleep(0.02)


def say(letter: str, numbers: list[int]) -> None:
    """One write of whole lines, which a pipe takes in one piece up to 4,096 octets."""
    for first in range(0, len(numbers), 100):
        some = numbers[first : first + 100]
        os.write(1, "".join(f"{letter} {number}\n" for number in some).encode())


def lines_of(output: bytes) -> Iterator[tuple[str, int]]:
    """What a crowd said; the last line may be cut off, and was not said then."""
    for line in output.split(b"\n")[:-1]:
        letter, number = line.decode().split()
        yield letter, int(number)


async def main(directory: Path, first: int, owner: str, careless: bool) -> None:
    store = SqliteStore.open(directory)
    await Crowd(store, first, owner, careless).run()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(main(Path(arguments[0]), int(arguments[1]), arguments[2], "careless" in arguments))

"""A process that delivers to one store from many tasks until it is killed.

Run as ``python -m tests.faults.crowd DIRECTORY NUMBER [careless]``: writes to standard
output, for each delivery that was acknowledged, the number of its message.  What the message
was can be computed from the number, so that whoever killed this can look for it byte for
byte.  ``careless`` makes nothing durable: the proof that a test of durability notices.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

from mailclad.engines.packs.disk import SystemDisk
from mailclad.engines.sqlite.connection import rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.conformance import new_message
from mailclad.store.model import AccountId, Delivery

PRODUCERS = 64
ACCOUNTS = 8


def octets_of(number: int) -> bytes:
    """The message of that number: its size and content depend on it alone."""
    random_octets = random.Random(number)
    size = random_octets.choice([20, 500, 4_000, 20_000, 300_000 if number % 50 == 0 else 100])
    return b"Subject: %d\r\n\r\n" % number + random_octets.randbytes(size)


class CarelessDisk(SystemDisk):
    """Says that it synced."""

    def sync(self, fd: int) -> None:
        del fd


async def deliver_until_killed(directory: Path, first: int, careless: bool) -> None:
    store = SqliteStore.open(directory, disk=CarelessDisk() if careless else None)
    if careless:
        rows(store._db, "PRAGMA synchronous = OFF")
    accounts = [account.id for account in await store.accounts()]
    numbers = iter(range(first, sys.maxsize))

    async def produce() -> None:
        for number in numbers:
            target: tuple[AccountId, str] = (accounts[number % ACCOUNTS], "INBOX")
            await store.deliver(Delivery(new_message(octets_of(number)), (target,)))
            os.write(1, b"%d\n" % number)

    await asyncio.gather(*(produce() for _ in range(PRODUCERS)))


if __name__ == "__main__":
    asyncio.run(deliver_until_killed(Path(sys.argv[1]), int(sys.argv[2]), "careless" in sys.argv))

"""Mailclad with one of its promises broken, to prove that the tests of this folder notice.

    python -m tests.faults.careless early|pack|index|sending serve --config FILE

``early`` acknowledges deliveries before anything is stored, ``pack`` never syncs bodies,
``index`` never syncs the index, ``sending`` writes down as sent what it is about to send.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import apsw

from mailclad.cli import main
from mailclad.engines.packs.disk import SystemDisk
from mailclad.engines.sqlite import store
from mailclad.engines.sqlite.arrival import Arrival
from mailclad.engines.sqlite.committer import Committer
from mailclad.engines.sqlite.connection import open_index, rows
from mailclad.protocols.smtp.client.outcome import Fate, Stage, ours
from mailclad.services.deliver.connect import Body
from mailclad.services.deliver.courier import Courier
from mailclad.services.deliver.trip import Trip


def early() -> None:
    carefully = Committer.arrive

    async def arrive(self: Committer, arrival: Arrival) -> Any:
        if not isinstance(arrival.targets[0], tuple):  # APPEND needs to know its UID
            return await carefully(self, arrival)
        self._put(arrival)
        return ()

    Committer.arrive = arrive  # type: ignore[method-assign]


def pack() -> None:
    SystemDisk.sync = lambda self, fd: None  # type: ignore[method-assign]


def index() -> None:
    def open_carelessly(path: Path, *, cache_kib: int) -> apsw.Connection:
        db = open_index(path, cache_kib=cache_kib)
        rows(db, "PRAGMA synchronous=OFF")
        return db

    store.open_index = open_carelessly  # type: ignore[attr-defined]


def sending() -> None:
    """What is to be sent is written down as sent, and then sent."""
    carefully = Courier.carry
    tasks: set[asyncio.Task[None]] = set()

    async def carry(self: Courier, trip: Trip, body: Body) -> None:
        meant = Trip(trip.work)
        meant.wish = trip.wish
        task = asyncio.create_task(later(Courier(self._means), meant, body))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        for recipient in tuple(trip.pending):
            trip.reached = True
            trip.decide(recipient, ours(Fate.DELIVERED, "2.0.0", "surely", Stage.MESSAGE))

    async def later(courier: Courier, trip: Trip, body: Body) -> None:
        await asyncio.sleep(0.1)
        await carefully(courier, trip, body)
        await courier.close()

    Courier.carry = carry  # type: ignore[method-assign]


if __name__ == "__main__":
    {"sending": sending, "early": early, "pack": pack, "index": index}[sys.argv.pop(1)]()
    main()

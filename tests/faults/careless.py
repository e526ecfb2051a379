"""Mailclad with one of its promises broken, to prove that the tests of this folder notice.

    python -m tests.faults.careless early|pack|index serve --config FILE

``early`` acknowledges deliveries before anything is stored, ``pack`` never syncs bodies,
``index`` never syncs the index.
"""

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


if __name__ == "__main__":
    {"early": early, "pack": pack, "index": index}[sys.argv.pop(1)]()
    main()

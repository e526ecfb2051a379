"""Reading connections: one on the event loop for what is quick, two threads for the rest.

A read of up to about 100 rows takes 7 to 100 µs; a hop to a thread and back costs 70.
No read transaction outlives a call, so a slow client never keeps the WAL from shrinking.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from mailclad.engines.sqlite.connection import READ_CACHE_KIB, open_index
from mailclad.engines.sqlite.problem import problem_of
from mailclad.store.errors import StoreUnavailable

LOOP_ROWS = 100
"""Up to this many rows are read on the event loop."""

THREADS = 2
"""Scans share the machine with TLS and the committing thread."""

P = ParamSpec("P")
T = TypeVar("T")
Read = Callable[Concatenate[apsw.Connection, P], T]


class Readers:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._here = open_index(path, cache_kib=READ_CACHE_KIB)
        self._local = threading.local()
        self._opened: list[apsw.Connection] = []
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="mailclad-read")
        self.closed = False

    def here(self, read: "Read[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Read at once, on the calling thread: the event loop's."""
        if self.closed:
            raise StoreUnavailable("the store is closed")
        try:
            return read(self._here, *args, **kwargs)
        except apsw.Error as error:
            raise problem_of(error) from error

    async def there(self, read: "Read[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Read on one of the threads."""
        if self.closed:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._pool, lambda: read(self._own(), *args, **kwargs)
            )
        except (apsw.Error, OSError) as error:
            raise problem_of(error) from error

    def _own(self) -> apsw.Connection:
        """The calling thread's connection."""
        db: apsw.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = open_index(self._path, cache_kib=READ_CACHE_KIB)
            self._opened.append(db)
        return db

    async def close(self) -> None:
        self.closed = True
        await asyncio.to_thread(self._pool.shutdown)
        for db in (self._here, *self._opened):
            db.close()

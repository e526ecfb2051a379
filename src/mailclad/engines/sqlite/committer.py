"""Group commit: one thread that makes everything its process changes durable, in batches.

Comes in: requests of any kind, from the event loop.  Each batch is up to 256 of them:
bodies into the pack, ``fdatasync``; then the write lock, one transaction, ``COMMIT``; then
all acknowledgements, with one wake-up of the loop.  Who was in the last batch, or came during
it, is waited for a moment before the next: two fsyncs cost more than the work between them.
Who is alone never waits.  A request that fails takes nobody with
it: the batch is run anew with a savepoint for each.  Arrivals that follow each other share
their statements.

Limits: ``WAITING_REQUESTS``.  Nothing is acknowledged before it is durable; after a failed
``COMMIT`` the outcome is unknown and the refusal says temporary.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, cast

import apsw
import structlog

from mailclad.engines.packs.writer import SEAL_OCTETS, PackWriter
from mailclad.engines.sqlite.arrival import Arrival, store_arrivals
from mailclad.engines.sqlite.connection import rows
from mailclad.engines.sqlite.lock import WriteLock
from mailclad.engines.sqlite.problem import problem_of
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.errors import StoreProblem, StoreUnavailable
from mailclad.store.model import MailboxId, ModSeq

_log = structlog.get_logger()

BATCH_REQUESTS = 256
"""Beyond about 100 an fsync is shared by so many that it no longer counts."""

WAITING_REQUESTS = 8_192
"""A process with more writers than that answers "later" instead of filling its memory."""

GATHER_SECONDS = 0.004
"""The longest wait for a batch to fill, and never longer than the last one took: what a batch
costs however full it is was two fifths of storing a small message."""

CHECKPOINT_PAGES = 8_192
"""32 MiB of WAL are copied into the index at a time."""

_ADOPTED_PACKS = 64
"""Of the packs that are not full, only the newest are looked at when one is needed."""


@dataclass(slots=True, eq=False)
class Work:
    """A writer: called with the transaction, its result is the verb's.

    The bodies of ``arrivals`` are made durable before; storing their rows is the writer's.
    """

    run: Callable[[Transaction], Any]
    future: "asyncio.Future[Any]"
    arrivals: Sequence[Arrival] = ()
    result: Any = None
    error: Exception | None = None

    @property
    def has_bodies(self) -> bool:
        return bool(self.arrivals)

    def store_bodies(self, packs: PackWriter) -> None:
        for arrival in self.arrivals:
            arrival.store_bodies(packs)

    def run_in(self, transaction: Transaction) -> None:
        self.result = self.run(transaction)


Request = Work | Arrival


@dataclass(slots=True)
class _Batch:
    requests: list[Request]
    touched: dict[MailboxId, ModSeq] = field(default_factory=dict)

    def going(self) -> list[Request]:
        return [request for request in self.requests if request.error is None]

    def fail(self, requests: Sequence[Request], error: Exception) -> None:
        problem = problem_of(error)
        if not isinstance(error, StoreProblem):  # who runs the server must know, not only clients
            _log.error("changes could not be stored", reason=str(problem), requests=len(requests))
        for request in requests:
            request.error = request.error or problem


class _CommitFailed(Exception):
    """Perhaps it is done all the same: nothing may be tried again."""

    def __init__(self, error: apsw.Error) -> None:
        self.error = error


class RequestQueue:
    """From the event loop to the committing thread, which is woken once for many requests."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._wanted = 1
        self._closed = False

    @property
    def waiting(self) -> int:
        return len(self._requests)

    def put(self, request: Request) -> None:
        with self._changed:
            self._requests.append(request)
            if len(self._requests) == self._wanted:
                self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self, expected: int, patience: float) -> list[Request]:
        """Wait for the first request, then ``patience`` seconds until ``expected`` are there.

        At most ``BATCH_REQUESTS``; none when it is closed and empty.
        """
        with self._changed:
            self._wait(1, None)
            if len(self._requests) < expected:
                self._wait(expected, patience)
            count = min(len(self._requests), BATCH_REQUESTS)
            return [self._requests.popleft() for _ in range(count)]

    def _wait(self, wanted: int, seconds: float | None) -> None:
        self._wanted = wanted
        self._changed.wait_for(lambda: len(self._requests) >= wanted or self._closed, seconds)


class Committer:
    """Owns the writing connection and the process's pack."""

    def __init__(
        self,
        db: apsw.Connection,
        lock: WriteLock,
        packs: PackWriter,
        changed: Callable[[dict[MailboxId, ModSeq]], None],
    ) -> None:
        self._db = db
        self._lock = lock
        self._packs = packs
        self._changed = changed
        self._queue = RequestQueue()
        self._waiting = 0
        self._closed = False
        self._wal_pages = 0
        db.set_wal_hook(self._note_wal)
        self._thread = threading.Thread(
            target=self._serve_all, name="mailclad-commit", daemon=True
        )
        self._thread.start()

    # --- on the event loop ---

    async def work(
        self, run: Callable[[Transaction], Any], arrivals: Sequence[Arrival] = ()
    ) -> Any:
        """Have ``run`` be part of the next transaction; its result, once durable."""
        future = asyncio.get_running_loop().create_future()
        self._put(Work(run, future, arrivals))
        return await future

    async def arrive(self, arrival: Arrival) -> Any:
        self._put(arrival)
        return await arrival.future

    def _put(self, request: Request) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._waiting >= WAITING_REQUESTS:
            raise StoreUnavailable("too many changes are waiting to be written")
        self._waiting += 1
        self._queue.put(request)

    async def close(self) -> None:
        """Finish what was asked for, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.close()
            await asyncio.to_thread(self._thread.join)

    def _acknowledge(self, batch: _Batch) -> None:
        self._waiting -= len(batch.requests)
        for request in batch.requests:
            if request.future.done():  # whoever asked has gone
                continue
            if request.error is None:
                request.future.set_result(request.result)
            else:
                request.future.set_exception(request.error)
        if batch.touched:
            self._changed(batch.touched)

    # --- on the committing thread ---

    def _serve_all(self) -> None:
        expected, took = 1, 0.0
        while requests := self._queue.take(expected, min(GATHER_SECONDS, took)):
            began = time.monotonic()
            self._serve(_Batch(requests))
            took = time.monotonic() - began
            expected = min(len(requests) + self._queue.waiting, BATCH_REQUESTS)
        self._packs.close()

    def _serve(self, batch: _Batch) -> None:
        try:
            self._store_bodies(batch)
            if batch.going():
                with self._lock.turn():
                    self._transact(batch)
        except Exception as error:
            batch.fail(batch.requests, error)
        loop = batch.requests[0].future.get_loop()
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._acknowledge, batch)
        if self._wal_pages >= CHECKPOINT_PAGES:
            self._checkpoint()

    def _store_bodies(self, batch: _Batch) -> None:
        with_bodies = [request for request in batch.requests if request.has_bodies]
        if not with_bodies:
            return
        try:
            if self._packs.needs_pack:
                self._open_pack()
            for request in with_bodies:
                self._store_body(request)
            self._packs.sync()
        except OSError as error:
            self._packs.undo()
            batch.fail(with_bodies, error)

    def _store_body(self, request: Request) -> None:
        try:
            request.store_bodies(self._packs)
        except OSError:
            raise
        except Exception as error:
            request.error = error  # its own fault, not the disk's

    def _open_pack(self) -> None:
        newest = (
            "SELECT id, octets FROM pack WHERE octets < ? AND live > 0 ORDER BY id DESC LIMIT ?"
        )
        for number, octets in rows(self._db, newest, (SEAL_OCTETS, _ADOPTED_PACKS)):
            if self._packs.adopt(number, octets):
                return
        while True:
            self._end_open_transaction()
            with self._lock.turn(), self._db:
                number = Transaction(self._db).take_ids("pack", 1)
            try:
                self._packs.start(number)
            except FileExistsError:  # of an index that is lost or was set back
                continue
            return

    def _transact(self, batch: _Batch) -> None:
        # Savepoints copy every page that is changed behind them.  Failures are rare, so the
        # batch is tried without any first, and run anew with one for each if it fails.
        going = batch.going()
        try:
            self._attempt(batch, going, apart=False)
        except _CommitFailed as failed:
            batch.fail(going, failed.error)
        except Exception as error:
            if len(going) == 1:
                batch.fail(going, error)
            else:
                self._attempt_apart(batch)

    def _attempt_apart(self, batch: _Batch) -> None:
        going = batch.going()
        try:
            self._attempt(batch, going, apart=True)
        except _CommitFailed as failed:
            batch.fail(going, failed.error)

    def _attempt(self, batch: _Batch, going: list[Request], *, apart: bool) -> None:
        """One transaction; raises when it was rolled back."""
        db = self._db
        try:
            self._end_open_transaction()
            db.execute("BEGIN IMMEDIATE")  # may fail after it began
            self._run_all(batch, going, apart=apart)
            self._commit()
        except Exception:
            if db.in_transaction:
                db.execute("ROLLBACK")
            batch.touched.clear()
            raise

    def _end_open_transaction(self) -> None:
        """The last ROLLBACK, or the end of a savepoint, may have failed."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _commit(self) -> None:
        try:
            self._db.execute("COMMIT")
        except apsw.Error as error:
            raise _CommitFailed(error) from error

    def _run_all(self, batch: _Batch, going: list[Request], *, apart: bool) -> None:
        for kind, group in groupby(going, type):
            requests = list(group)
            if kind is Arrival and not apart:
                together = partial(store_arrivals, arrivals=cast("list[Arrival]", requests))
                self._run(batch, requests, together, apart)
                continue
            for request in requests:
                self._run(batch, [request], request.run_in, apart)

    def _run(
        self,
        batch: _Batch,
        requests: Sequence[Request],
        run: Callable[[Transaction], None],
        apart: bool,
    ) -> None:
        transaction = Transaction(self._db)
        if not apart:
            run(transaction)
            batch.touched.update(transaction.touched)
            return
        self._db.execute("SAVEPOINT request")
        try:
            run(transaction)
        except Exception as error:
            if not self._db.in_transaction:  # SQLite gave all of it up
                raise
            rows(self._db, "ROLLBACK TO request; RELEASE request")
            batch.fail(requests, error)
            return
        self._db.execute("RELEASE request")
        batch.touched.update(transaction.touched)

    def _note_wal(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        # What cannot be copied now stays in the WAL, which is as durable; the next batch
        # tries again.
        with contextlib.suppress(apsw.Error, OSError), self._lock.turn():
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._wal_pages = 0

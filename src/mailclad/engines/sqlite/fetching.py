"""Lists: columns of many messages, in chunks that bound memory whatever the messages hold.

Each chunk is a read of its own and goes on behind the last UID of the one before, so what
happens in between is seen, and nothing is kept open for a slow client.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Self

import apsw

from mailclad.engines.sqlite.connection import first_row, snapshot
from mailclad.engines.sqlite.readers import LOOP_ROWS, Readers
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import Column, MailboxId, UidSet

CHUNK_ROWS = 1_000
"""About a millisecond of reading; what the port promises at most."""

CHUNK_OCTETS = 4 * 1024 * 1024
"""A chunk of prepared columns ends early beyond this: a header may have a megabyte."""

_PORTION_ROWS = 50
"""Prepared columns are weighed after as many rows."""

Runs = list[tuple[int, int]]

_HOT = {
    Column.UID: "m.uid",
    Column.MOD_SEQ: "m.mod_seq",
    Column.FLAGS: "m.flags",
    Column.OCTETS: "m.octets",
    Column.INTERNAL_DATE: "m.internal_date",
    Column.CONTENT: "m.content",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The statement for some columns; ``extra`` when the UID was added behind them."""

    sql: str
    uid_at: int
    extra: bool
    cold: tuple[int, ...]


@lru_cache(maxsize=256)
def plan_for(columns: tuple[Column, ...]) -> Plan:
    cold = tuple(at for at, column in enumerate(columns) if column not in _HOT)
    wanted = [_HOT.get(column, f"p.{column.value}") for column in columns]
    extra = Column.UID not in columns
    if extra:
        wanted.append("m.uid")
    join = " CROSS JOIN prepared p ON p.content = m.content" if cold else ""
    sql = (
        f"SELECT {', '.join(wanted)} FROM message m{join}"  # noqa: S608 - our own column names
        " WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid LIMIT ?"
    )
    uid_at = len(columns) if extra else columns.index(Column.UID)
    return Plan(sql, uid_at, extra, cold)


def message_count(db: apsw.Connection, mailbox: MailboxId) -> int:
    row = first_row(db, "SELECT messages FROM mailbox WHERE id = ?", (mailbox,))
    if row is None:
        raise MailboxNotFound("the mailbox is gone")
    return int(row[0])


def width(uids: UidSet) -> int:
    """How many UIDs a set holds."""
    return sum(last - first + 1 for first, last in uids)


class Fetched:
    """What ``Store.fetch`` gives: a chunk at a time.

    Few rows are read on the event loop, and chunks of hot columns: a thousand take 0.3 ms,
    less than writing them does, and lie on some twenty pages; a hop to a thread costs half
    of that.  Not an async generator: the loop keeps a list of those, which costs more than
    a few rows.
    """

    __slots__ = ("_few", "_mailbox", "_nothing", "_plan", "_readers", "_runs")

    def __init__(self, readers: Readers, plan: Plan, mailbox: MailboxId, uids: UidSet) -> None:
        self._readers = readers
        self._plan = plan
        self._mailbox = mailbox
        self._runs = list(uids)
        self._few = width(uids) <= LOOP_ROWS or self._messages() <= LOOP_ROWS
        self._nothing = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Any]:
        while self._runs:
            found, self._runs = await self._read()
            if found:
                self._nothing = False
                return found
        if self._nothing:  # is the mailbox itself gone?
            self._messages()
        raise StopAsyncIteration

    async def _read(self) -> tuple[list[Any], Runs]:
        what = (self._plan, self._mailbox, self._runs)
        if self._few:
            return self._readers.here(read_chunk, *what)
        if self._plan.cold:
            return await self._readers.there(read_chunk, *what)
        await asyncio.sleep(0)  # others have their turn between the chunks
        return self._readers.here(read_chunk, *what)

    def _messages(self) -> int:
        return self._readers.here(message_count, self._mailbox)


def read_chunk(
    db: apsw.Connection, plan: Plan, mailbox: MailboxId, runs: Runs
) -> tuple[list[Any], Runs]:
    """Up to a chunk's rows, and the runs that are still to be read."""
    batch, rest = _split(runs, CHUNK_ROWS)
    if len(batch) > 1:
        bindings = [(mailbox, first, last, CHUNK_ROWS) for first, last in batch]
        with snapshot(db):  # one lock of the WAL for all runs
            found, complete = _take(db.executemany(plan.sql, bindings), plan)
    else:
        # One run, which may hold more than a chunk; a statement is a snapshot by itself.
        batch, rest = runs[:1], runs[1:]
        found, complete = _take(db.execute(plan.sql, (mailbox, *batch[0], CHUNK_ROWS)), plan)
        complete = complete and len(found) < CHUNK_ROWS
    if not complete:
        rest = behind(found[-1][plan.uid_at], batch) + rest
    if plan.extra:
        found = [row[:-1] for row in found]
    return found, rest


def _split(runs: Runs, room: int) -> tuple[Runs, Runs]:
    """As many runs from the front as surely fit."""
    for at, (first, last) in enumerate(runs):
        room -= last - first + 1
        if room < 0:
            return runs[:at], runs[at:]
    return runs, []


def behind(uid: int, runs: Sequence[tuple[int, int]]) -> Runs:
    """What of the runs lies behind this UID."""
    return [(max(first, uid + 1), last) for first, last in runs if last > uid]


def _take(cursor: apsw.Cursor, plan: Plan) -> tuple[list[Any], bool]:
    """Rows up to the octets of a chunk, and whether that was all of them."""
    if not plan.cold:
        return cursor.fetchall(), True
    found: list[Any] = []
    octets = 0
    while portion := list(islice(cursor, _PORTION_ROWS)):
        found += portion
        for at in plan.cold:
            octets += sum([len(row[at]) for row in portion])
        if octets > CHUNK_OCTETS:
            cursor.close(force=True)
            return found, False
    return found, True

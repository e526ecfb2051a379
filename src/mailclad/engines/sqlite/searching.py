"""Search: what the index knows in SQL, headers and bodies by reading them, narrowed first.

A query is a tree.  A part of it that columns can answer becomes one statement.  The rest
is evaluated as sets of UIDs, each key only on the messages that the keys before left; the
messages that must be read are opened one at a time.  Runs on a reading thread.
Limits: ``condition.CONDITIONS`` a statement.
"""

import contextlib
from array import array
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import apsw

from mailclad.engines.packs.reader import PackBody, PackReader
from mailclad.engines.sqlite.condition import Condition, groups
from mailclad.engines.sqlite.connection import many, rows
from mailclad.engines.sqlite.matching import Needle, Read, matches_body, matches_header
from mailclad.engines.sqlite.open_body import open_body
from mailclad.store.errors import BodyDamaged, MessageNotFound
from mailclad.store.model import (
    ALL_UIDS,
    And,
    BodyContains,
    ContentId,
    HasUid,
    HeaderContains,
    MailboxId,
    Not,
    Or,
    Query,
    Uid,
    UidSet,
    uid_set,
)

_SCANNED = (
    "SELECT m.uid, m.content, p.fields, p.parts FROM message m"
    " CROSS JOIN prepared p ON p.content = m.content"
    " WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ?"
)
_SCANNED_ROWS = 200
"""Rows of messages that must be read are fetched this many at a time."""


class Search:
    """One search of one mailbox; lives on the thread that runs it."""

    def __init__(self, db: apsw.Connection, packs: PackReader, mailbox: MailboxId) -> None:
        self._db = db
        self._packs = packs
        self._mailbox = mailbox

    def run(self, query: Query) -> "array[int]":
        condition = Condition()
        sql = condition.write(query)
        if sql is not None:
            return array("I", self._select(sql, condition))
        return array("I", sorted(self._evaluate(query, None)))

    def _evaluate(self, query: Query, among: set[Uid] | None) -> set[Uid]:
        """The UIDs that match, of these or (None) of all."""
        if among is not None and not among:
            return set()
        condition = Condition()
        sql = condition.write(query)
        if sql is not None:
            found = set(self._select(sql, condition))
            return found if among is None else found & among
        match query:
            case And(keys):
                return self._all_of(keys, among)
            case Or(first, second):
                return self._evaluate(first, among) | self._evaluate(second, among)
            case Not(key):
                universe = set(self._select("1", Condition())) if among is None else among
                return universe - self._evaluate(key, universe)
            case HasUid(uids):
                every = (row[0] for row in self._rows("SELECT uid FROM message", uids))
                return set(every) if among is None else among.intersection(every)
            case _:
                return self._scan(query, among)

    def _all_of(self, keys: tuple[Query, ...], among: set[Uid] | None) -> set[Uid]:
        """Keys that columns answer go first: they leave fewer messages to read."""
        quick = tuple(key for key in keys if Condition().write(key) is not None)
        slow = tuple(key for key in keys if Condition().write(key) is None)
        for group in groups(quick):
            among = self._evaluate(group, among)
        for key in slow:
            among = self._evaluate(key, among)
        return set() if among is None else among

    def _select(self, sql: str, condition: Condition) -> Iterator[Uid]:
        """The UIDs for which the condition is true, ascending."""
        join = " CROSS JOIN prepared p ON p.content = m.content" if condition.cold else ""
        found = rows(
            self._db,
            f"SELECT m.uid FROM message m{join} WHERE m.mailbox = ? AND {sql} ORDER BY m.uid",  # noqa: S608
            (self._mailbox, *condition.bindings),
        )
        return chain.from_iterable(found)

    def _rows(self, select: str, uids: UidSet) -> list[Any]:
        where = f"{select} WHERE mailbox = ? AND uid BETWEEN ? AND ?"
        return many(self._db, where, [(self._mailbox, first, last) for first, last in uids])

    # --- messages that must be read ---

    def _scan(self, query: Query, among: set[Uid] | None) -> set[Uid]:
        runs = ALL_UIDS if among is None else uid_set(among)
        match query:
            case HeaderContains(name, text):
                needle = Needle(text)
                return self._matching(runs, lambda *one: matches_header(name, needle, *one))
            case BodyContains(text, headers):
                needle = Needle(text)
                return self._matching(
                    runs, lambda _, parts, read: matches_body(needle, headers, parts, read)
                )
            case _:
                raise TypeError(f"no such query: {query!r}")

    def _matching(self, uids: UidSet, matches: Callable[[bytes, bytes, Read], bool]) -> set[Uid]:
        found = set()
        for uid, content, fields, parts in self._scanned(uids):
            reading = Reading(self._db, self._packs, ContentId(content))
            with contextlib.closing(reading):
                if matches(fields, parts, reading):
                    found.add(uid)
        return found

    def _scanned(self, uids: UidSet) -> Iterator[tuple[Any, ...]]:
        runs = list(uids)
        while runs:
            first, last = runs[0]
            found = rows(
                self._db,
                f"{_SCANNED} ORDER BY m.uid LIMIT {_SCANNED_ROWS}",
                (self._mailbox, first, last),
            )
            yield from found
            if len(found) < _SCANNED_ROWS:
                del runs[0]
            else:
                runs[0] = (found[-1][0] + 1, last)


class Reading:
    """Ranges of a message's octets; it is opened when the first is asked for.

    Nothing where the message is gone: expunged while the search runs, or damaged, which is
    for ``verify`` to name.  Others are served.
    """

    __slots__ = ("_body", "_content", "_db", "_packs")

    def __init__(self, db: apsw.Connection, packs: PackReader, content: ContentId) -> None:
        self._db = db
        self._packs = packs
        self._content = content
        self._body: PackBody | None = None

    def __call__(self, start: int, end: int) -> bytes:
        try:
            if self._body is None:
                self._body = open_body(self._db, self._packs, self._content)
            return self._body.read(start, end - start)
        except (MessageNotFound, BodyDamaged):
            return b""

    def close(self) -> None:
        if self._body is not None:
            self._body.close()

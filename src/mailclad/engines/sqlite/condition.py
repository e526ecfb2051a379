"""What columns can answer of a query, as one SQL condition over ``message m, prepared p``.

Comes in: a query.  Goes out: SQL and its bindings, or None where a message must be read or
the tree is too large.  Limits: ``CONDITIONS``.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from mailclad.mail.encoded_word import fold_text
from mailclad.store.model import (
    All,
    And,
    Before,
    ChangedSince,
    Contains,
    DateOf,
    HasFlags,
    HasUid,
    Larger,
    Not,
    OnOrAfter,
    Or,
    Query,
    Smaller,
    UidSet,
)

CONDITIONS = 200
"""In one statement; SQLite's own limit of nesting is 1,000.  Larger trees become sets."""

_DATES = {DateOf.INTERNAL: "m.internal_date", DateOf.SENT: "p.sent_day"}


class Condition:
    """A query as SQL, while it is being written; ``cold`` when it needs prepared columns."""

    def __init__(self) -> None:
        self.bindings: list[Any] = []
        self.count = 0
        self.cold = False

    def write(self, query: Query) -> str | None:
        """SQL for the query, or None when columns cannot answer it."""
        self.count += 1
        if self.count > CONDITIONS:
            return None
        match query:
            case And(keys):
                return self._join(keys, " AND ", "1")
            case Or(first, second):
                return self._join((first, second), " OR ", "0")
            case Not(key):
                inner = self.write(key)
                return None if inner is None else f"NOT {inner}"
            case HasUid(uids):
                return self._runs(uids)
            case _:
                return self._leaf(query)

    def _join(self, keys: tuple[Query, ...], word: str, empty: str) -> str | None:
        written = [self.write(key) for key in keys]
        if None in written:
            return None
        return f"({word.join(filter(None, written))})" if written else empty

    def _runs(self, uids: UidSet) -> str | None:
        self.count += len(uids)
        if self.count > CONDITIONS:
            return None
        self.bindings += chain.from_iterable(uids)
        return f"({' OR '.join(['m.uid BETWEEN ? AND ?'] * len(uids)) or '0'})"

    def _leaf(self, query: Query) -> str | None:
        match query:
            case All():
                return "1"
            case HasFlags(mask):
                return self._bound("(m.flags & ?) = ?", mask, mask)
            case Larger(octets):
                return self._bound("m.octets > ?", octets)
            case Smaller(octets):
                return self._bound("m.octets < ?", octets)
            case ChangedSince(mod_seq):
                return self._bound("m.mod_seq >= ?", mod_seq)
            case _:
                return self._cold_leaf(query)

    def _cold_leaf(self, query: Query) -> str | None:
        match query:
            case OnOrAfter(which, seconds):
                return self._date(which, ">=", seconds)
            case Before(which, seconds):
                return self._date(which, "<", seconds)
            case Contains(which, text):
                self.cold = True
                return self._bound(f"instr(p.{which.value}, ?) > 0", fold_text(text))
            case _:
                return None

    def _date(self, which: DateOf, compare: str, seconds: int) -> str:
        # A message without a Date field is on no day, so NOT finds it.
        self.cold = self.cold or which is DateOf.SENT
        return self._bound(f"ifnull({_DATES[which]} {compare} ?, 0)", seconds)

    def _bound(self, sql: str, *values: Any) -> str:
        self.bindings += values
        return f"({sql})"


def groups(keys: Iterable[Query]) -> Iterator[Query]:
    """Keys that each fit a statement, together in as few as they fit."""
    group: list[Query] = []
    room = CONDITIONS
    for key in keys:
        condition = Condition()
        condition.write(key)
        if group and condition.count >= room:
            yield _all(group)
            group, room = [], CONDITIONS
        group.append(key)
        room -= condition.count
    if group:
        yield _all(group)


def _all(group: list[Query]) -> Query:
    return group[0] if len(group) == 1 else And(tuple(group))

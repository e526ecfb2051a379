"""Rows of the trace: written for many events at once, found by name, forgotten by the hour.

An event's id is the hour in which it is forgotten and a count; a name's key is that hour and a
hash.  So a busy server writes into few pages, what is old goes in one piece, and who looks for
a name looks once into each of the 720 hours.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import apsw

from mailclad.engines.sqlite.connection import first_row, many, rows, snapshot
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.queue import QueueId
from mailclad.store.trace import (
    ADDRESSES_AN_EVENT,
    EVENTS_OF_A_LIFE,
    KEPT_DAYS,
    LIVES_AT_ONCE,
    NAME_LETTERS,
    REFUSALS_KEPT_DAYS,
    TEXT_LETTERS,
    Happening,
    Life,
    TraceEvent,
    names_of,
)

FORGOTTEN_AT_ONCE = 2_000
"""Rows of each table in one transaction: some ten milliseconds."""

_HOUR_SECONDS = 3_600
_DAY_HOURS = 24
_COUNT_BITS = 40
_HASH_BITS = 40
"""Two of a million names have the same one time in two, and both are looked at then."""
_EVENTS_LOOKED_AT = 20 * LIVES_AT_ONCE
"""Of the newest of a name, to find so many different messages among them."""

_LAST_ID = "SELECT coalesce(max(id), ?1) FROM trace_event WHERE id >= ?1 AND id < ?2"
_ADD_EVENT = "INSERT INTO trace_event VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_NAME = "INSERT OR IGNORE INTO trace_name VALUES (?, ?)"
_HOURS = (
    "WITH RECURSIVE hour (until) AS (SELECT min(key) >> ?1 FROM trace_name UNION ALL"
    " SELECT (SELECT min(key) >> ?1 FROM trace_name WHERE key >= (until + 1) << ?1) FROM hour"
    " WHERE until IS NOT NULL) SELECT until FROM hour WHERE until IS NOT NULL"
)
_NAMED = "SELECT event FROM trace_name WHERE key = ? ORDER BY event DESC LIMIT ?"
_EVENT = (
    "SELECT at, identity, happening, text, message_id, queue, addresses"
    " FROM trace_event WHERE id = ?"
)
_FORGET_EVENTS = (
    "DELETE FROM trace_event WHERE id IN"
    " (SELECT id FROM trace_event WHERE id < ? ORDER BY id LIMIT ?) RETURNING id"
)
_FORGET_NAMES = (
    "DELETE FROM trace_name WHERE (key, event) IN"
    " (SELECT key, event FROM trace_name WHERE key < ? LIMIT ?) RETURNING event"
)


def add(tx: Transaction, events: Iterable[TraceEvent]) -> None:
    """Of events that come together only the first of a message bears its other names."""
    last: dict[int, int] = {}
    event_rows = []
    name_rows = []
    borne = set()
    for noted in events:
        until = _until(noted)
        number = last[until] = (last.get(until) or _last_id(tx.db, until)) + 1
        event = noted if noted.identity else replace(noted, identity=f"{number:016x}")
        event_rows.append(_row(number, event))
        for name in names_of(event):
            key = (until, event.identity, name)
            if name == event.identity or key not in borne:
                borne.add(key)
                name_rows.append((until << _HASH_BITS | _hash(name), number))
    tx.db.executemany(_ADD_EVENT, event_rows)
    tx.db.executemany(_ADD_NAME, sorted(name_rows))  # neighbours one after the other


def _until(event: TraceEvent) -> int:
    """The hour in which it is forgotten."""
    days = REFUSALS_KEPT_DAYS if event.happening is Happening.REFUSED else KEPT_DAYS
    return event.at // _HOUR_SECONDS + days * _DAY_HOURS


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(_clean(name).encode(), digest_size=_HASH_BITS // 8).digest())


def _last_id(db: apsw.Connection, until: int) -> int:
    last: int = first_row(db, _LAST_ID, (until << _COUNT_BITS, (until + 1) << _COUNT_BITS))[0]
    return last


def _row(number: int, event: TraceEvent) -> tuple[Any, ...]:
    return (
        number,
        event.at,
        event.identity,
        event.happening,
        _clean(event.text[:TEXT_LETTERS]),
        _clean(event.message_id[:NAME_LETTERS]),
        event.queue,
        _clean("\n".join(event.addresses[:ADDRESSES_AN_EVENT])),
    )


def _clean(text: str) -> str:
    """Without half characters, which cannot be stored."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def find(db: apsw.Connection, name: str, limit: int) -> list[Life]:
    """The newest lives of that name, the newest last."""
    with snapshot(db):
        hours: list[int] = [hour for (hour,) in rows(db, _HOURS, (_HASH_BITS,))]
        heard: dict[str, int] = {}
        for event in _named(db, name, hours, _EVENTS_LOOKED_AT):
            heard[event.identity] = max(event.at, heard.get(event.identity, event.at))
        newest = sorted(heard, key=lambda identity: heard[identity])[-min(limit, LIVES_AT_ONCE) :]
        return [Life(one, tuple(_named(db, one, hours, EVENTS_OF_A_LIFE))) for one in newest]


def _named(db: apsw.Connection, name: str, hours: list[int], most: int) -> list[TraceEvent]:
    """Events that bear this name, oldest first; the newest, where there are more."""
    # Refusals are forgotten soon, so they lie among what else is: looked at apart, or
    # ``most`` of the others would hide them.
    split = bisect_right(hours, hours[0] + REFUSALS_KEPT_DAYS * _DAY_HOURS) if hours else 0
    numbers = sorted(
        _numbers(db, name, hours[split:], most) + _numbers(db, name, hours[:split], most)
    )
    found = [_event(row) for row in many(db, _EVENT, numbers)]
    bearing = [event for event in found if name in names_of(event)]
    return sorted(bearing, key=lambda event: event.at)[-most:]


def _numbers(db: apsw.Connection, name: str, hours: list[int], most: int) -> list[tuple[int]]:
    hashed = _hash(name)
    numbers: list[tuple[int]] = []
    for hour in reversed(hours):
        numbers += rows(db, _NAMED, (hour << _HASH_BITS | hashed, most - len(numbers)))
        if len(numbers) >= most:
            break
    return numbers


def _event(row: Any) -> TraceEvent:
    at, identity, happening, text, message_id, queue, addresses = row
    return TraceEvent(
        at,
        identity,
        Happening(happening),
        text,
        message_id,
        None if queue is None else QueueId(queue),
        tuple(addresses.split("\n")) if addresses else (),
    )


def forget(tx: Transaction, now: int) -> int:
    hour = now // _HOUR_SECONDS
    events = rows(tx.db, _FORGET_EVENTS, (hour << _COUNT_BITS, FORGOTTEN_AT_ONCE))
    names = rows(tx.db, _FORGET_NAMES, (hour << _HASH_BITS, FORGOTTEN_AT_ONCE))
    return len(events) + len(names)

"""Leases: who tries which recipients just now.

Destinations are taken by when they are due, within each what is more urgent first; each step
is a few seeks, however long the queue is (docs/design/queue.md, "Finding what is due").
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import apsw

from mailclad.engines.sqlite.connection import first_row, many, rows
from mailclad.engines.sqlite.queue_rows import (
    RECIPIENT_COLUMNS,
    messages_of,
    recipient,
    refresh,
)
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.queue import LEASED_AT_ONCE, LONGEST_LEASE_SECONDS, Limits, QueueId, Work

_DESTINATIONS_AT_ONCE = 100

RECIPIENTS_A_MESSAGE = 100
"""RFC 5321 §4.5.3.1.8: what every server takes in one transaction."""

# ruff: noqa: S608 - the statements are put together from constants
_DESTINATIONS = (
    "SELECT next_attempt, name FROM queue_destination"
    " WHERE next_attempt <= ? AND (next_attempt, name) > (?, ?)"
    " ORDER BY next_attempt, name LIMIT ?"
)
_UNDER_WAY = (
    "SELECT count(DISTINCT message) FROM queue_recipient"
    " WHERE destination = ? AND state = 'leased'"
)
_NEXT_RANK = (
    "SELECT min(rank) FROM queue_recipient"
    " WHERE destination = ? AND state = 'waiting' AND rank > ?"
)
_DUE = (
    "SELECT message, number FROM queue_recipient WHERE destination = ? AND state = 'waiting'"
    " AND rank = ? AND next_attempt <= ? ORDER BY next_attempt, message, number LIMIT ?"
)
_LEASE = (
    "UPDATE queue_recipient SET state = 'leased', owner = ?, leased_until = ?"
    f" WHERE message = ? AND number = ? RETURNING {RECIPIENT_COLUMNS}"
)
_GIVE_BACK = (
    "UPDATE queue_recipient SET state = 'waiting', owner = NULL, leased_until = NULL"
    " WHERE message = ? AND number = ? RETURNING destination"
)
_LEASED = "SELECT message, number FROM queue_recipient WHERE state = 'leased' AND leased_until "
_RAN_OUT = f"{_LEASED} <= ?1 UNION ALL {_LEASED} > ?2 LIMIT ?3"
_OWNED = "SELECT message, number FROM queue_recipient WHERE state = 'leased' AND owner = ?"
_EXTEND = (
    "UPDATE queue_recipient SET leased_until = ?"
    " WHERE message = ? AND state = 'leased' AND owner = ? RETURNING number"
)
_NEXT_DUE = (
    "SELECT min(at) FROM (SELECT min(next_attempt) AS at FROM queue_destination UNION ALL"
    " SELECT min(leased_until) FROM queue_recipient WHERE state = 'leased')"
)

_Key = tuple[int, int]


@dataclass(slots=True)
class _Share:
    """What may still be taken for one destination."""

    recipients: int
    messages: int
    keys: list[_Key] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)

    def take(self, found: list[_Key]) -> bool:
        """Whether there may be more."""
        for message, number in found:
            if message not in self.taken and len(self.taken) == self.messages:
                return False
            self.taken.add(message)
            self.keys.append((message, number))
        return len(self.keys) < self.recipients


def lease_due(
    tx: Transaction, now: int, owner: str, until: int, limit: int, limits: Limits
) -> list[Work]:
    ran_out = rows(tx.db, _RAN_OUT, (now, now + LONGEST_LEASE_SECONDS, LEASED_AT_ONCE))
    if ran_out:
        _give_back(tx, ran_out)
    leased: list[Any] = []
    destinations = []
    for name in _due_destinations(tx.db, now):
        room = min(limit, LEASED_AT_ONCE) - len(leased)
        if room <= 0:
            break
        keys = _due_recipients(tx.db, name, now, room, limits.of(name))
        if keys:
            bindings = [(owner, until, *key) for key in keys]
            leased += many(tx.db, _LEASE, bindings)
            destinations.append(name)
    refresh(tx, destinations, {})
    return _works(tx.db, leased)


def _due_destinations(db: apsw.Connection, now: int) -> Iterator[str]:
    last = (-(2**63), "")
    while found := rows(db, _DESTINATIONS, (now, *last, _DESTINATIONS_AT_ONCE)):
        for _, name in found:
            yield name
        last = found[-1]


def _due_recipients(
    db: apsw.Connection, destination: str, now: int, room: int, limit: int
) -> list[_Key]:
    under_way: int = first_row(db, _UNDER_WAY, (destination,))[0]
    share = _Share(room, limit - under_way)
    rank = -1
    while share.messages > 0:
        rank = first_row(db, _NEXT_RANK, (destination, rank))[0]
        if rank is None:
            break
        most = min(room - len(share.keys), share.messages * RECIPIENTS_A_MESSAGE)
        if not share.take(rows(db, _DUE, (destination, rank, now, most))):
            break
    return share.keys


def _works(db: apsw.Connection, leased: list[Any]) -> list[Work]:
    """By destination, then by message, each in the order they were taken."""
    messages = messages_of(db, dict.fromkeys(row[0] for row in leased))
    works: dict[tuple[str, int], list[Any]] = {}
    for row in leased:
        works.setdefault((row[3], row[0]), []).append(recipient(row))
    return [
        Work(destination, messages[message], tuple(recipients))
        for (destination, message), recipients in works.items()
    ]


def next_due(db: apsw.Connection) -> int | None:
    at: int | None = first_row(db, _NEXT_DUE)[0]
    return at


def extend(tx: Transaction, owner: str, until: int, messages: Collection[QueueId]) -> int:
    return len(many(tx.db, _EXTEND, [(until, message, owner) for message in messages]))


def give_back(tx: Transaction, owner: str, messages: Collection[QueueId] | None) -> int:
    owned = rows(tx.db, _OWNED, (owner,))
    if messages is not None:
        owned = [key for key in owned if key[0] in messages]
    _give_back(tx, owned)
    return len(owned)


def _give_back(tx: Transaction, keys: list[_Key]) -> None:
    found = many(tx.db, _GIVE_BACK, keys)
    refresh(tx, {name for (name,) in found}, {})

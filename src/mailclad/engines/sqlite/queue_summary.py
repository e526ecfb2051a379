"""The queue by destination: how many wait, since when, and what the first of them heard.

Destinations are found by one seek each; their recipients are counted in indexes that hold
nothing else, about 30 million a second.
"""

from typing import Any

import apsw

from mailclad.engines.sqlite.connection import first_row, rows, snapshot
from mailclad.store.queue import DESTINATIONS_AT_ONCE, DestinationSummary, QueueId, queued_at

# Said literally: a partial index is not considered for what is bound.
_NEXT_NAME = "SELECT min(destination) FROM queue_recipient WHERE destination > ?"
_COUNTS = (
    "SELECT (SELECT count(*) FROM queue_recipient WHERE destination = ?1 AND state = 'waiting'),"
    " (SELECT count(*) FROM queue_recipient WHERE destination = ?1 AND state = 'leased'),"
    " (SELECT count(*) FROM queue_recipient WHERE destination = ?1 AND state = 'held')"
)
_OLDEST = (
    "SELECT message, answer FROM queue_recipient WHERE destination = ?"
    " AND state IN ('waiting', 'leased', 'held') ORDER BY message LIMIT 1"
)
_DUE = "SELECT next_attempt, paused_until FROM queue_destination WHERE name = ?"


def page(db: apsw.Connection, after: str, limit: int) -> list[DestinationSummary]:
    found: list[DestinationSummary] = []
    with snapshot(db):
        name: str | None = after
        while len(found) < min(limit, DESTINATIONS_AT_ONCE):
            name = first_row(db, _NEXT_NAME, (name,))[0]
            if name is None:
                break
            oldest = first_row(db, _OLDEST, (name,))
            if oldest is not None:
                found.append(_summary(db, name, oldest))
    return found


def _summary(db: apsw.Connection, name: str, oldest: Any) -> DestinationSummary:
    message, answer = oldest
    waiting, leased, held = rows(db, _COUNTS, (name,))[0]
    next_attempt, paused_until = first_row(db, _DUE, (name,)) or (None, 0)
    since = queued_at(QueueId(message))
    return DestinationSummary(
        name, waiting, leased, held, since, next_attempt, paused_until, answer
    )

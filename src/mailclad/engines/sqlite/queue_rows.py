"""Rows of the queue → values of the port, and the two ends that every change has.

``refresh`` brings a destination's row up to date; ``end_finished`` takes messages that wait
for nothing more out of the queue, and lets go of their contents.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from mailclad.engines.sqlite.connection import many, rows
from mailclad.engines.sqlite.placing import release
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.queue import (
    Deadline,
    Notify,
    QueuedMessage,
    QueuedRecipient,
    RecipientState,
    Return,
)

_MESSAGES = (
    "SELECT id, content, octets, start, identity, sender, expires, warn_at, not_before, account,"
    " envid, ret, priority, requiretls, smtputf8, eight_bit, deadline, gives_up"
    " FROM queue_message WHERE id = ?"
)
RECIPIENT_COLUMNS = (
    "message, number, address, destination, notify, orcpt, state, next_attempt, attempts,"
    " warned, answer, owner, leased_until"
)
_EARLIEST = (
    # One seek for each priority that is there, nearly always one.
    "WITH RECURSIVE level (rank) AS (SELECT min(rank) FROM queue_recipient"
    " WHERE destination = ?1 AND state = 'waiting' UNION ALL SELECT (SELECT min(rank)"
    " FROM queue_recipient WHERE destination = ?1 AND state = 'waiting' AND rank > level.rank)"
    " FROM level WHERE rank IS NOT NULL) SELECT ?1, min((SELECT min(next_attempt)"
    " FROM queue_recipient WHERE destination = ?1 AND state = 'waiting' AND rank = level.rank))"
    " FROM level"
)
_KEEP = (
    "INSERT INTO queue_destination VALUES (?1, max(?2, ?3), ?3) ON CONFLICT (name) DO UPDATE SET"
    " next_attempt = max(?2, paused_until, ?3), paused_until = max(paused_until, ?3)"
)
_FORGET = "DELETE FROM queue_destination WHERE name = ?"
_OPEN = (
    "SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM queue_recipient"
    " WHERE message = ?1 AND state IN ('waiting', 'leased', 'held'))"
)
_END_MESSAGE = "DELETE FROM queue_message WHERE id = ? RETURNING content"
_END_RECIPIENTS = "DELETE FROM queue_recipient WHERE message = ?"


def refresh(tx: Transaction, destinations: Iterable[str], pauses: dict[str, int]) -> None:
    """Whatever changed recipients of these destinations ends with this."""
    names = [(name,) for name in {*destinations, *pauses}]
    earliest: list[tuple[str, int | None]] = many(tx.db, _EARLIEST, names)
    waiting = [(name, at, pauses.get(name, 0)) for name, at in earliest if at is not None]
    tx.db.executemany(_KEEP, waiting)
    tx.db.executemany(_FORGET, [(name,) for name, at in earliest if at is None])


def end_finished(tx: Transaction, messages: Iterable[int]) -> None:
    """Of these messages, end those of which nobody is waiting, leased or held."""
    finished = many(tx.db, _OPEN, [(message,) for message in set(messages)])
    contents = many(tx.db, _END_MESSAGE, finished)
    tx.db.executemany(_END_RECIPIENTS, finished)
    release(tx.db, [content for (content,) in contents])


def messages_of(db: apsw.Connection, ids: Iterable[int]) -> dict[int, QueuedMessage]:
    found = many(db, _MESSAGES, [(each,) for each in ids])
    return {row[0]: _message(row) for row in found}


def _message(row: Any) -> QueuedMessage:
    ret, priority = row[11:13]
    requiretls, smtputf8, eight_bit = map(bool, row[13:16])
    at, gives_up = row[16:]
    back = None if ret is None else Return(ret)
    deadline = None if at is None else Deadline(at, bool(gives_up))
    facts = (*row[:11], back, priority, requiretls, smtputf8, eight_bit, deadline)
    return QueuedMessage(*facts)


def recipient(row: Sequence[Any]) -> QueuedRecipient:
    """From ``RECIPIENT_COLUMNS``."""
    _, number, address, destination, notify, orcpt, state, due, attempts, warned, *rest = row
    return QueuedRecipient(
        number,
        address,
        destination,
        Notify(notify),
        orcpt,
        RecipientState(state),
        due,
        attempts,
        bool(warned),
        *rest,
    )


def recipients_of(db: apsw.Connection, ids: Sequence[int]) -> dict[int, list[QueuedRecipient]]:
    """All recipients of these messages, in their order."""
    look = f"SELECT {RECIPIENT_COLUMNS} FROM queue_recipient WHERE message = ? ORDER BY number"  # noqa: S608 - our own column names
    return {each: [recipient(row) for row in rows(db, look, (each,))] for each in ids}

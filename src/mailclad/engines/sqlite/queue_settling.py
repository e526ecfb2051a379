"""Settling: what an attempt did is written down, and what was finished goes."""

from collections.abc import Mapping, Sequence

import apsw

from mailclad.engines.sqlite.arrival import Arrival, store_or_refuse
from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.queue_rows import end_finished, refresh
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.queue import (
    ANSWER_LETTERS,
    ATTEMPTS_KEPT,
    Attempt,
    QueueId,
    RecipientState,
    Result,
    Settlement,
)

_FINISH = (
    "UPDATE queue_recipient SET state = ?3, answer = ?4, attempts = attempts + 1,"
    " warned = max(warned, ?5), owner = NULL, leased_until = NULL"
    " WHERE message = ?1 AND number = ?2 AND state IN ('waiting', 'leased', 'held')"
    " RETURNING destination"
)
_DEFER = (
    "UPDATE queue_recipient SET state = ?3, answer = ?4, attempts = attempts + 1,"
    " warned = max(warned, ?5), owner = NULL, leased_until = NULL, next_attempt = ?6"
    " WHERE message = ?1 AND number = ?2 AND state = 'leased' AND owner = ?7"
    " RETURNING destination"
)
_LAST_ATTEMPT = "SELECT coalesce(max(number), 0) FROM queue_attempt WHERE message = ?"
_LOG = "INSERT INTO queue_attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRIM = "DELETE FROM queue_attempt WHERE message = ? AND number <= ?"


def settle(
    tx: Transaction,
    owner: str,
    settlements: Sequence[Settlement],
    notices: Sequence[Arrival],
    pauses: Mapping[str, int],
) -> int:
    counted = 0
    destinations = set()
    for settlement in settlements:
        for result in settlement.results:
            for (destination,) in _record(tx.db, owner, settlement.message, result):
                destinations.add(destination)
                counted += 1
        _log(tx.db, settlement.message, settlement.attempts)
    end_finished(tx, [settlement.message for settlement in settlements])
    if notices:
        store_or_refuse(tx, notices)
    refresh(tx, destinations, dict(pauses))
    return counted


def _record(db: apsw.Connection, owner: str, message: QueueId, result: Result) -> list[tuple[str]]:
    answer = result.answer[:ANSWER_LETTERS]
    facts = (message, result.number, result.state, answer, result.warned)
    if result.state is RecipientState.WAITING:
        return rows(db, _DEFER, (*facts, result.next_attempt, owner))
    return rows(db, _FINISH, facts)


def _log(db: apsw.Connection, message: QueueId, attempts: Sequence[Attempt]) -> None:
    if not attempts:
        return
    last: int = first_row(db, _LAST_ATTEMPT, (message,))[0]
    db.executemany(
        _LOG,
        [
            (message, number, a.at, a.destination, a.host, a.address, a.tls_version, a.tls_suite,
             a.tls_group, a.verified, a.answer[:ANSWER_LETTERS])
            for number, a in enumerate(attempts, last + 1)
        ],
    )  # fmt: skip
    rows(db, _TRIM, (message, last + len(attempts) - ATTEMPTS_KEPT))

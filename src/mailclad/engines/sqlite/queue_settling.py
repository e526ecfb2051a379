"""Settling: what an attempt did is written down, and what was finished goes."""

from collections.abc import Mapping, Sequence

import apsw

from mailclad.engines.sqlite.arrival import Arrival, store_or_refuse
from mailclad.engines.sqlite.connection import many
from mailclad.engines.sqlite.queue_rows import end_finished, refresh
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.queue import (
    ANSWER_LETTERS,
    ATTEMPTS_KEPT,
    RecipientState,
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
_LAST_ATTEMPT = "SELECT ?1, coalesce(max(number), 0) FROM queue_attempt WHERE message = ?1"
_LOG = "INSERT INTO queue_attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRIM = "DELETE FROM queue_attempt WHERE message = ? AND number <= ?"


def settle(
    tx: Transaction,
    owner: str,
    settlements: Sequence[Settlement],
    notices: Sequence[Arrival],
    pauses: Mapping[str, int],
) -> int:
    finished, deferred = [], []
    for settlement in settlements:
        for result in settlement.results:
            facts = (settlement.message, result.number, result.state,
                     result.answer[:ANSWER_LETTERS], result.warned)  # fmt: skip
            if result.state is RecipientState.WAITING:
                deferred.append((*facts, result.next_attempt, owner))
            else:
                finished.append(facts)
    settled = many(tx.db, _FINISH, finished) + many(tx.db, _DEFER, deferred)
    _log(tx.db, settlements)
    end_finished(tx, [settlement.message for settlement in settlements])
    if notices:
        store_or_refuse(tx, notices)
    refresh(tx, {destination for (destination,) in settled}, dict(pauses))
    return len(settled)


def _log(db: apsw.Connection, settlements: Sequence[Settlement]) -> None:
    """Attempts are numbered in each message; the oldest go."""
    logged = [settlement for settlement in settlements if settlement.attempts]
    last: dict[int, int] = dict(many(db, _LAST_ATTEMPT, [(one.message,) for one in logged]))
    attempts = []
    for settlement in logged:
        message = settlement.message
        for a in settlement.attempts:
            last[message] += 1
            attempts.append(
                (message, last[message], a.at, a.destination, a.host, a.address, a.tls_version,
                 a.tls_suite, a.tls_group, a.verified, a.answer[:ANSWER_LETTERS])
            )  # fmt: skip
    db.executemany(_LOG, attempts)
    long = [(message, most - ATTEMPTS_KEPT) for message, most in last.items()]
    db.executemany(_TRIM, [each for each in long if each[1] > 0])

"""What an administrator sees and does: pages of the queue, holding, releasing, dropping.

A page is found by ids: a filter narrows them by the index that fits, and the next page begins
behind the last one.  Changes go page by page, each a transaction.
"""

from typing import Any

import apsw

from mailclad.engines.sqlite.connection import first_row, many, rows, snapshot
from mailclad.engines.sqlite.queue_rows import end_finished, messages_of, recipients_of, refresh
from mailclad.engines.sqlite.trace_rows import add as add_to_trace
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.watching import QUEUE
from mailclad.store.queue import (
    PAGE_MESSAGES,
    QUEUE_ID_BITS,
    Attempt,
    Change,
    Changed,
    Page,
    QueueCounts,
    Queued,
    QueueFilter,
    QueueId,
    RecipientState,
    queued_at,
)
from mailclad.store.trace import Happening, TraceEvent

# ruff: noqa: S608 - the statements are put together from constants
_CHANGES = {
    Change.HOLD: "UPDATE queue_recipient SET state = 'held'"
    " WHERE message = :message AND state = 'waiting'",
    Change.RELEASE: "UPDATE queue_recipient SET state = 'waiting'"
    " WHERE message = :message AND state = 'held'",
    Change.RETRY: "UPDATE queue_recipient SET next_attempt = max(:now,"
    " (SELECT not_before FROM queue_message WHERE id = :message))"
    " WHERE message = :message AND state = 'waiting'",
    Change.DROP: "DELETE FROM queue_recipient"
    " WHERE message = :message AND state IN ('waiting', 'held')",
}
_FEW = (RecipientState.HELD, RecipientState.LEASED)
_ONE_DESTINATION = " AND destination = :destination"
_ONE_STATE = " AND state = :state"
_WORDS = {Change.HOLD: "held", Change.RELEASE: "released", Change.DROP: "dropped"}
_IDENTITY = "SELECT id, identity FROM queue_message WHERE id = ?"
_END_PAUSE = "UPDATE queue_destination SET paused_until = 0 WHERE name = ?"
_ATTEMPTS = (
    "SELECT at, destination, host, address, tls_version, tls_suite, tls_group, verified, answer"
    " FROM queue_attempt WHERE message = ? ORDER BY number"
)
_FORGET = (
    "DELETE FROM queue_attempt WHERE (message, number) IN (SELECT message, number"
    " FROM queue_attempt a WHERE message < ? AND NOT EXISTS"
    " (SELECT 1 FROM queue_message m WHERE m.id = a.message) LIMIT ?) RETURNING number"
)


def _matching(
    db: apsw.Connection, which: QueueFilter, after: QueueId | None, limit: int
) -> list[int]:
    """Ids behind ``after``, ascending."""
    bindings = {**_bindings(which, after), "limit": limit}
    found = rows(db, f"{_ids(which)} ORDER BY id LIMIT :limit", bindings)
    return [each for (each,) in found]


def matches(db: apsw.Connection, which: QueueFilter) -> int:
    count: int = rows(db, f"SELECT count(*) FROM ({_ids(which)})", _bindings(which, None))[0][0]
    return count


def _ids(which: QueueFilter) -> str:
    """Reads from where the fewest are, in the order of ids: a page costs what it holds."""
    one_message = "" if which.message is None else " AND m.id = :message"
    one_sender = "" if which.sender is None else " AND m.sender = :sender"
    narrow = "" if which.destination is None else " AND r.destination = :destination"
    if which.state is not None:
        # Said literally: a partial index is not considered for what is bound.
        narrow += f" AND r.state = '{which.state.value}'"
    of_messages = f"m.id > :after AND m.id < :before{one_message}{one_sender}"
    if which.destination is None and which.state not in _FEW:
        some = f" AND EXISTS (SELECT 1 FROM queue_recipient r WHERE r.message = m.id{narrow})"
        return f"SELECT m.id FROM queue_message m WHERE {of_messages}{some if narrow else ''}"
    return (
        "SELECT DISTINCT r.message AS id FROM queue_recipient r"
        " CROSS JOIN queue_message m ON m.id = r.message"
        f" WHERE r.message > :after AND r.message < :before{narrow} AND {of_messages}"
    )


def _bindings(which: QueueFilter, after: QueueId | None) -> dict[str, Any]:
    before = which.queued_before
    return {
        "message": which.message,
        "sender": which.sender,
        "destination": which.destination,
        "after": -1 if after is None else after,
        "before": 2**62 if before is None else before << QUEUE_ID_BITS,
    }


def page(db: apsw.Connection, which: QueueFilter, after: QueueId | None, limit: int) -> Page:
    limit = min(limit, PAGE_MESSAGES)
    with snapshot(db):
        ids = _matching(db, which, after, limit)
        messages = messages_of(db, ids)
        recipients = recipients_of(db, ids)
    found = tuple(Queued(messages[each], tuple(recipients[each])) for each in ids)
    return Page(found, _next(ids, limit))


def _next(ids: list[int], limit: int) -> QueueId | None:
    return QueueId(ids[-1]) if len(ids) == limit else None


def change(
    tx: Transaction, what: Change, which: QueueFilter, now: int, after: QueueId | None
) -> Changed:
    ids = _matching(tx.db, which, after, PAGE_MESSAGES)
    statement = _CHANGES[what]
    if which.destination is not None:
        statement += _ONE_DESTINATION
    if which.state is not None:
        statement += _ONE_STATE
    bindings = {"now": now, "destination": which.destination, "state": which.state}
    found: list[tuple[int, str, str]] = many(
        tx.db,
        statement + " RETURNING message, address, destination",
        [{**bindings, "message": each} for each in ids],
    )
    destinations = {name for _, _, name in found}
    if what is Change.RETRY:
        tx.db.executemany(_END_PAUSE, [(name,) for name in destinations])
    else:
        _tell(tx, what, now, found)
    if what is Change.DROP:
        end_finished(tx, ids)
    if what in (Change.RETRY, Change.RELEASE) and found:
        tx.touched[QUEUE] = 0
    refresh(tx, destinations, {})
    return Changed(len(found), _next(ids, PAGE_MESSAGES))


def _tell(tx: Transaction, what: Change, now: int, changed: list[tuple[int, str, str]]) -> None:
    """Write it into the trace, one event for each message."""
    recipients: dict[int, list[str]] = {}
    for message, address, _ in changed:
        recipients.setdefault(message, []).append(address)
    identities = many(tx.db, _IDENTITY, [(message,) for message in recipients])
    add_to_trace(
        tx,
        [
            TraceEvent(
                now,
                identity,
                Happening.CHANGED,
                f"{_WORDS[what]} by an administrator",
                queue=QueueId(message),
                addresses=tuple(recipients[message]),
            )
            for message, identity in identities
        ],
    )


def counts(db: apsw.Connection) -> QueueCounts:
    with snapshot(db):
        number = dict(rows(db, "SELECT name, number FROM queue_count"))
        oldest: int | None = first_row(db, "SELECT min(id) FROM queue_message")[0]
    return QueueCounts(
        messages=number["messages"],
        octets=number["octets"],
        waiting=number["waiting"],
        leased=number["leased"],
        held=number["held"],
        oldest=None if oldest is None else queued_at(QueueId(oldest)),
    )


def attempts(db: apsw.Connection, message: QueueId) -> list[Attempt]:
    return [Attempt(*row) for row in rows(db, _ATTEMPTS, (message,))]


def forget_attempts(tx: Transaction, before: int) -> int:
    return len(rows(tx.db, _FORGET, (before << QUEUE_ID_BITS, PAGE_MESSAGES)))

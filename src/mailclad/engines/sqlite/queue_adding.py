"""Rows for messages that are queued, gathered for a whole batch: one ``executemany`` a table."""

from typing import Any

from mailclad.engines.sqlite.connection import first_row
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.queue import QUEUE_ID_BITS, Envelope, QueueId

LOWEST_RANK = 9
"""Rank 0 is RFC 6710's highest priority, 9."""

_TAKE_IDS = (
    "UPDATE sequence SET last = max(last + ?1, ?2 + ?1) WHERE name = 'queue'"
    " RETURNING last - ?1 + 1"
)
_ADD_MESSAGE = f"INSERT INTO queue_message VALUES ({', '.join('?' * 18)})"  # noqa: S608 - no input
_ADD_RECIPIENT = (
    "INSERT INTO queue_recipient"
    " (message, number, address, destination, rank, notify, orcpt, state, next_attempt)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?)"
)
# What is stored is the later of the earliest attempt and the pause's end, so this is too.
_ADD_DESTINATION = (
    "INSERT INTO queue_destination (name, next_attempt) VALUES (?1, ?2) ON CONFLICT (name)"
    " DO UPDATE SET next_attempt = max(paused_until, min(next_attempt, ?2))"
)


class QueueAdding:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._messages: list[tuple[Any, ...]] = []
        self._recipients: list[tuple[Any, ...]] = []
        self._first: dict[str, int] = {}

    def add(
        self, envelopes: tuple[Envelope, ...], content: int, octets: int, now: int
    ) -> tuple[QueueId, ...]:
        """The envelopes of one content; their ids."""
        bindings = (len(envelopes), now << QUEUE_ID_BITS)
        first: int = first_row(self._tx.db, _TAKE_IDS, bindings)[0]
        for queue_id, envelope in enumerate(envelopes, first):
            self._add(queue_id, envelope, content, octets, max(now, envelope.not_before))
        return tuple(QueueId(first + place) for place in range(len(envelopes)))

    def _add(
        self, queue_id: int, envelope: Envelope, content: int, octets: int, attempt_at: int
    ) -> None:
        deadline = envelope.deadline
        self._messages.append(
            (
                queue_id,
                content,
                octets - envelope.start,
                envelope.start,
                envelope.identity,
                envelope.sender,
                envelope.expires,
                envelope.warn_at,
                envelope.not_before,
                envelope.account,
                envelope.envid,
                envelope.ret,
                envelope.priority,
                envelope.requiretls,
                envelope.smtputf8,
                envelope.eight_bit,
                None if deadline is None else deadline.at,
                deadline is not None and deadline.gives_up,
            )
        )
        rank = LOWEST_RANK - envelope.priority
        for number, to in enumerate(envelope.recipients):
            self._recipients.append(
                (queue_id, number, to.address, to.destination, rank, to.notify, to.orcpt,
                 attempt_at)
            )  # fmt: skip
            earliest = self._first.get(to.destination, attempt_at)
            self._first[to.destination] = min(earliest, attempt_at)

    def save(self) -> None:
        """Insert what was gathered."""
        db = self._tx.db
        if self._messages:
            db.executemany(_ADD_MESSAGE, self._messages)
            db.executemany(_ADD_RECIPIENT, self._recipients)
            db.executemany(_ADD_DESTINATION, self._first.items())

"""What reports of ours will say: counted, taken when due, settled, forgotten."""

from collections.abc import Sequence

import apsw

from mailclad.engines.sqlite.arrival import Arrival, store_or_refuse
from mailclad.engines.sqlite.connection import first_row, many, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.reports import (
    KINDS_A_DAY,
    KINDS_A_TOPIC,
    PAGE_REPORTS,
    TOPICS_A_DAY,
    LeftOut,
    Noted,
    ReportKind,
    SendOutcome,
    Topic,
    TopicId,
)

_COLUMNS = "id, day, kind, domain, due, kinds, seen, left_out, outcome, places, settled_at"
_FIND = "SELECT id, kinds, outcome FROM report_topic WHERE day = ? AND kind = ? AND domain = ?"
_MAKE = (
    "INSERT INTO report_topic (day, kind, domain, due, next_try) VALUES (?1, ?2, ?3, ?4, ?4)"
    " RETURNING id, kinds, outcome"
)
_USE = "SELECT count(*), coalesce(sum(kinds), 0) FROM report_topic WHERE day = ?"
_ADD = (
    "UPDATE report_note SET number = number + ?3 WHERE topic = ?1 AND facts = ?2 RETURNING number"
)
_NEW = "INSERT INTO report_note VALUES (?, ?, ?)"
_COUNT = "UPDATE report_topic SET kinds = kinds + ?2, seen = seen + ?3 WHERE id = ?1"
# The topic of what was left out is never due, and settled from the start.
_LEAVE_OUT = (
    "INSERT INTO report_topic (day, kind, domain, due, next_try, left_out, outcome, settled_at)"
    " VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, 0) ON CONFLICT (day, kind, domain)"
    " DO UPDATE SET left_out = left_out + ?4"
)
_TAKE = (
    "UPDATE report_topic SET next_try = ?2 WHERE id IN (SELECT id FROM report_topic"  # noqa: S608
    " WHERE outcome = '' AND next_try <= ?1 ORDER BY next_try LIMIT ?3)"
    f" RETURNING {_COLUMNS}"
)
_SETTLE = (
    "UPDATE report_topic SET outcome = ?2, places = ?3, settled_at = ?4"
    " WHERE id = ?1 AND outcome = '' RETURNING id"
)
_SINCE = (
    f"SELECT {_COLUMNS} FROM report_topic WHERE day >= ?"  # noqa: S608
    " ORDER BY day DESC, domain, kind LIMIT ?"
)
_FORGET_TOPICS = (
    "DELETE FROM report_topic WHERE id IN (SELECT id FROM report_topic WHERE day < ?1 LIMIT ?2)"
    " RETURNING id"
)


def add(tx: Transaction, notes: Sequence[Noted], left_out: Sequence[LeftOut]) -> None:
    adding = _Adding(tx.db)
    for note in notes:
        adding.add(note)
    for one in left_out:
        adding.leave_out(one.day, one.kind, "", one.number)


class _Adding:
    """Notes of one flush; how much room a day has left is asked once."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._room: dict[int, list[int]] = {}

    def add(self, note: Noted) -> None:
        topic = first_row(self._db, _FIND, (note.day, note.kind, note.domain))
        if topic is None:
            topic = self._make(note)
        if topic is None:
            self.leave_out(note.day, note.kind, "", note.number)
        elif topic[2] or not self._count(topic[0], topic[1], note):
            self.leave_out(note.day, note.kind, note.domain, note.number)

    def leave_out(self, day: int, kind: ReportKind, domain: str, number: int) -> None:
        rows(self._db, _LEAVE_OUT, (day, kind, domain, number, SendOutcome.UNWANTED))

    def _make(self, note: Noted) -> tuple[int, int, str] | None:
        room = self._room_of(note.day)
        if room[0] <= 0:
            return None
        room[0] -= 1
        made: tuple[int, int, str] = first_row(
            self._db, _MAKE, (note.day, note.kind, note.domain, note.due)
        )
        return made

    def _count(self, topic: int, kinds: int, note: Noted) -> bool:
        """Whether there was room for it."""
        new = not rows(self._db, _ADD, (topic, note.facts, note.number))
        if new:
            room = self._room_of(note.day)
            if kinds >= KINDS_A_TOPIC or room[1] <= 0:
                return False
            room[1] -= 1
            rows(self._db, _NEW, (topic, note.facts, note.number))
        rows(self._db, _COUNT, (topic, int(new), note.number))
        return True

    def _room_of(self, day: int) -> list[int]:
        """Topics and kinds that may still be made."""
        if day not in self._room:
            topics, kinds = first_row(self._db, _USE, (day,))
            self._room[day] = [TOPICS_A_DAY - topics, KINDS_A_DAY - kinds]
        return self._room[day]


def any_due(db: apsw.Connection, now: int) -> bool:
    due = "SELECT 1 FROM report_topic WHERE outcome = '' AND next_try <= ? LIMIT 1"
    return first_row(db, due, (now,)) is not None


def take_due(tx: Transaction, now: int, again: int, limit: int) -> list[Topic]:
    found = [_topic(row) for row in rows(tx.db, _TAKE, (now, again, limit))]
    return sorted(found, key=lambda topic: (topic.due, topic.id))


def notes(db: apsw.Connection, topic: TopicId) -> list[tuple[bytes, int]]:
    return rows(db, "SELECT facts, number FROM report_note WHERE topic = ?", (topic,))


def settle(
    tx: Transaction,
    topic: TopicId,
    outcome: SendOutcome,
    places: Sequence[str],
    now: int,
    mails: Sequence[Arrival],
) -> bool:
    if not rows(tx.db, _SETTLE, (topic, outcome, "\n".join(places), now)):
        return False
    if mails:
        store_or_refuse(tx, mails)
    return True


def since(db: apsw.Connection, day: int) -> list[Topic]:
    return [_topic(row) for row in rows(db, _SINCE, (day, PAGE_REPORTS))]


def forget(tx: Transaction, before_day: int) -> int:
    gone = rows(tx.db, _FORGET_TOPICS, (before_day, PAGE_REPORTS))
    many(tx.db, "DELETE FROM report_note WHERE topic = ?", gone)
    return len(gone)


def _topic(row: tuple[int, int, str, str, int, int, int, int, str, str, int | None]) -> Topic:
    number, day, kind, domain, due, kinds, seen, left_out, outcome, places, settled_at = row
    return Topic(
        id=TopicId(number),
        day=day,
        kind=ReportKind(kind),
        domain=domain,
        due=due,
        kinds=kinds,
        seen=seen,
        left_out=left_out,
        outcome=SendOutcome(outcome) if outcome else None,
        places=tuple(places.split("\n")) if places else (),
        settled_at=settled_at,
    )

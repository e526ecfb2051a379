"""Reports of others: kept once each, listed, forgotten; and what was ignored."""

from typing import Any

import apsw

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.reports import (
    DAY_SECONDS,
    PAGE_RECEIVED,
    PAGE_REPORTS,
    RECEIVED_A_DAY,
    RECEIVED_OCTETS_A_DAY,
    Keeping,
    NewReceived,
    Received,
    ReceivedId,
    ReportKind,
)

_COLUMNS = (
    'id, kind, domain, organization, report_id, contact, begin, "end", received_at, vouched,'
    " passed, failed, content"
)
_KNOWN = (
    "SELECT 1 FROM report_received"
    " WHERE kind = ? AND domain = ? AND organization = ? AND report_id = ?"
)
_TODAY = (
    "SELECT count(*), coalesce(sum(octet_length(content)), 0) FROM report_received"
    " WHERE received_at >= ?"
)
_KEEP = (
    f"INSERT INTO report_received ({_COLUMNS.removeprefix('id, ')})"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PAGE = (
    f'SELECT {_COLUMNS} FROM report_received WHERE id > ?1 AND "end" >= ?2'  # noqa: S608
    " AND (?3 IS NULL OR domain = ?3) ORDER BY id LIMIT ?4"
)
_COUNT_IGNORED = (
    "INSERT INTO report_ignored VALUES (?, ?, 1)"
    " ON CONFLICT (day, reason) DO UPDATE SET number = number + 1"
)
_IGNORED = (
    "SELECT reason, sum(number) FROM report_ignored WHERE day >= ?"
    " GROUP BY reason ORDER BY 2 DESC, 1"
)
_FORGET = (
    "DELETE FROM report_received WHERE id IN"
    " (SELECT id FROM report_received WHERE received_at < ? LIMIT ?) RETURNING id"
)


def keep(tx: Transaction, report: NewReceived) -> Keeping:
    key = (report.kind, report.domain, report.organization, report.report_id)
    if first_row(tx.db, _KNOWN, key) is not None:
        return Keeping.KNOWN
    midnight = report.received_at - report.received_at % DAY_SECONDS
    number, octets = first_row(tx.db, _TODAY, (midnight,))
    if number >= RECEIVED_A_DAY or octets + len(report.content) > RECEIVED_OCTETS_A_DAY:
        return Keeping.TOO_MANY
    facts = (report.contact, report.begin, report.end, report.received_at, report.vouched)
    rows(tx.db, _KEEP, (*key, *facts, report.passed, report.failed, report.content))
    return Keeping.KEPT


def page(
    db: apsw.Connection, since: int, domain: str | None, after: ReceivedId | None
) -> list[Received]:
    return [_received(row) for row in rows(db, _PAGE, (after or 0, since, domain, PAGE_RECEIVED))]


def one(db: apsw.Connection, report: ReceivedId) -> Received | None:
    row = first_row(db, f"SELECT {_COLUMNS} FROM report_received WHERE id = ?", (report,))  # noqa: S608
    return None if row is None else _received(row)


def count_ignored(tx: Transaction, day: int, reason: str) -> None:
    rows(tx.db, _COUNT_IGNORED, (day, reason))


def ignored(db: apsw.Connection, since_day: int) -> list[tuple[str, int]]:
    return rows(db, _IGNORED, (since_day,))


def forget(tx: Transaction, ignored_before: int, received_before: int) -> int:
    rows(tx.db, "DELETE FROM report_ignored WHERE day < ?", (ignored_before,))
    return len(rows(tx.db, _FORGET, (received_before, PAGE_REPORTS)))


def _received(row: Any) -> Received:
    number, kind, *rest = row
    return Received(ReceivedId(number), NewReceived(ReportKind(kind), *rest))

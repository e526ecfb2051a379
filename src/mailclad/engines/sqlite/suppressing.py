"""Addresses that get nothing from us, and why."""

from collections.abc import Sequence

import apsw

from mailclad.engines.sqlite.connection import many, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.queue import PAGE_MESSAGES, Suppressed

_COLUMNS = "SELECT address, reason, added_at, until FROM suppression"
_NOW = f"{_COLUMNS} WHERE address = ? AND (until IS NULL OR until > ?)"
_PAGE = f"{_COLUMNS} WHERE address > ? ORDER BY address LIMIT ?"


def add(tx: Transaction, suppressed: Suppressed) -> None:
    rows(
        tx.db,
        "INSERT OR REPLACE INTO suppression VALUES (?, ?, ?, ?)",
        (suppressed.address, suppressed.reason, suppressed.added_at, suppressed.until),
    )


def remove(tx: Transaction, address: str) -> bool:
    statement = "DELETE FROM suppression WHERE address = ? RETURNING address"
    return bool(rows(tx.db, statement, (address,)))


def among(db: apsw.Connection, addresses: Sequence[str], now: int) -> dict[str, Suppressed]:
    found = many(db, _NOW, [(address, now) for address in set(addresses)])
    return {row[0]: Suppressed(*row) for row in found}


def page(db: apsw.Connection, after: str, limit: int) -> list[Suppressed]:
    return [Suppressed(*row) for row in rows(db, _PAGE, (after, min(limit, PAGE_MESSAGES)))]

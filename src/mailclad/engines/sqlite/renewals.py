"""What renewal remembers: attempts, renewal windows, next keys."""

import json
from typing import Any

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.errors import CertificateNotFound
from mailclad.store.renewals import ATTEMPTS_KEPT, Attempt, KeptWindow, NextKey, Renewals

_ATTEMPTS = (
    "SELECT at, series, kind, authority, names, issued, told, failed, finding, not_before"
    " FROM certificate_attempt ORDER BY id DESC"
)
_NOTE = (
    "INSERT INTO certificate_attempt"
    " (at, series, kind, authority, names, issued, told, failed, finding, not_before)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_DROP_BEGUN = "DELETE FROM certificate_attempt WHERE id = ?"
_DROP_OLD = (
    "DELETE FROM certificate_attempt WHERE series = ?1 AND kind = ?2 AND id NOT IN"
    " (SELECT id FROM certificate_attempt WHERE series = ?1 AND kind = ?2"
    " ORDER BY id DESC LIMIT ?3)"
)
_WINDOWS = "SELECT certificate, starts, ends, ask_again, explanation FROM renewal_window"
_KEEP_WINDOW = "INSERT OR REPLACE INTO renewal_window VALUES (?, ?, ?, ?, ?)"
_FIND = "SELECT 1 FROM certificate WHERE id = ?"
_NEXT_KEYS = "SELECT kind, pem, made_at, shown_since, ttl FROM next_key ORDER BY kind"
_KEEP_KEY = "INSERT OR REPLACE INTO next_key VALUES (?, ?, ?, ?, ?)"


class SqliteRenewals(Verbs, Renewals):
    async def attempts(self) -> tuple[Attempt, ...]:
        return tuple(map(_attempt, self._readers.here(rows, _ATTEMPTS)))

    async def note_attempt(self, attempt: Attempt, begun: int = 0) -> int:
        return await self._write(_note, attempt, begun)

    async def renewal_windows(self) -> tuple[KeptWindow, ...]:
        return tuple(KeptWindow(*row) for row in self._readers.here(rows, _WINDOWS))

    async def keep_renewal_window(self, window: KeptWindow) -> None:
        await self._write(_keep_window, window)

    async def next_keys(self) -> tuple[NextKey, ...]:
        return tuple(map(_next_key, self._readers.here(rows, _NEXT_KEYS)))

    async def keep_next_key(self, key: NextKey) -> None:
        await self._write(_keep_key, key)


def _attempt(row: tuple[Any, ...]) -> Attempt:
    at, series, kind, authority, names, issued, told, failed, finding, not_before = row
    return Attempt(
        at=at,
        series=series,
        kind=kind,
        authority=authority,
        names=tuple(json.loads(names)),
        issued=bool(issued),
        told=told,
        failed=json.loads(failed),
        finding=finding,
        not_before=not_before,
    )


def _note(tx: Transaction, attempt: Attempt, begun: int) -> int:
    values = (
        attempt.at,
        attempt.series,
        attempt.kind,
        attempt.authority,
        json.dumps(attempt.names),
        int(attempt.issued),
        attempt.told,
        json.dumps(dict(attempt.failed)),
        attempt.finding,
        attempt.not_before,
    )
    rows(tx.db, _DROP_BEGUN, (begun,))
    (row,) = rows(tx.db, _NOTE, values)
    rows(tx.db, _DROP_OLD, (attempt.series, attempt.kind, ATTEMPTS_KEPT))
    return int(row[0])


def _keep_window(tx: Transaction, window: KeptWindow) -> None:
    if first_row(tx.db, _FIND, (window.certificate,)) is None:
        raise CertificateNotFound(f"there is no certificate {window.certificate}")
    times = (window.starts, window.ends, window.ask_again)
    rows(tx.db, _KEEP_WINDOW, (window.certificate, *times, window.explanation))


def _next_key(row: tuple[Any, ...]) -> NextKey:
    kind, pem, made_at, shown_since, ttl = row
    return NextKey(kind, Secret(pem), made_at, shown_since, ttl)


def _keep_key(tx: Transaction, key: NextKey) -> None:
    values = (key.kind, key.pem.reveal(), key.made_at, key.shown_since, key.ttl)
    rows(tx.db, _KEEP_KEY, values)

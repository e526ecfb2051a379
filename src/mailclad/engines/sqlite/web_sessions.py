"""Signed-in browsers, and links that work once."""

from typing import Any

import apsw

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.model import Account, AccountId
from mailclad.store.web_sessions import (
    IDLE_SECONDS,
    LINKS_PER_ACCOUNT,
    LONGEST_SECONDS,
    SESSIONS_PER_ACCOUNT,
    LinkPurpose,
    NewWebSession,
    OnceLink,
    TakenLink,
    WebSession,
    WebSessions,
)

_READ = (
    "SELECT s.id, s.created_at, s.signed_in_at, s.used_at, s.address, s.tls_version, s.browser,"
    " a.id, a.address, a.display_name, a.disabled, a.created_at"
    " FROM web_session s JOIN account a ON a.id = s.account"
    " WHERE a.disabled = 0 AND s.used_at > ? AND s.created_at > ?"
)
_ADD = "INSERT INTO web_session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BEYOND = (
    "DELETE FROM web_session WHERE id IN (SELECT id FROM web_session WHERE account = ?"
    " ORDER BY used_at DESC, id DESC LIMIT -1 OFFSET ?)"
)
_LINKS_BEYOND = (
    "DELETE FROM once_link WHERE digest IN (SELECT digest FROM once_link WHERE account = ?"
    " ORDER BY until DESC LIMIT -1 OFFSET ?)"
)
_TAKE = "DELETE FROM once_link WHERE digest = ? RETURNING account, purpose, app_password, until"
_END = "DELETE FROM web_session WHERE account = ?"


class SqliteWebSessions(Verbs, WebSessions):
    async def add_web_session(self, new: NewWebSession) -> int:
        return await self._write(_add, new)

    async def web_session(self, digest: bytes, now: int) -> WebSession | None:
        found = self._readers.here(_read, " AND s.digest = ?", digest, now)
        return found[0] if found else None

    async def touch_web_session(self, session: int, now: int) -> None:
        await self._write(_touch, session, now)

    async def rotate_web_session(self, session: int, digest: bytes, now: int) -> None:
        await self._write(_rotate, session, digest, now)

    async def web_sessions(self, account: AccountId, now: int) -> list[WebSession]:
        return self._readers.here(_read, " AND a.id = ? ORDER BY s.used_at DESC", account, now)

    async def end_web_session(self, account: AccountId, session: int) -> None:
        await self._write(_end_one, account, session)

    async def end_web_sessions(self, account: AccountId) -> int:
        return await self._write(_end_all, account)

    async def add_once_link(self, digest: bytes, link: OnceLink) -> None:
        await self._write(_add_link, digest, link)

    async def take_once_link(self, digest: bytes, now: int) -> TakenLink | None:
        return await self._write(_take_link, digest, now)

    async def forget_web_sessions(self, now: int) -> int:
        return await self._write(_forget, now)


def _add(tx: Transaction, new: NewWebSession) -> int:
    number = tx.take_ids("web_session", 1)
    times = (new.now, new.now, new.now)
    what = (new.address, new.tls_version, new.browser)
    rows(tx.db, _ADD, (number, new.account, new.digest, *times, *what))
    rows(tx.db, _BEYOND, (new.account, SESSIONS_PER_ACCOUNT))
    return number


def _read(db: apsw.Connection, which: str, key: object, now: int) -> list[WebSession]:
    found = rows(db, _READ + which, (now - IDLE_SECONDS, now - LONGEST_SECONDS, key))
    return [_session(row) for row in found]


def _session(row: Any) -> WebSession:
    account, address, name, disabled, created_at = row[7:]
    owner = Account(AccountId(account), address, name, bool(disabled), created_at)
    return WebSession(row[0], owner, *row[1:7])


def _touch(tx: Transaction, session: int, now: int) -> None:
    rows(tx.db, "UPDATE web_session SET used_at = ? WHERE id = ?", (now, session))


def _rotate(tx: Transaction, session: int, digest: bytes, now: int) -> None:
    change = "UPDATE web_session SET digest = ?, signed_in_at = ?, used_at = ? WHERE id = ?"
    rows(tx.db, change, (digest, now, now, session))


def _end_one(tx: Transaction, account: AccountId, session: int) -> None:
    rows(tx.db, f"{_END} AND id = ?", (account, session))


def _end_all(tx: Transaction, account: AccountId) -> int:
    return len(rows(tx.db, f"{_END} RETURNING id", (account,)))


def _add_link(tx: Transaction, digest: bytes, link: OnceLink) -> None:
    row = (digest, link.account, link.purpose.value, link.app_password, link.until)
    rows(tx.db, "INSERT INTO once_link VALUES (?, ?, ?, ?, ?)", row)
    rows(tx.db, _LINKS_BEYOND, (link.account, LINKS_PER_ACCOUNT))


def _take_link(tx: Transaction, digest: bytes, now: int) -> TakenLink | None:
    found = rows(tx.db, _TAKE, (digest,))
    if not found or found[0][3] < now:
        return None
    account, purpose, app_password, until = found[0]
    enabled = "SELECT address FROM account WHERE id = ? AND disabled = 0"
    owner = first_row(tx.db, enabled, (account,))
    if owner is None:
        return None
    link = OnceLink(AccountId(account), LinkPurpose(purpose), app_password, until)
    return TakenLink(owner[0], link)


def _forget(tx: Transaction, now: int) -> int:
    over = "DELETE FROM web_session WHERE used_at <= ? OR created_at <= ? RETURNING id"
    gone = rows(tx.db, over, (now - IDLE_SECONDS, now - LONGEST_SECONDS))
    return len(gone) + len(
        rows(tx.db, "DELETE FROM once_link WHERE until < ? RETURNING until", (now,))
    )

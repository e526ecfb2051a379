"""App passwords, one for each device: made, changed, used, removed; and watches over new ones."""

from collections.abc import Sequence

import apsw

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.errors import AccountNotFound, AppPasswordNotFound
from mailclad.store.model import AccountId, AppPassword, AppPasswordUse, Scope, ScramKeys

_ADD = "INSERT INTO app_password VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RENEW = (
    "UPDATE app_password SET digest = ?, stored_key = ?, server_key = ?"
    " WHERE account = ? AND id = ? RETURNING id"
)
_UNUSED = "SELECT id, account FROM app_password WHERE unused_until < ?"
_USED = (
    "INSERT INTO app_password_use SELECT ?1, ?2, ?3, ?4, ?5"
    " WHERE EXISTS (SELECT 1 FROM app_password WHERE id = ?1)"
    " ON CONFLICT DO UPDATE SET used_at = excluded.used_at, service = excluded.service,"
    " tls_version = excluded.tls_version, address = excluded.address"
    " WHERE excluded.used_at >= used_at"
)
_USES = (
    "SELECT u.app_password, u.used_at, u.service, u.tls_version, u.address"
    " FROM app_password_use u JOIN app_password p ON p.id = u.app_password WHERE p.account = ?"
)
_NOTICES_OF = "DELETE FROM setup_notice WHERE watch IN (SELECT id FROM setup_watch WHERE {})"


def add(
    tx: Transaction,
    account: AccountId,
    name: str,
    scope: Scope,
    digest: bytes,
    scram: ScramKeys,
    now: int,
    unused_until: int | None,
) -> AppPassword:
    if first_row(tx.db, "SELECT 1 FROM account WHERE id = ?", (account,)) is None:
        raise AccountNotFound("the account is gone")
    number = tx.take_ids("app_password", 1)
    keys = (digest, scram.stored_key, scram.server_key)
    rows(tx.db, _ADD, (number, account, name, scope.value, *keys, now, unused_until))
    return AppPassword(number, name, scope, digest, scram, now, unused_until)


def renew(
    tx: Transaction, account: AccountId, app_password: int, digest: bytes, scram: ScramKeys
) -> None:
    keys = (digest, scram.stored_key, scram.server_key)
    if not rows(tx.db, _RENEW, (*keys, account, app_password)):
        raise AppPasswordNotFound("there is no such app password")


def confirm(tx: Transaction, app_password: int) -> None:
    rows(tx.db, "UPDATE app_password SET unused_until = NULL WHERE id = ?", (app_password,))


def remove(tx: Transaction, account: AccountId, app_password: int) -> None:
    owned = "SELECT id FROM app_password WHERE account = ? AND id = ?"
    if first_row(tx.db, owned, (account, app_password)) is None:
        raise AppPasswordNotFound("there is no such app password")
    _remove(tx, app_password)


def _remove(tx: Transaction, app_password: int) -> None:
    rows(tx.db, "DELETE FROM app_password_use WHERE app_password = ?", (app_password,))
    rows(tx.db, "DELETE FROM app_password WHERE id = ?", (app_password,))


def remove_all(tx: Transaction, account: AccountId) -> None:
    """With the account."""
    of_account = "SELECT id FROM app_password WHERE account = ?"
    for (number,) in rows(tx.db, of_account, (account,)):
        _remove(tx, number)
    rows(tx.db, _NOTICES_OF.format("account = ?"), (account,))
    rows(tx.db, "DELETE FROM setup_watch WHERE account = ?", (account,))


def forget_unused(tx: Transaction, now: int) -> int:
    found = rows(tx.db, _UNUSED, (now,))
    for number, _account in found:
        _remove(tx, number)
    return len(found)


def add_uses(tx: Transaction, uses: Sequence[AppPasswordUse]) -> None:
    for use in uses:
        row = (use.app_password, use.used_at, use.service, use.tls_version, use.address)
        rows(tx.db, _USED, row)


def uses(db: apsw.Connection, account: AccountId) -> list[AppPasswordUse]:
    return [AppPasswordUse(*row) for row in rows(db, _USES, (account,))]

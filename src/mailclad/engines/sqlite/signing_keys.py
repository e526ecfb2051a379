"""DKIM keys: rows of a domain, and gone with it."""

from typing import Any

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.directory import check_domain
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.errors import SelectorTaken, SigningKeyNotFound
from mailclad.store.signing_keys import KeyState, SigningKeys, StoredKey

_LIST = (
    "SELECT domain, selector, kind, pem, state, created_at FROM signing_key"
    " WHERE ?1 IS NULL OR domain = ?1 ORDER BY domain, created_at, selector"
)
_FIND = "SELECT 1 FROM signing_key WHERE domain = ? AND selector = ?"
_ADD = "INSERT INTO signing_key VALUES (?, ?, ?, ?, ?, ?)"
_SET_STATE = (
    "UPDATE signing_key SET state = ?3 WHERE domain = ?1 AND selector = ?2 RETURNING selector"
)
_REMOVE = "DELETE FROM signing_key WHERE domain = ? AND selector = ? RETURNING selector"


class SqliteSigningKeys(Verbs, SigningKeys):
    async def signing_keys(self, domain: str | None = None) -> tuple[StoredKey, ...]:
        found = self._readers.here(rows, _LIST, (domain,))
        return tuple(map(_stored_key, found))

    async def add_signing_key(self, key: StoredKey) -> None:
        await self._write(_add, key)

    async def set_key_state(self, domain: str, selector: str, state: KeyState) -> None:
        await self._write(_change, _SET_STATE, domain, selector, state.value)

    async def remove_signing_key(self, domain: str, selector: str) -> None:
        await self._write(_change, _REMOVE, domain, selector)


def _stored_key(row: Any) -> StoredKey:
    domain, selector, kind, pem, state, created_at = row
    return StoredKey(domain, selector, kind, Secret(pem), KeyState(state), created_at)


def _add(tx: Transaction, key: StoredKey) -> None:
    check_domain(tx.db, key.domain)
    if first_row(tx.db, _FIND, (key.domain, key.selector)) is not None:
        raise SelectorTaken(f"{key.domain} has a key with the selector {key.selector} already")
    values = (key.domain, key.selector, key.kind, key.pem.reveal(), key.state.value)
    rows(tx.db, _ADD, (*values, key.created_at))


def _change(tx: Transaction, change: str, domain: str, selector: str, *more: str) -> None:
    if not rows(tx.db, change, (domain, selector, *more)):
        raise SigningKeyNotFound(f"{domain} has no key with the selector {selector}")

"""Duties, each done by one process at a time: a row says when it is due again.

A time further off than twice the duty's own was said by a clock that was ahead: it is due.
"""

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.duties import Duties

_TAKE = (
    "INSERT INTO duty VALUES (?1, ?3) ON CONFLICT (name) DO UPDATE SET next_due = ?3"
    " WHERE next_due <= ?2 OR next_due > ?3 + ?3 - ?2 RETURNING name"
)
_DUE = "SELECT next_due FROM duty WHERE name = ?"
_RELEASE = "UPDATE duty SET next_due = ?2 WHERE name = ?1"


class SqliteDuties(Verbs, Duties):
    async def take_duty(self, name: str, now: int, next_due: int) -> bool:
        due = self._readers.here(first_row, _DUE, (name,))
        if due is not None and now < due[0] <= next_due + next_due - now:
            return False
        return await self._write(_take, name, now, next_due)

    async def release_duty(self, name: str, now: int) -> None:
        await self._write(_release, name, now)


def _take(tx: Transaction, name: str, now: int, next_due: int) -> bool:
    return bool(rows(tx.db, _TAKE, (name, now, next_due)))


def _release(tx: Transaction, name: str, now: int) -> None:
    rows(tx.db, _RELEASE, (name, now))

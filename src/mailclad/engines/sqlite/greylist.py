"""The greylist: a row for each triplet that waits, one for each network that has come back."""

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.greylist import MAX_WAITING, Greylist

FORGOTTEN_AT_ONCE = 5_000
"""Rows: other writers wait for as long as a transaction lasts."""

REFRESH_SECONDS = 86_400
"""A network's last visit is written down once a day."""

_PASSED = "SELECT last_seen FROM greylist_passed WHERE network = ?"
_KNOW = "INSERT INTO greylist_passed VALUES (?, ?) ON CONFLICT DO UPDATE SET last_seen = ?2"
_FIRST_SEEN = "SELECT first_seen FROM greylist WHERE network = ? AND triplet = ?"
_WAIT = "INSERT OR IGNORE INTO greylist VALUES (?, ?, ?)"
_MAKE_ROOM = (
    "DELETE FROM greylist WHERE network = ?1 AND triplet IN (SELECT triplet FROM greylist"
    " WHERE network = ?1 ORDER BY first_seen DESC LIMIT -1 OFFSET ?2)"
)
_NO_MORE_WAITING = "DELETE FROM greylist WHERE network = ?"
_FORGET_WAITING = (
    "DELETE FROM greylist WHERE (network, triplet) IN"
    " (SELECT network, triplet FROM greylist WHERE first_seen < ? LIMIT ?) RETURNING 1"
)
_FORGET_PASSED = "DELETE FROM greylist_passed WHERE last_seen < ? RETURNING 1"


class SqliteGreylist(Verbs, Greylist):
    async def passes_greylist(
        self, network: str, triplet: bytes, now: int, wait_seconds: int
    ) -> bool:
        passed = self._readers.here(first_row, _PASSED, (network,))
        if passed is not None:
            if passed[0] + REFRESH_SECONDS <= now:
                await self._write(_pass, network, now)
            return True
        seen = self._readers.here(first_row, _FIRST_SEEN, (network, triplet))
        if seen is None:
            await self._write(_wait, network, triplet, now)
            return False
        if seen[0] + wait_seconds > now:
            return False
        await self._write(_pass, network, now)
        return True

    async def forget_greylist(self, waiting_since: int, passed_since: int) -> int:
        return await self._write(_forget, waiting_since, passed_since)


def _pass(tx: Transaction, network: str, now: int) -> None:
    rows(tx.db, _KNOW, (network, now))
    rows(tx.db, _NO_MORE_WAITING, (network,))


def _wait(tx: Transaction, network: str, triplet: bytes, now: int) -> None:
    rows(tx.db, _MAKE_ROOM, (network, MAX_WAITING - 1))
    rows(tx.db, _WAIT, (network, triplet, now))


def _forget(tx: Transaction, waiting_since: int, passed_since: int) -> int:
    waiting = rows(tx.db, _FORGET_WAITING, (waiting_since, FORGOTTEN_AT_ONCE))
    return len(waiting) + len(rows(tx.db, _FORGET_PASSED, (passed_since,)))

"""Who wrote what was forwarded, by the token in the reverse path."""

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.forwarded_senders import ForwardedSenders

_REMEMBER = (
    "INSERT INTO forwarded_sender VALUES (?1, ?2, ?3)"
    " ON CONFLICT (token) DO UPDATE SET until = max(until, ?3)"
)
_FIND = "SELECT sender FROM forwarded_sender WHERE token = ? AND until >= ?"
_FORGET = "DELETE FROM forwarded_sender WHERE until < ? RETURNING 1"


class SqliteForwardedSenders(Verbs, ForwardedSenders):
    async def remember_sender(self, token: str, sender: str, until: int) -> None:
        await self._write(_remember, token, sender, until)

    async def forwarded_sender(self, token: str, now: int) -> str | None:
        found = self._readers.here(first_row, _FIND, (token, now))
        return None if found is None else str(found[0])

    async def forget_senders(self, now: int) -> int:
        return await self._write(_forget, now)


def _remember(tx: Transaction, token: str, sender: str, until: int) -> None:
    rows(tx.db, _REMEMBER, (token, sender, until))


def _forget(tx: Transaction, now: int) -> int:
    return len(rows(tx.db, _FORGET, (now,)))

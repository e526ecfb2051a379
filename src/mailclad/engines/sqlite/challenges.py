"""Answers to ACME challenges, one row for each."""

from typing import Any

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.challenges import Challenges

_PUT = "INSERT OR REPLACE INTO challenge VALUES (?, ?, ?, ?)"
_TAKE = "DELETE FROM challenge WHERE kind = ? AND key = ?"
_PAST = "SELECT key, answer FROM challenge WHERE kind = ? AND until <= ? ORDER BY until"
_ANSWER = "SELECT answer FROM challenge WHERE kind = ? AND key = ? AND until > ?"


class SqliteChallenges(Verbs, Challenges):
    async def put_challenge(self, kind: str, key: str, answer: str, until: int) -> None:
        await self._write(_run, _PUT, (kind, key, answer, until))

    async def take_challenge(self, kind: str, key: str) -> None:
        await self._write(_run, _TAKE, (kind, key))

    async def past_challenges(self, kind: str, now: int) -> tuple[tuple[str, str], ...]:
        found = await self._readers.there(rows, _PAST, (kind, now))
        return tuple((str(key), str(answer)) for key, answer in found)

    def challenge(self, kind: str, key: str, now: int) -> str | None:
        row = self._readers.here(first_row, _ANSWER, (kind, key, now))
        return str(row[0]) if row is not None else None


def _run(tx: Transaction, statement: str, bindings: tuple[Any, ...]) -> None:
    rows(tx.db, statement, bindings)

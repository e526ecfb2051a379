"""MTA-STS policies of other domains, one row for each."""

from typing import Any

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.mail.mta_sts import StsPolicy, StsProblem, parse_policy
from mailclad.mail.tls_rpt import ResultType
from mailclad.store.sts_policies import StsPolicies, StsState

_COLUMNS = (
    "SELECT domain, used_at, tried_id, tried_at, problem, reason, policy_id, fetched_at, policy"
    " FROM sts_policy"
)
_STATE = f"{_COLUMNS} WHERE domain = ?"
_DUE = (
    f"{_COLUMNS} WHERE policy IS NOT NULL AND tried_at < ? AND used_at > ?"
    " ORDER BY tried_at LIMIT ?"
)
_KEEP = "INSERT OR REPLACE INTO sts_policy VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_USE = "UPDATE sts_policy SET used_at = max(used_at, ?2) WHERE domain = ?1"
_FORGET = "DELETE FROM sts_policy WHERE coalesce(expires_at, 0) < ?1 AND tried_at < ?1"


class SqliteStsPolicies(Verbs, StsPolicies):
    async def sts_state(self, domain: str) -> StsState | None:
        row = self._readers.here(first_row, _STATE, (domain,))
        return _read(row) if row is not None else None

    async def keep_sts_state(self, state: StsState) -> None:
        await self._write(_run, _KEEP, _written(state))

    async def use_sts_policy(self, domain: str, now: int) -> None:
        await self._write(_run, _USE, (domain, now))

    async def due_sts_states(
        self, tried_before: int, used_after: int, limit: int
    ) -> tuple[StsState, ...]:
        found = await self._readers.there(rows, _DUE, (tried_before, used_after, limit))
        return tuple(map(_read, found))

    async def forget_sts_states(self, before: int) -> None:
        await self._write(_run, _FORGET, (before,))


def _run(tx: Transaction, statement: str, bindings: tuple[Any, ...]) -> None:
    rows(tx.db, statement, bindings)


def _written(state: StsState) -> tuple[Any, ...]:
    policy = state.policy
    tried = (state.tried_id, state.tried_at, state.problem, state.reason)
    if policy is None:
        return (state.domain, state.used_at, *tried, None, None, None, None)
    expires_at = state.fetched_at + policy.max_age
    text = "\n".join(policy.lines)
    return (state.domain, state.used_at, *tried, policy.id, state.fetched_at, expires_at, text)


def _read(row: tuple[Any, ...]) -> StsState:
    domain, used_at, tried_id, tried_at, problem, reason, policy_id, fetched_at, policy = row
    return StsState(
        domain=domain,
        policy=_policy(domain, policy_id, policy) if policy is not None else None,
        fetched_at=fetched_at or 0,
        tried_id=tried_id,
        tried_at=tried_at,
        problem=ResultType(problem) if problem is not None else None,
        reason=reason,
        used_at=used_at,
    )


def _policy(domain: str, policy_id: str, text: str) -> StsPolicy | None:
    """None where a later version reads more strictly than the one that kept it."""
    try:
        return parse_policy(text.encode(), domain, policy_id)
    except StsProblem:
        return None

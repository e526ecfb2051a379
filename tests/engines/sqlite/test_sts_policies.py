"""Policies of other domains are kept whole, found when they are due, and dropped when expired."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.mta_sts import StsMode, make_policy
from mailclad.mail.tls_rpt import ResultType
from mailclad.store.sts_policies import StsState

T = TypeVar("T")
POLICY = make_policy("a.test", StsMode.ENFORCE, ["mx.a.test", "*.b.test"], 1000)
GOOD = StsState("a.test", POLICY, 100, POLICY.id, 100, None, "", 50)
FAILED = StsState("b.test", None, 0, "1", 100, ResultType.STS_WEBPKI_INVALID, "expired", 100)


def run(directory: Path, work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    async def opened() -> T:
        store = SqliteStore.open(directory)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())


def test_what_is_kept_is_found_by_another_process(tmp_path: Path) -> None:
    later = replace(GOOD, tried_at=200, problem=ResultType.STS_POLICY_INVALID, reason="no mx")

    async def keep(store: SqliteStore) -> None:
        for state in (GOOD, FAILED, later):
            await store.keep_sts_state(state)

    async def find(store: SqliteStore) -> list[StsState | None]:
        return [await store.sts_state(name) for name in ("a.test", "b.test", "c.test")]

    run(tmp_path, keep)
    assert run(tmp_path, find) == [later, FAILED, None]


def test_a_policy_that_is_no_longer_read_is_none(tmp_path: Path) -> None:
    odd = replace(GOOD, policy=replace(POLICY, lines=("version: STSv9",)))

    async def work(store: SqliteStore) -> StsState | None:
        await store.keep_sts_state(odd)
        return await store.sts_state("a.test")

    found = run(tmp_path, work)
    assert found is not None
    assert found.policy is None


def test_policies_in_use_are_due(tmp_path: Path) -> None:
    async def work(store: SqliteStore) -> list[tuple[StsState, ...]]:
        await store.keep_sts_state(GOOD)
        await store.keep_sts_state(FAILED)
        found = [
            await store.due_sts_states(101, 49, 10),
            await store.due_sts_states(100, 49, 10),
            await store.due_sts_states(101, 50, 10),
        ]
        await store.use_sts_policy("a.test", 60)
        await store.use_sts_policy("a.test", 55)
        return [*found, await store.due_sts_states(101, 50, 10)]

    used = replace(GOOD, used_at=60)
    assert run(tmp_path, work) == [(GOOD,), (), (), (used,)]


def test_what_has_expired_is_forgotten(tmp_path: Path) -> None:
    async def work(store: SqliteStore) -> list[StsState | None]:
        await store.keep_sts_state(GOOD)
        await store.keep_sts_state(FAILED)
        await store.forget_sts_states(1100)
        first = [await store.sts_state("a.test"), await store.sts_state("b.test")]
        await store.forget_sts_states(1101)
        return [*first, await store.sts_state("a.test")]

    assert run(tmp_path, work) == [GOOD, None, None]

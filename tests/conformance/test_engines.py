"""Every engine agrees with the plain model, after any sequence of verbs.

Two stores are open on one directory, as two workers have it; each verb goes through the
one that is in use, so each must see what the other did.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.conformance import Conformance
from mailclad.store.model import ALL_UIDS, Flag, FlagChange, UidSet, uid_set
from tests.engines.stores import add_account

NAMES = st.sampled_from(["INBOX", "Sent", "a", "a/b", "a/b/c", "b", "Trash"])
FLAGS = st.sampled_from([0, Flag.SEEN, Flag.DELETED, Flag.SEEN | Flag.DELETED, 1 << 61])
OCTETS = st.binary(max_size=60) | st.sampled_from([0, 9_000, 300_000]).map(bytes)
DATES = st.integers(-(2**40), 2**40)


@st.composite
def uid_sets(draw: st.DrawFn) -> UidSet:
    if draw(st.booleans()):
        return ALL_UIDS
    return uid_set(draw(st.sets(st.integers(1, 12), max_size=8)))


class SqliteMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._directory = Path(tempfile.mkdtemp())
        self._stores: list[SqliteStore] = []
        self._model: Conformance

    def _run(self, verb: Coroutine[Any, Any, object]) -> None:
        self._runner.run(verb)

    @initialize()
    def open(self) -> None:
        async def begin() -> None:
            self._stores = [SqliteStore.open(self._directory) for _ in range(2)]
            account = await add_account(self._stores[0])
            self._model = Conformance(self._stores[0], account)
            await self._model.begin()

        self._run(begin())

    @rule(number=st.sampled_from([0, 1]))
    def use(self, number: int) -> None:
        self._model.store = self._stores[number]

    @rule(number=st.sampled_from([0, 1]))
    def reopen(self, number: int) -> None:
        async def again() -> None:
            await self._stores[number].close()
            self._stores[number] = SqliteStore.open(self._directory)

        self._run(again())
        self._model.store = self._stores[number]

    @rule()
    def compact(self) -> None:
        store = self._model.store
        assert isinstance(store, SqliteStore)
        self._run(store.compact())

    @rule(name=NAMES)
    def create(self, name: str) -> None:
        self._run(self._model.create(name))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self._run(self._model.delete(name))

    @rule(name=NAMES, new_name=NAMES)
    def rename(self, name: str, new_name: str) -> None:
        if name != new_name:
            self._run(self._model.rename(name, new_name))

    @rule(name=NAMES, octets=st.lists(OCTETS, min_size=1, max_size=3), flags=FLAGS, date=DATES)
    def append(self, name: str, octets: list[bytes], flags: int, date: int) -> None:
        if name in self._model.boxes:
            self._run(self._model.append(name, octets, flags, date))

    @rule(names=st.lists(NAMES, min_size=1, max_size=3), octets=OCTETS, date=DATES)
    def deliver(self, names: list[str], octets: bytes, date: int) -> None:
        if set(names) <= set(self._model.boxes):
            self._run(self._model.deliver(names, octets, date))

    @rule(name=NAMES, uids=uid_sets(), change=st.sampled_from(FlagChange), mask=FLAGS)
    def store_flags(self, name: str, uids: UidSet, change: FlagChange, mask: int) -> None:
        if name in self._model.boxes:
            self._run(self._model.store_flags(name, uids, change, mask))

    @rule(source=NAMES, uids=uid_sets(), other=NAMES, moving=st.booleans())
    def copy_or_move(self, source: str, uids: UidSet, other: str, moving: bool) -> None:
        if {source, other} <= set(self._model.boxes):
            verb = self._model.move if moving else self._model.copy
            self._run(verb(source, uids, other))

    @rule(name=NAMES, uids=uid_sets(), flagged=st.booleans())
    def expunge_or_remove(self, name: str, uids: UidSet, flagged: bool) -> None:
        if name in self._model.boxes:
            verb = self._model.expunge if flagged else self._model.remove
            self._run(verb(name, uids))

    @invariant()
    def agrees(self) -> None:
        if self._stores:
            self._run(self._model.check())

    def teardown(self) -> None:
        with contextlib.closing(self._runner):
            for store in self._stores:
                self._runner.run(store.close())
        problems = verify(self._directory)
        shutil.rmtree(self._directory)
        assert problems == []


TestSqlite = pytest.mark.slow(SqliteMachine.TestCase)
TestSqlite.settings = settings(
    max_examples=25, stateful_step_count=25, suppress_health_check=list(HealthCheck)
)

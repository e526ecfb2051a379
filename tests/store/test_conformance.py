"""The suite notices an engine that is wrong: one planted fault each."""

import asyncio
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.conformance import Conformance
from mailclad.store.interface import Body
from mailclad.store.model import (
    ALL_UIDS,
    AccountId,
    Changes,
    ContentId,
    FlagChange,
    FlagsNow,
    MailboxId,
    ModSeq,
    Query,
    UidSet,
)
from tests.engines.stores import add_account


class ForgetsExpunged(SqliteStore):
    async def changes_since(self, mailbox: MailboxId, mod_seq: ModSeq) -> Changes:
        told = await super().changes_since(mailbox, mod_seq)
        return Changes(told.mod_seq, told.uid_next, (), told.changed)


class KeepsOldArray(SqliteStore):
    old: dict[MailboxId, "tuple[ModSeq, array[int]]"]

    async def uids(self, mailbox: MailboxId) -> "tuple[ModSeq, array[int]]":
        self.old = getattr(self, "old", {})
        return self.old.setdefault(mailbox, await super().uids(mailbox))


class ServesAnotherBody(SqliteStore):
    async def body(self, content: ContentId) -> Body:
        del content
        return await super().body(ContentId(1))


class FindsNothing(SqliteStore):
    async def search(self, mailbox: MailboxId, query: Query) -> "array[int]":
        del mailbox, query
        return array("I")


class TellsAllFlags(SqliteStore):
    async def store_flags(
        self, mailbox: MailboxId, uids: UidSet, change: FlagChange, mask: int, *rest: Any
    ) -> list[FlagsNow]:
        told = await super().store_flags(mailbox, uids, change, mask, *rest)
        return told * 2


async def day(store: SqliteStore, account: AccountId) -> None:
    model = Conformance(store, account)
    await model.begin()
    await model.append("INBOX", [b"first message", b"second message"], 0, 5)
    await model.check()
    await model.store_flags("INBOX", ((1, 1),), FlagChange.ADD, 4)
    await model.check()
    await model.expunge("INBOX", ALL_UIDS)
    await model.check()


@pytest.mark.parametrize(
    "engine", [ForgetsExpunged, KeepsOldArray, ServesAnotherBody, FindsNothing, TellsAllFlags]
)
def test_fault_is_noticed(tmp_path: Path, engine: Callable[..., SqliteStore]) -> None:
    async def scenario() -> None:
        store = engine.open(tmp_path)  # type: ignore[attr-defined]
        with pytest.raises(AssertionError):
            await day(store, await add_account(store))
        await store.close()

    asyncio.run(scenario())


def test_right_engine_passes(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore.open(tmp_path)
        await day(store, await add_account(store))
        await store.close()

    asyncio.run(scenario())

"""Fail each verb at step 1, 2, 3 … until it succeeds untouched: all or nothing, always whole.

Steps are SQLite's virtual machine instructions (its progress handler) and the system
calls that packs are written with.  SQLite may report an error although the commit was done
(its last instruction was cut off): then all of the change is there.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from mailclad.engines.sqlite.connection import rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.conformance import new_message
from mailclad.store.errors import DiskFull, StoreProblem, StoreUnavailable
from mailclad.store.model import (
    ALL_UIDS,
    AccountId,
    Alias,
    Delivery,
    Flag,
    FlagChange,
    MailboxId,
    Scope,
    ScramKeys,
)
from tests.engines.disks import FailingDisk
from tests.engines.stores import add_account, inbox_of

Verb = Callable[[SqliteStore, AccountId, MailboxId], Awaitable[object]]

KEYS = ScramKeys(b"s", b"s")
LONG = b"long message\r\n" * 50_000

VERBS: dict[str, Verb] = {
    "deliver": lambda store, account, _: store.deliver(
        Delivery(new_message(b"new"), ((account, "INBOX"), (account, "Sent")))
    ),
    "deliver long": lambda store, account, _: store.deliver(
        Delivery(new_message(LONG), ((account, "INBOX"),))
    ),
    "append": lambda store, _, inbox: store.append(inbox, [new_message(b"a"), new_message(b"b")]),
    "store_flags": lambda store, _, inbox: store.store_flags(
        inbox, ALL_UIDS, FlagChange.ADD, Flag.FLAGGED
    ),
    "copy": lambda store, _, inbox: store.copy(inbox, ALL_UIDS, inbox),
    "move": lambda store, _, inbox: store.move(inbox, ((1, 2),), MailboxId(inbox + 1)),
    "expunge": lambda store, _, inbox: store.expunge(inbox),
    "remove": lambda store, _, inbox: store.remove(inbox, ALL_UIDS),
    "create": lambda store, account, _: store.create_mailbox(account, "new/er"),
    "delete": lambda store, account, _: store.delete_mailbox(account, "full/er"),
    "rename": lambda store, account, _: store.rename_mailbox(account, "full", "as/before"),
    "rename INBOX": lambda store, account, _: store.rename_mailbox(account, "INBOX", "old"),
    "keywords": lambda store, account, _: store.keyword_bits(account, ["A", "B"], create=True),
    "add_account": lambda store, _account, _: store.add_account("bob@example.org", "", 0),
    "remove_account": lambda store, _account, _: store.remove_account("ann@example.org"),
    "set_alias": lambda store, _account, _: store.set_alias(
        Alias("x@example.org", ("a@b", "c@d"))
    ),
    "app_password": lambda store, account, _: store.add_app_password(
        account, "", Scope.ALL, b"", KEYS, 0
    ),
}

_TABLES = (
    "sequence", "account", "account_state", "app_password", "alias", "alias_target", "mailbox",
    "mailbox_history", "subscription", "keyword", "message", "content", "prepared", "expunged",
)  # fmt: skip


def contents_of(store: SqliteStore) -> str:
    """All of the index but which packs there are: those may be begun for nothing."""
    tables = [rows(store._db, f"SELECT * FROM {table} WHERE true") for table in _TABLES]
    return repr([row for table in tables for row in table if row[0] != "pack"])


async def begin(directory: Path, disk: FailingDisk | None) -> tuple[SqliteStore, AccountId]:
    store = SqliteStore.open(directory, disk=disk)
    account = await add_account(store)
    inbox = await inbox_of(store, account)
    some = [new_message(b"message %d" % number, Flag.DELETED) for number in range(3)]
    await store.append(inbox, some)
    full = await store.create_mailbox(account, "full/er")
    await store.copy(inbox, ALL_UIDS, full.id)
    await store.copy(inbox, ALL_UIDS, (await store.stat(account, "full")).id)
    return store, account


def fail_at(store: SqliteStore, step: int) -> None:
    steps: Iterator[int] = itertools.count(1)
    store._db.set_progress_handler(lambda: next(steps) == step, 1)


async def check_all_or_nothing(
    store: SqliteStore, account: AccountId, verb: Verb, before: str
) -> bool:
    """Do the verb; whether it was done.  A failure must have changed nothing."""
    inbox = await inbox_of(store, account)
    told: StoreProblem | None = None
    try:
        await verb(store, account, inbox)
    except (StoreUnavailable, DiskFull) as problem:
        told = problem
    store._db.set_progress_handler(None, 1)
    done = contents_of(store) != before
    assert done or told is not None
    return done


async def sweep_index(directory: Path, verb: Verb) -> int:
    """How many steps failed before the verb succeeded."""
    store, account = await begin(directory, None)
    before = contents_of(store)
    failed = 0
    # Later steps are sampled: a verb has thousands, and its transaction is one.
    for step in itertools.chain(range(1, 250), range(250, 1_000, 7), itertools.count(1_000, 61)):
        fail_at(store, step)
        if await check_all_or_nothing(store, account, verb, before):
            break
        failed += 1
    await store.close()
    return failed


@pytest.mark.slow
@pytest.mark.parametrize("name", VERBS)
def test_index_fails_at_every_step(tmp_path: Path, name: str) -> None:
    failed = asyncio.run(sweep_index(tmp_path, VERBS[name]))
    assert failed > 20
    assert verify(tmp_path) == []


async def sweep_packs(directory: Path, verb: Verb) -> int:
    """Each time on a store just opened, so that beginning a pack is among the steps."""
    for step in itertools.count(1):
        disk = FailingDisk()
        store, account = await begin(directory / str(step), disk)
        store._committer._packs.close()
        before = contents_of(store)
        disk.fail_at(step)
        done = await check_all_or_nothing(store, account, verb, before)
        disk.fail_at(0)
        if not done:
            inbox = await inbox_of(store, account)
            await verb(store, account, inbox)
        await store.close()
        assert verify(directory / str(step)) == []
        if done:
            return step - 1
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps"), [("deliver", 2), ("append", 2), ("deliver long", 5)])
def test_packs_fail_at_every_call(tmp_path: Path, name: str, steps: int) -> None:
    """And the verb succeeds at the next try."""
    failed = asyncio.run(sweep_packs(tmp_path, VERBS[name]))
    assert failed >= steps


@pytest.mark.slow
def test_first_pack_fails_at_every_call(tmp_path: Path) -> None:
    async def sweep() -> int:
        for step in itertools.count(1):
            disk = FailingDisk()
            directory = tmp_path / str(step)
            store = SqliteStore.open(directory, disk=disk)
            account = await add_account(store)
            before = contents_of(store)
            disk.fail_at(step)
            done = await check_all_or_nothing(store, account, VERBS["deliver"], before)
            disk.fail_at(0)
            await VERBS["deliver"](store, account, await inbox_of(store, account))
            await store.close()
            assert verify(directory) == []
            if done:
                return step - 1
        raise AssertionError

    assert asyncio.run(sweep()) == 4, "create, sync the directory, write, sync"

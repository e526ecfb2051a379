"""Fail each verb of the queue at step 1, 2, 3 … until it succeeds: all or nothing, always whole.

As ``test_store_sweep``, for the tables of the queue.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mailclad.engines.sqlite.connection import rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.conformance import new_message
from mailclad.store.errors import DiskFull, StoreUnavailable
from mailclad.store.model import AccountId
from mailclad.store.queue import (
    EVERYTHING,
    Attempt,
    Change,
    Dispatch,
    Envelope,
    LocalShare,
    NewRecipient,
    QueueFilter,
    QueueId,
    RecipientState,
    Result,
    Settlement,
    Suppressed,
)
from tests.engines.disks import FailingDisk
from tests.engines.stores import add_account

NOW = 1_700_000_000
TRY = Attempt(NOW, "a.example", "mx", "192.0.2.1", "", "", "", "", "451 later")
Verb = Callable[[SqliteStore, AccountId, QueueId], Awaitable[object]]


def dispatch(account: AccountId, octets: bytes = b"new") -> Dispatch:
    to = tuple(NewRecipient(f"x@{name}", name) for name in ("a.example", "b.example"))
    share = LocalShare(new_message(octets).prepared, ((account, "INBOX"),))
    envelope = Envelope("ann@example.org", to, NOW + 1_000, NOW + 100)
    return Dispatch(octets, NOW, (envelope, envelope), share)


def notice(account: AccountId) -> Dispatch:
    share = LocalShare(new_message(b"sorry").prepared, ((account, "INBOX"),))
    return Dispatch(b"sorry", NOW, (), share)


def outcome(message: QueueId, state: RecipientState) -> list[Settlement]:
    return [Settlement(message, (Result(0, state, "answer", NOW + 60),), (TRY, TRY))]


VERBS: dict[str, Verb] = {
    "enqueue": lambda store, account, _: store.enqueue(dispatch(account)),
    "lease": lambda store, _account, _: store.lease_due(NOW + 50, "other", NOW + 99),
    "settle finished": lambda store, account, message: store.settle(
        "me", outcome(message, RecipientState.FAILED), (notice(account),)
    ),
    "settle deferred": lambda store, _, message: store.settle(
        "me", outcome(message, RecipientState.WAITING), (), {"a.example": NOW + 70}
    ),
    "extend": lambda store, _account, message: store.extend_leases("me", NOW + 500, [message]),
    "return": lambda store, _account, _: store.return_leases("me"),
    "hold": lambda store, _account, _: store.change(Change.HOLD, EVERYTHING, NOW),
    "release": lambda store, _account, _: store.change(Change.RELEASE, EVERYTHING, NOW),
    "retry": lambda store, _account, _: store.change(Change.RETRY, EVERYTHING, NOW + 5),
    "drop": lambda store, _account, _: store.change(Change.DROP, EVERYTHING, NOW),
    "forget": lambda store, _account, _: store.forget_attempts(NOW + 5),
    "suppress": lambda store, _account, _: store.suppress(
        Suppressed("x@y", "it bounced", 0, None)
    ),
}

_TABLES = (
    "sequence", "message", "mailbox", "account_state", "content", "prepared", "queue_message",
    "queue_recipient", "queue_destination", "queue_attempt", "queue_count", "suppression",
    "trace_event", "trace_name",
)  # fmt: skip


def contents_of(store: SqliteStore) -> str:
    """All of the index but which packs there are: those may be begun for nothing."""
    tables = [rows(store._db, f"SELECT * FROM {table}") for table in _TABLES]
    return repr([row for table in tables for row in table if row[0] != "pack"])


async def begin(
    directory: Path, disk: FailingDisk | None
) -> tuple[SqliteStore, AccountId, QueueId]:
    """One message is leased, half of it delivered; others wait, are held, or have gone."""
    store = SqliteStore.open(directory, disk=disk)
    account = await add_account(store)
    leased, _ = await store.enqueue(dispatch(account, b"leased"))
    await store.change(Change.DROP, QueueFilter(message=QueueId(leased + 1)), NOW)
    await store.lease_due(NOW, "me", NOW + 40)
    done = (Result(1, RecipientState.DELIVERED, "250"),)
    await store.settle("me", [Settlement(leased, done), Settlement(QueueId(5), (), (TRY,))])
    held, _ = await store.enqueue(dispatch(account, b"held"))
    await store.change(Change.HOLD, QueueFilter(message=held), NOW)
    return store, account, leased


def fail_at(store: SqliteStore, step: int) -> None:
    steps = itertools.count(1)
    store._db.set_progress_handler(lambda: next(steps) == step, 1)


async def check_all_or_nothing(
    store: SqliteStore,
    doing: Awaitable[object],
    before: str,
    contents_of: Callable[[SqliteStore], str] = contents_of,
) -> bool:
    """Whether it was done.  A failure must have changed nothing."""
    told = False
    try:
        await doing
    except (StoreUnavailable, DiskFull):
        told = True
    store._db.set_progress_handler(None, 1)
    done = contents_of(store) != before
    assert done or told
    return done


async def sweep_index(directory: Path, verb: Verb) -> int:
    store, account, message = await begin(directory, None)
    before = contents_of(store)
    failed = 0
    for step in itertools.chain(range(1, 150), range(150, 1_500, 7), itertools.count(1_500, 61)):
        fail_at(store, step)
        if await check_all_or_nothing(store, verb(store, account, message), before):
            break
        failed += 1
    await store.close()
    return failed


@pytest.mark.slow
@pytest.mark.parametrize("name", VERBS)
def test_index_fails_at_every_step(tmp_path: Path, name: str) -> None:
    assert asyncio.run(sweep_index(tmp_path, VERBS[name])) > 20
    assert verify(tmp_path) == []


async def sweep_packs(directory: Path, verb: Verb) -> int:
    """Each time on a store just opened, so that beginning a pack is among the steps."""
    for step in itertools.count(1):
        disk = FailingDisk()
        store, account, message = await begin(directory / str(step), disk)
        store._committer._packs.close()
        before = contents_of(store)
        disk.fail_at(step)
        done = await check_all_or_nothing(store, verb(store, account, message), before)
        disk.fail_at(0)
        if not done:
            await verb(store, account, message)
        await store.close()
        assert verify(directory / str(step)) == []
        if done:
            return step - 1
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize("name", ["enqueue", "settle finished"])
def test_packs_fail_at_every_call(tmp_path: Path, name: str) -> None:
    """And the verb succeeds at the next try."""
    assert asyncio.run(sweep_packs(tmp_path, VERBS[name])) >= 2

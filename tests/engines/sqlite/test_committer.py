"""Group commit: many at once, one bad one among them, those who went away, too many."""

import asyncio
import struct
import threading
from pathlib import Path

import msgspec
import pytest

from mailclad.engines.packs.record import MOST_OWNERS
from mailclad.engines.sqlite import committer
from mailclad.engines.sqlite.committer import BATCH_REQUESTS, RequestQueue, Work
from mailclad.engines.sqlite.connection import rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.conformance import new_message
from mailclad.store.errors import (
    AliasNotFound,
    DomainExists,
    MailboxNotFound,
    StoreUnavailable,
)
from mailclad.store.model import AccountId, Delivery, NewMessage, Stored
from tests.engines.stores import add_account, deliver, inbox_of, with_account


class Commits:
    """Counts the transactions of a store's writing connection."""

    def __init__(self, store: SqliteStore) -> None:
        self.count = 0
        store._db.set_commit_hook(self._count)

    def _count(self) -> bool:
        self.count += 1
        return False


def test_many_share_a_transaction(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await deliver(store, account, b"opens the pack")
        commits = Commits(store)
        stored = await asyncio.gather(
            *(deliver(store, account, b"message %d" % number) for number in range(500))
        )
        assert sorted(where.uid for where in stored) == list(range(2, 502))
        assert commits.count < 20

    with_account(tmp_path, scenario)


def test_bad_request_takes_nobody_with_it(tmp_path: Path) -> None:
    """A refusal, an error of SQLite's and a bug, in the middle of good ones."""

    def wrong(tx: Transaction) -> None:
        rows(tx.db, "UPDATE mailbox SET messages = 999")
        rows(tx.db, "INSERT INTO domain VALUES (NULL)")

    def bug(tx: Transaction) -> None:
        rows(tx.db, "UPDATE mailbox SET messages = 999")
        raise ZeroDivisionError

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await inbox_of(store, account)
        good = new_message(b"good")
        unencodable = NewMessage(
            b"bad", msgspec.structs.replace(good.prepared, subject="half a \ud800"), 0, 0,
        )  # fmt: skip
        nowhere = Delivery(good, ((account, "INBOX"), (account, "None")))
        outcomes = await asyncio.gather(
            store.append(inbox, [good]),
            store.deliver(nowhere),
            store.add_domain("example.org"),
            store.append(inbox, [good]),
            store.append(inbox, [unencodable]),
            store.append(inbox, [good]),
            store._write(wrong),
            store._write(bug),
            store.remove_alias("none@example.org"),
            store.add_domain("good.example"),
            return_exceptions=True,
        )
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [
            tuple, MailboxNotFound, DomainExists, tuple, UnicodeEncodeError, tuple,
            StoreUnavailable, ZeroDivisionError, AliasNotFound, type(None),
        ]  # fmt: skip
        assert (await store.stat(account, "INBOX")).messages == 3

    with_account(tmp_path, scenario)


def test_error_of_sqlite_s_takes_nobody_with_it(tmp_path: Path) -> None:
    def wrong(tx: Transaction) -> None:
        rows(tx.db, "UPDATE mailbox SET messages = 999")
        rows(tx.db, "INSERT INTO domain VALUES (NULL)")

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        outcomes = await asyncio.gather(
            deliver(store, account, b"before"),
            store._write(wrong),
            deliver(store, account, b"behind"),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [Stored, StoreUnavailable, Stored]

    with_account(tmp_path, scenario)


def test_message_that_cannot_be_written_takes_nobody_with_it(tmp_path: Path) -> None:
    """More owners than a record has room for, and octets that cannot be read."""

    class Unreadable(bytes):
        def __getitem__(self, _part: object) -> bytes:  # type: ignore[override]
            raise ValueError("mmap closed")

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        crowd = ((account, "INBOX"),) * (MOST_OWNERS + 1)
        good = new_message(b"good")
        for octets in (b"short", b"long" * 100_000):
            bad = NewMessage(Unreadable(octets), good.prepared, 0, 0)
            outcomes = await asyncio.gather(
                deliver(store, account, b"before"),
                store.deliver(Delivery(bad, ((account, "INBOX"),))),
                store.deliver(Delivery(good, crowd)),
                deliver(store, account, b"behind"),
                return_exceptions=True,
            )
            kinds = [type(outcome) for outcome in outcomes]
            assert kinds == [Stored, ValueError, struct.error, Stored]
        assert (await store.stat(account, "INBOX")).messages == 4

    with_account(tmp_path, scenario)


def test_nothing_for_nobody(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        assert await store.deliver(Delivery(new_message(b"x"), ())) == ()
        assert await store.append(await inbox_of(store, account), []) == ()

    with_account(tmp_path, scenario)


def test_refused_delivery_stores_for_nobody(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        targets = ((account, "INBOX"), (account, "None"))
        with pytest.raises(MailboxNotFound):
            await store.deliver(Delivery(new_message(b"x"), targets))
        assert (await store.stat(account, "INBOX")).messages == 0

    with_account(tmp_path, scenario)


def test_who_asked_has_gone(tmp_path: Path) -> None:
    """The message is stored all the same, and nobody stumbles over it."""

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        task = asyncio.create_task(deliver(store, account, b"abandoned"))
        await asyncio.sleep(0)
        task.cancel()
        await deliver(store, account, b"next")
        assert task.cancelled()
        assert (await store.stat(account, "INBOX")).messages == 2

    with_account(tmp_path, scenario)


def test_too_many_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "WAITING_REQUESTS", 10)

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        outcomes = await asyncio.gather(
            *(deliver(store, account, b"message %d" % number) for number in range(12)),
            return_exceptions=True,
        )
        refused = [one for one in outcomes if isinstance(one, StoreUnavailable)]
        assert len(refused) == 2
        await deliver(store, account, b"room again")
        assert (await store.stat(account, "INBOX")).messages == 11

    with_account(tmp_path, scenario)


def test_batches_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "BATCH_REQUESTS", 7)

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        commits = Commits(store)
        await asyncio.gather(*(deliver(store, account, b"%d" % n) for n in range(70)))
        assert commits.count >= 10

    with_account(tmp_path, scenario)


def test_close_finishes_what_was_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore.open(tmp_path)
        account = await add_account(store)
        tasks = [asyncio.create_task(deliver(store, account, b"%d" % n)) for n in range(300)]
        await asyncio.sleep(0)
        await store.close()
        assert len({(await task).uid for task in tasks}) == 300

    asyncio.run(scenario())


def test_each_mailbox_is_announced_once_a_batch(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        woken: list[int] = []
        inbox = await inbox_of(store, account)
        store.watch(inbox, lambda: woken.append(1))
        commits = Commits(store)
        await asyncio.gather(*(deliver(store, account, b"%d" % n) for n in range(100)))
        assert len(woken) <= commits.count

    with_account(tmp_path, scenario)


def test_index_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await deliver(store, account, b"before")
        rows(store._db, "PRAGMA query_only = ON")
        with pytest.raises(StoreUnavailable):
            await deliver(store, account, b"refused")
        rows(store._db, "PRAGMA query_only = OFF")
        await deliver(store, account, b"after")
        assert (await store.stat(account, "INBOX")).messages == 2

    with_account(tmp_path, scenario)


def test_commit_that_fails_fails_all(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await deliver(store, account, b"before")
        store._db.set_commit_hook(lambda: True)
        outcomes = await asyncio.gather(
            *(deliver(store, account, b"%d" % n) for n in range(5)), return_exceptions=True
        )
        assert {type(one) for one in outcomes} == {StoreUnavailable}
        store._db.set_commit_hook(None)
        await deliver(store, account, b"after")
        assert (await store.stat(account, "INBOX")).messages == 2

    with_account(tmp_path, scenario)


PATIENT = 30.0  # seconds; no test here waits for them to pass


def waiting_work(count: int) -> list[Work]:
    loop = asyncio.new_event_loop()
    loop.close()
    return [Work(lambda _: None, asyncio.Future(loop=loop)) for _ in range(count)]


class Taker:
    """Takes one batch on a thread of its own."""

    def __init__(self, requests: RequestQueue, expected: int) -> None:
        self.batch: list[committer.Request] = []
        self._thread = threading.Thread(target=self._take, args=(requests, expected))
        self._thread.start()

    def _take(self, requests: RequestQueue, expected: int) -> None:
        self.batch = requests.take(expected, PATIENT)

    def result(self) -> list[committer.Request]:
        self._thread.join(PATIENT / 2)
        assert not self._thread.is_alive(), "it waits for more than it should"
        return self.batch


def test_who_is_alone_is_not_made_to_wait() -> None:
    requests, work = RequestQueue(), waiting_work(1)
    taker = Taker(requests, expected=1)
    requests.put(work[0])
    assert taker.result() == work


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_batch_is_gathered(before: int) -> None:
    """Whether they come before the thread asks or while it waits."""
    requests, work = RequestQueue(), waiting_work(3)
    for one in work[:before]:
        requests.put(one)
    taker = Taker(requests, expected=3)
    for one in work[before:]:
        requests.put(one)
    assert taker.result() == work
    assert requests.waiting == 0


def test_gathering_ends() -> None:
    """Those who were expected do not come, or the store is closed."""
    requests, work = RequestQueue(), waiting_work(2)
    requests.put(work[0])
    assert requests.take(5, 0.001) == work[:1]
    taker = Taker(requests, expected=5)
    requests.put(work[1])
    requests.close()
    assert taker.result() == work[1:]
    assert requests.take(5, PATIENT) == []


def test_limit_of_a_batch() -> None:
    requests, work = RequestQueue(), waiting_work(BATCH_REQUESTS + 1)
    for one in work:
        requests.put(one)
    assert requests.take(1, 0) == work[:-1]
    assert requests.take(1, 0) == work[-1:]

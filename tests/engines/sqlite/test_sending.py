"""What each account has sent, counted with the message or not at all."""

import asyncio
from pathlib import Path

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.conformance import new_message
from mailclad.store.errors import MailboxNotFound, SentTooMuch
from mailclad.store.model import AccountId
from mailclad.store.queue import Dispatch, Envelope, LocalShare, NewRecipient
from mailclad.store.sending import HOUR_SECONDS, Allowance, Sent, Spending
from tests.engines.stores import opened, run, with_account

NOW = 500_000 * HOUR_SECONDS
HOUR = NOW // HOUR_SECONDS
WIDE = Sent(1_000, 1_000)
BOB = Envelope("ann@example.org", (NewRecipient("bob@x.example", "x.example"),), NOW, NOW)


async def send(
    store: SqliteStore,
    account: AccountId,
    allowance: Allowance,
    recipients: int = 1,
    now: int = NOW,
) -> None:
    spending = Spending(account, recipients, allowance)
    await store.enqueue_counted(Dispatch(b"Subject: x\r\n\r\nx\r\n", now, (BOB,)), spending)


def test_messages_of_an_hour_and_of_a_day(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        allowance = Allowance(Sent(2, 1_000), Sent(3, 1_000))
        await send(store, ann, allowance)
        await send(store, ann, allowance)
        with pytest.raises(SentTooMuch, match="hour"):
            await send(store, ann, allowance)
        await send(store, ann, allowance, now=NOW + HOUR_SECONDS)
        with pytest.raises(SentTooMuch, match="day"):
            await send(store, ann, allowance, now=NOW + 23 * HOUR_SECONDS)
        await send(store, ann, allowance, now=NOW + 24 * HOUR_SECONDS)
        assert (await store.queue_counts()).messages == 4, "what is refused is not kept"
        assert await store.sent_since(ann, HOUR) == Sent(4, 4)
        assert await store.sent_since(ann, HOUR + 1) == Sent(2, 2)
        assert await store.forget_sent(HOUR + 1) == 1
        assert await store.sent_since(ann, 0) == Sent(2, 2)

    with_account(tmp_path, scenario)


def test_recipients_count_all_together(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        allowance = Allowance(Sent(1_000, 5), WIDE)
        await send(store, ann, allowance, recipients=3)
        with pytest.raises(SentTooMuch):
            await send(store, ann, allowance, recipients=3)
        await send(store, ann, allowance, recipients=2)
        assert await store.sent_since(ann, HOUR) == Sent(2, 5)

    with_account(tmp_path, scenario)


def test_messages_of_one_commit_are_counted_together(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        allowance = Allowance(Sent(5, 1_000), Sent(8, 1_000))
        later = NOW + HOUR_SECONDS
        sent = [send(store, ann, allowance, now=now) for now in (NOW,) * 7 + (later,) * 7]
        done = await asyncio.gather(*sent, return_exceptions=True)
        assert [isinstance(one, SentTooMuch) for one in done] == (
            [False] * 5 + [True] * 2 + [False] * 3 + [True] * 4
        )
        assert (await store.queue_counts()).messages == 8
        assert await store.sent_since(ann, HOUR) == Sent(8, 8)
        assert await store.sent_since(ann, HOUR + 1) == Sent(3, 3)

    with_account(tmp_path, scenario)


def test_what_cannot_be_kept_is_not_counted(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        local = LocalShare(new_message(b"x").prepared, ((ann, "Nowhere"),))
        spending = Spending(ann, 1, Allowance(WIDE, WIDE))
        with pytest.raises(MailboxNotFound):
            await store.enqueue_counted(Dispatch(b"x", NOW, (BOB,), local), spending)
        assert await store.sent_since(ann, 0) == Sent()
        assert (await store.queue_counts()).messages == 0

    with_account(tmp_path, scenario)


def test_all_processes_see_one_number(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as one, opened(tmp_path) as two:
            await one.add_domain("example.org")
            ann = (await one.add_account("ann@example.org", "", NOW)).id
            allowance = Allowance(Sent(10, 1_000), WIDE)
            tries = [send(store, ann, allowance) for store in (one, two) for _ in range(10)]
            said = await asyncio.gather(*tries, return_exceptions=True)
            assert said.count(None) == 10
            assert sum(isinstance(each, SentTooMuch) for each in said) == 10

    run(main())
    assert verify(tmp_path) == []


def test_the_count_goes_with_the_account(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        await send(store, ann, Allowance(WIDE, WIDE))
        await store.remove_account("ann@example.org")
        assert await store.sent_since(ann, 0) == Sent()

    with_account(tmp_path, scenario)

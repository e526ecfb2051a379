"""The queue on disk: shared octets, dead owners, pauses, what verify names, what a step costs."""

import asyncio
import contextlib
import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.engines.sqlite.connection import open_index, rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.conformance import new_message
from mailclad.store.errors import MailboxNotFound, MessageNotFound
from mailclad.store.model import ALL_UIDS, AccountId, MailboxId
from mailclad.store.queue import (
    ANSWER_LETTERS,
    ATTEMPTS_KEPT,
    LEASED_AT_ONCE,
    LONGEST_LEASE_SECONDS,
    PAGE_MESSAGES,
    QUEUE_ID_BITS,
    Attempt,
    Change,
    Dispatch,
    Envelope,
    Limits,
    LocalShare,
    NewRecipient,
    QueueFilter,
    RecipientState,
    Result,
    Settlement,
    Suppressed,
)
from mailclad.store.sending import Allowance, Sent, Spending
from tests.engines.stores import inbox_of, with_account

NOW = 1_700_000_000
DELIVERED = (Result(0, RecipientState.DELIVERED, "250 thank you"),)


def envelope(*destinations: str, priority: int = 0, not_before: int = 0) -> Envelope:
    to = tuple(NewRecipient(f"x@{name}", name) for name in destinations)
    return Envelope(
        "ann@example.org", to, NOW + 1_000, NOW + 100, priority=priority, not_before=not_before
    )


def dispatch(*envelopes: Envelope, local: AccountId | None = None, now: int = NOW) -> Dispatch:
    share = None
    if local is not None:
        share = LocalShare(new_message(b"octets").prepared, ((local, "INBOX"),))
    return Dispatch(b"octets", now, envelopes, share)


def attempt(answer: str) -> Attempt:
    return Attempt(NOW, "a.example", "mx", "192.0.2.1", "TLSv1.3", "s", "g", "dane", answer)


@pytest.mark.parametrize("mailbox_first", [True, False])
def test_octets_live_until_their_last_place(tmp_path: Path, mailbox_first: bool) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        (queued,) = await store.enqueue(dispatch(envelope("a.example"), local=account))
        content = (await store.queue_page()).messages[0].message.content
        inbox = await inbox_of(store, account)
        moves = [
            lambda: store.remove(inbox, ALL_UIDS),
            lambda: store.settle("anyone", [Settlement(queued, DELIVERED)]),
        ]
        for move in moves if mailbox_first else reversed(moves):
            assert (await store.body(content)).read(0, 10) == b"octets"
            await move()
        with pytest.raises(MessageNotFound):
            await store.body(content)

    with_account(tmp_path, scenario)


def test_queued_octets_survive_compaction(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        first, _ = await store.enqueue(dispatch(envelope("a.example"), envelope("b.example")))
        inbox = await inbox_of(store, account)
        await store.append(inbox, [new_message(b"long" * 1_000)])
        await store.remove(inbox, ALL_UIDS)
        store._committer._packs.close()
        assert await store.compact() == 1
        assert verify(tmp_path) == []
        await store.settle("anyone", [Settlement(first, DELIVERED)])
        (left,) = (await store.queue_page()).messages
        assert (await store.body(left.message.content)).read(0, 10) == b"octets"

    with_account(tmp_path, scenario)


def test_nothing_is_queued_when_a_mailbox_is_gone(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        gone = dispatch(envelope("a.example"), local=AccountId(77))
        for verb in (store.enqueue(gone), store.settle("me", [], [gone])):
            with pytest.raises(MailboxNotFound):
                await verb
        assert (await store.queue_counts()).messages == 0

    with_account(tmp_path, scenario)


def test_lease_of_a_dead_owner_runs_out(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        await store.enqueue(dispatch(envelope("a.example")))
        assert len(await store.lease_due(NOW, "dead", NOW + 60)) == 1
        assert await store.next_due() == NOW + 60
        assert await store.lease_due(NOW + 59, "alive", NOW + 90) == []
        (work,) = await store.lease_due(NOW + 60, "alive", NOW + 90)
        assert work.recipients[0].owner == "alive"
        late = Settlement(work.message.id, (Result(0, RecipientState.WAITING, "later", 0),))
        assert await store.settle("dead", [late]) == 0, "only who holds the lease may defer"
        assert await store.settle("dead", [Settlement(work.message.id, DELIVERED)]) == 1
        assert await store.settle("alive", [Settlement(work.message.id, DELIVERED)]) == 0

    with_account(tmp_path, scenario)


def test_lease_by_a_clock_that_was_ahead_runs_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore.open(tmp_path)
        await store.enqueue(dispatch(envelope("a.example")))
        ahead = NOW + 10 * LONGEST_LEASE_SECONDS
        assert await store.lease_due(ahead, "dead", ahead + 120)
        assert await store.lease_due(NOW, "alive", NOW + 120)
        assert await store.lease_due(NOW, "third", NOW + 120) == []
        await store.close()

    asyncio.run(scenario())


def test_pause_holds_all_for_a_destination(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        await store.enqueue(dispatch(envelope("a.example"), envelope("b.example")))
        await store.settle("me", [], pauses={"a.example": NOW + 50, "nobody.example": NOW + 9})
        await store.enqueue(dispatch(envelope("a.example", not_before=NOW + 5)))
        assert [work.destination for work in await store.lease_due(NOW + 6, "me", NOW + 9)] == [
            "b.example"
        ]
        await store.change(Change.RETRY, QueueFilter(destination="a.example"), NOW + 6)
        works = await store.lease_due(NOW + 6, "me", NOW + 9)
        assert len(works) == 2, "a person's word ends a pause"

    with_account(tmp_path, scenario)


def test_pause_outlives_other_changes_and_shorter_ones(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        await store.enqueue(dispatch(envelope("a.example"), envelope("a.example")))
        await store.lease_due(NOW, "me", NOW + 9, 1)
        await store.settle("me", [], pauses={"a.example": NOW + 50})
        await store.settle("me", [], pauses={"a.example": NOW + 20})
        await store.return_leases("me")
        assert await store.next_due() == NOW + 50
        assert await store.lease_due(NOW + 49, "me", NOW + 99) == []
        assert verify(tmp_path) == []
        assert len(await store.lease_due(NOW + 50, "me", NOW + 99)) == 2

    with_account(tmp_path, scenario)


def test_urgent_first_within_a_destination(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        some = [envelope("a.example", priority=each) for each in (0, -9, 9, 4)]
        await store.enqueue(dispatch(*some))
        works = await store.lease_due(NOW, "me", NOW + 9, limits=Limits(3))
        assert [work.message.priority for work in works] == [9, 4, 0]

    with_account(tmp_path, scenario)


def test_retry_does_not_break_a_promise(tmp_path: Path) -> None:
    """FUTURERELEASE: not before, whoever asks."""

    async def scenario(store: SqliteStore, _: AccountId) -> None:
        await store.enqueue(dispatch(envelope("a.example", not_before=NOW + 500)))
        await store.change(Change.RETRY, QueueFilter(), NOW)
        assert await store.next_due() == NOW + 500

    with_account(tmp_path, scenario)


def test_limits_of_one_call(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        many = [envelope("a.example") for _ in range(PAGE_MESSAGES + 5)]
        await store.enqueue(dispatch(*many))
        works = await store.lease_due(NOW, "me", NOW + 9, 10_000, Limits(10_000))
        assert len(works) == LEASED_AT_ONCE
        assert await store.return_leases("me") == LEASED_AT_ONCE
        assert len((await store.queue_page(limit=10_000)).messages) == PAGE_MESSAGES
        first = await store.change(Change.DROP, QueueFilter(), NOW)
        assert first.recipients == PAGE_MESSAGES
        rest = await store.change(Change.DROP, QueueFilter(), NOW, first.next)
        assert (rest.recipients, rest.next) == (5, None)

    with_account(tmp_path, scenario)


def test_log_keeps_the_last_attempts(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        (queued,) = await store.enqueue(dispatch(envelope("a.example")))
        for number in range(ATTEMPTS_KEPT + 3):
            await store.settle("me", [Settlement(queued, (), (attempt(f"{number}"),))])
        await store.settle("me", [Settlement(queued, DELIVERED, (attempt("é" * 2_000),))])
        log = await store.queue_attempts(queued)
        assert [each.answer for each in log[:-1]] == [str(n) for n in range(4, ATTEMPTS_KEPT + 3)]
        assert log[-1].answer == "é" * ANSWER_LETTERS
        assert await store.forget_attempts(NOW) == 0
        assert await store.forget_attempts(NOW + 1) == ATTEMPTS_KEPT
        assert await store.queue_attempts(queued) == []

    with_account(tmp_path, scenario)


def test_log_of_what_is_queued_stays(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        (queued,) = await store.enqueue(dispatch(envelope("a.example")))
        await store.settle("me", [Settlement(queued, (), (attempt("later"),))])
        assert await store.forget_attempts(NOW + 100) == 0

    with_account(tmp_path, scenario)


def test_ids_ascend_when_the_clock_goes_back(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        (first,) = await store.enqueue(dispatch(envelope("a.example")))
        (second,) = await store.enqueue(dispatch(envelope("a.example"), now=NOW - 3_600))
        assert (first >> QUEUE_ID_BITS, second) == (NOW, first + 1)

    with_account(tmp_path, scenario)


def test_a_message_for_two_at_a_destination_is_one_message(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        await store.enqueue(dispatch(envelope("a.example", "a.example"), envelope("a.example")))
        which = QueueFilter(destination="a.example", state=RecipientState.WAITING)
        assert await store.queue_matches(which) == 2
        page = await store.queue_page(which, limit=1)
        assert page.next == page.messages[0].message.id
        assert len((await store.queue_page(which, page.next, 1)).messages[0].recipients) == 1
        assert (await store.change(Change.HOLD, which, NOW)).recipients == 3
        assert await store.queue_matches(QueueFilter(state=RecipientState.HELD)) == 2

    with_account(tmp_path, scenario)


def test_a_change_is_told_to_whoever_watches_the_queue(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        woken: list[str] = []
        announced: list[int] = []
        other = SqliteStore.open(tmp_path, announce=lambda mailbox, _: announced.append(mailbox))
        (queued,) = await store.enqueue(dispatch(envelope("a.example")))
        stop = store.watch_queue(lambda: woken.append("here"))
        which = QueueFilter(message=queued)
        for change in (Change.HOLD, Change.RELEASE, Change.RETRY, Change.RELEASE):
            await store.change(change, which, NOW)
        assert woken == ["here", "here"], "released and retried, then nothing was held"
        await other.change(Change.RETRY, which, NOW)
        store.noticed(MailboxId(announced.pop()), 0)
        assert len(woken) == 3
        stop()
        await store.change(Change.RETRY, which, NOW)
        assert len(woken) == 3
        await other.close()

    with_account(tmp_path, scenario)


def test_a_change_is_in_the_trace_of_each_message(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        both = replace(envelope("a.example", "b.example"), identity="id1")
        await store.enqueue(dispatch(both, replace(both, identity="id2")))
        await store.change(Change.HOLD, QueueFilter(destination="a.example"), NOW)
        await store.change(Change.RETRY, QueueFilter(), NOW)
        await store.change(Change.DROP, QueueFilter(), NOW + 1)
        for identity in ("id1", "id2"):
            (life,) = await store.trace(identity)
            assert [(event.text, event.addresses) for event in life.events] == [
                ("held by an administrator", ("x@a.example",)),
                ("dropped by an administrator", ("x@a.example", "x@b.example")),
            ]

    with_account(tmp_path, scenario)


def test_suppression(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        ever, soon = (
            Suppressed("a@x", "bounced", NOW, None),
            Suppressed("b@x", "full", NOW, NOW + 9),
        )
        for each in (ever, soon):
            await store.suppress(each)
        assert await store.suppressed(["a@x", "b@x", "c@x"], NOW) == {"a@x": ever, "b@x": soon}
        assert await store.suppressed(["a@x", "b@x"], NOW + 9) == {"a@x": ever}
        assert await store.suppressions() == [ever, soon]
        assert await store.suppressions("a@x", 1) == [soon]
        assert await store.unsuppress("a@x")
        assert not await store.unsuppress("a@x")

    with_account(tmp_path, scenario)


def test_values_that_cannot_be() -> None:
    for wrong in (
        lambda: Envelope("", (), NOW, NOW),
        lambda: envelope("a.example", priority=10),
        lambda: Dispatch(b"", NOW),
        lambda: Dispatch(b"", NOW, (), LocalShare(new_message(b"").prepared, ())),
        lambda: Result(0, RecipientState.HELD, ""),
    ):
        with pytest.raises(ValueError):
            wrong()


async def some_mail(store: SqliteStore, account: AccountId) -> None:
    await store.enqueue(dispatch(envelope("a.example"), local=account))
    await store.enqueue(dispatch(envelope("b.example", "c.example")))
    await store.lease_due(NOW, "me", NOW + 9, 1)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("DELETE FROM queue_message WHERE content = 1", "content 1 counts 2 places, there are 1"),
        ("DELETE FROM queue_message WHERE content = 1", "gone, but its recipient 0"),
        ("DELETE FROM message", "content 1 counts 2 places, there are 1"),
        ("DELETE FROM content WHERE id = 2", "names content 2, which is missing"),
        ("UPDATE queue_message SET start = 1", "or of another size"),
        ("DELETE FROM queue_recipient WHERE destination = 'a.example'", "waits for nothing, but"),
        ("UPDATE queue_recipient SET state = 'lost' WHERE state = 'waiting'", "known state: lost"),
        ("UPDATE queue_destination SET next_attempt = 5", "is due at 5, but its first message"),
        ("DELETE FROM queue_destination", "is due at None"),
        ("INSERT INTO queue_destination VALUES ('z', 1, 0)", "queue for z is due, but nobody"),
        ("UPDATE queue_count SET number = 7 WHERE name = 'leased'", "leased as 7, there are 1"),
        ("UPDATE queue_count SET number = 7 WHERE name = 'octets'", "octets as 7, there are 12"),
        ("UPDATE sequence SET last = 0 WHERE name = 'queue'", "counter of queue stands at 0"),
    ],
)  # fmt: skip
def test_each_fault_is_named(tmp_path: Path, spoil: str, words: str) -> None:
    with_account(tmp_path, some_mail)
    with contextlib.closing(open_index(tmp_path / "index.db", cache_kib=100)) as db:
        rows(db, spoil)
    assert words in "\n".join(problem.text for problem in verify(tmp_path))


async def steps_of_a_round(directory: Path, queued: int) -> int:
    """SQLite's instructions for leasing and settling ten messages, with so many in the queue."""
    store = SqliteStore.open(directory)
    for at in range(0, queued, 500):
        some = [envelope(f"{(at + each) % 97}.example") for each in range(500)]
        await store.enqueue(dispatch(*some))
    steps = itertools.count()
    store._db.set_progress_handler(lambda: next(steps) < 0, 1)
    works = await store.lease_due(NOW, "me", NOW + 60, 10)
    later = Result(0, RecipientState.WAITING, "451", NOW + 60)
    await store.settle("me", [Settlement(work.message.id, (later,)) for work in works[:5]])
    await store.settle("me", [Settlement(work.message.id, DELIVERED) for work in works[5:]])
    await store.next_due()
    store._db.set_progress_handler(None, 1)
    await store.close()
    return next(steps)


@pytest.mark.slow
def test_a_step_costs_the_same_in_a_long_queue(tmp_path: Path) -> None:
    short = asyncio.run(steps_of_a_round(tmp_path / "short", 1_000))
    long = asyncio.run(steps_of_a_round(tmp_path / "long", 20_000))
    assert long < short * 1.1


def test_who_empties_the_queue_hears_of_what_this_process_made_due(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        heard: list[str] = []
        stop = store.watch_queue(lambda: heard.append("due"))
        await store.enqueue(dispatch(local=account))
        assert heard == []
        (queued,) = await store.enqueue(dispatch(envelope("a.example")))
        assert len(heard) == 1
        allowance = Allowance(Sent(9, 9), Sent(9, 9))
        spending = Spending(account, 1, allowance)
        await store.enqueue_counted(dispatch(envelope("a.example")), spending)
        assert len(heard) == 2
        await store.settle("me", [Settlement(queued, DELIVERED)])
        assert len(heard) == 2
        notice = dispatch(envelope("b.example"))
        await store.settle("me", [], [notice])
        assert len(heard) == 3
        await store.change(Change.RETRY, QueueFilter(), NOW)
        assert len(heard) == 4
        stop()
        await store.enqueue(dispatch(envelope("a.example")))
        assert len(heard) == 4

    with_account(tmp_path, scenario)

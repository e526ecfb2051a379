"""Messages: lists in bounded chunks, arrays of UIDs, changes, flags, keywords, places."""

import tracemalloc
from array import array
from pathlib import Path

import pytest

from mailclad.engines.sqlite import fetching
from mailclad.engines.sqlite.changes import UidCache, load_uids
from mailclad.engines.sqlite.connection import open_index
from mailclad.engines.sqlite.fetching import CHUNK_ROWS
from mailclad.engines.sqlite.flags import KEYWORD_OCTETS
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.conformance import new_message
from mailclad.store.errors import (
    BodyDamaged,
    MailboxNotFound,
    MessageNotFound,
    StoreUnavailable,
    TooManyKeywords,
)
from mailclad.store.interface import Row
from mailclad.store.model import (
    ALL_UIDS,
    FIRST_KEYWORD_BIT,
    KEYWORDS_PER_ACCOUNT,
    AccountId,
    All,
    Column,
    ContentId,
    Delivery,
    Flag,
    FlagChange,
    MailboxId,
    UidSet,
    uid_set,
)
from tests.engines.stores import add_account, deliver, inbox_of, run, with_account

NOWHERE = MailboxId(999)


async def fill(store: SqliteStore, account: AccountId, count: int) -> MailboxId:
    inbox = await inbox_of(store, account)
    for start in range(0, count, 1_000):
        some = [new_message(b"message %d" % number) for number in range(start, count)][:1_000]
        await store.append(inbox, some)
    return inbox


async def fetched(
    store: SqliteStore, mailbox: MailboxId, uids: UidSet, *columns: Column
) -> list[list[Row]]:
    return [rows async for rows in store.fetch(mailbox, uids, columns)]


# --- lists -----------------------------------------------------------------------


def test_columns_come_in_the_order_asked_for(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await inbox_of(store, account)
        await store.append(inbox, [new_message(b"a", Flag.SEEN, 77)])
        assert await fetched(store, inbox, ALL_UIDS, Column.PREVIEW, Column.UID) == [[("a", 1)]]
        assert await fetched(store, inbox, ALL_UIDS, Column.INTERNAL_DATE) == [[(77,)]]
        every = await fetched(store, inbox, ALL_UIDS, *Column)
        assert len(every[0][0]) == len(Column)

    with_account(tmp_path, scenario)


@pytest.mark.slow
def test_chunks(tmp_path: Path) -> None:
    """At most 1,000 rows each, in order, whole, by run or by single UID, hot or cold."""

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account, 2_500)
        odd = uid_set(range(1, 2_501, 2))
        for columns in ((Column.UID,), (Column.UID, Column.ENVELOPE), (Column.FLAGS,)):
            whole = await fetched(store, inbox, ALL_UIDS, *columns)
            assert max(len(rows) for rows in whole) <= CHUNK_ROWS
            assert [len(rows) for rows in whole] == [1_000, 1_000, 500]
            singles = await fetched(store, inbox, odd, *columns)
            assert [len(rows) for rows in singles] == [1_000, 250]
            mixed = ((1, 3), (5, 5), (10, 2_400), (2_499, 9_999))
            rows = [row for some in await fetched(store, inbox, mixed, *columns) for row in some]
            assert len(rows) == 3 + 1 + 2_391 + 2
            if Column.UID in columns:
                assert [row[0] for some in whole for row in some] == list(range(1, 2_501))

    with_account(tmp_path, scenario)


def test_wide_columns_end_a_chunk_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "CHUNK_OCTETS", 1_000)

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account, 200)
        for uids in (ALL_UIDS, uid_set(range(1, 200, 2))):
            chunks = await fetched(store, inbox, uids, Column.PREVIEW, Column.ENVELOPE)
            assert len(chunks) > 1
            whole = [row for rows in chunks for row in rows]
            assert len(whole) == (200 if uids == ALL_UIDS else 100)
            assert len(set(whole)) == len(whole)

    with_account(tmp_path, scenario)


def test_list_goes_on_while_messages_come_and_go(tmp_path: Path) -> None:
    """Nothing is kept open between chunks, and none comes twice."""

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account, 1_500)
        seen: list[int] = []
        async for rows in store.fetch(inbox, ALL_UIDS, (Column.UID,)):
            seen += [row[0] for row in rows]
            if len(seen) == 1_000:
                await store.remove(inbox, ((1, 1_100),))
                await deliver(store, account, b"late")
        assert seen == [*range(1, 1_001), *range(1_101, 1_502)]

    with_account(tmp_path, scenario)


def test_empty_lists(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await inbox_of(store, account)
        assert await fetched(store, inbox, ALL_UIDS, Column.UID) == []
        assert await fetched(store, inbox, (), Column.UID) == []
        with pytest.raises(MailboxNotFound):
            await fetched(store, NOWHERE, ALL_UIDS, Column.UID)

    with_account(tmp_path, scenario)


@pytest.mark.slow
def test_long_list_needs_little_memory(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account, 10_000)
        tracemalloc.start()
        async for rows in store.fetch(inbox, ALL_UIDS, (Column.UID, Column.ENVELOPE)):
            assert rows
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_500_000

    with_account(tmp_path, scenario)


# --- arrays of UIDs --------------------------------------------------------------


def test_array_follows_changes(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account, 10)
        _, first = await store.uids(inbox)
        assert (await store.uids(inbox))[1] is first, "shared while nothing changes"
        await store.store_flags(inbox, ((1, 1),), FlagChange.ADD, Flag.SEEN)
        assert (await store.uids(inbox))[1] is first, "flags do not change it"
        await store.remove(inbox, ((2, 3), (9, 9)))
        await deliver(store, account, b"new")
        mod_seq, second = await store.uids(inbox)
        assert list(second) == [1, 4, 5, 6, 7, 8, 10, 11]
        assert list(first) == list(range(1, 11)), "arrays handed out are never changed"
        assert mod_seq == (await store.stat(account, "INBOX")).highest_mod_seq
        await store.rename_mailbox(account, "INBOX", "gone")
        assert list((await store.uids(inbox))[1]) == []
        with pytest.raises(MailboxNotFound):
            await store.uids(NOWHERE)

    with_account(tmp_path, scenario)


def test_deleted_mailbox_has_no_array(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        box = await store.create_mailbox(account, "a")
        await store.uids(box.id)
        await store.delete_mailbox(account, "a")
        with pytest.raises(MailboxNotFound):
            await store.uids(box.id)

    with_account(tmp_path, scenario)


def test_cache_of_arrays_is_bounded(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> list[MailboxId]:
        boxes = [await store.create_mailbox(account, name) for name in "abc"]
        for box in boxes:
            await store.append(box.id, [new_message(b"x")] * 100)
        return [box.id for box in boxes]

    a, b, c = with_account(tmp_path, scenario)
    db = open_index(tmp_path / "index.db", cache_kib=1_000)
    cache = UidCache(octets=900)
    for mailbox in (a, b):
        cache.keep(mailbox, load_uids(db, mailbox))
    assert cache.fresh(db, a) is not None
    cache.keep(c, load_uids(db, c))
    assert cache.fresh(db, b) is None, "the least used went"
    assert cache.fresh(db, a) is not None
    assert cache.fresh(db, c) is not None
    cache.keep(b, (1, 1, array("I", range(100_000))))
    assert cache.fresh(db, c) is None
    assert cache.fresh(db, b) is not None, "one is always kept"
    db.close()


# --- changes ---------------------------------------------------------------------


@pytest.mark.slow
def test_changes_of_many_messages(tmp_path: Path) -> None:
    """More than are read on the loop come all the same."""

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account, 1_000)
        start = (await store.stat(account, "INBOX")).highest_mod_seq
        await store.store_flags(inbox, ((1, 500),), FlagChange.ADD, Flag.SEEN)
        await store.remove(inbox, ((100, 199), (300, 300)))
        await deliver(store, account, b"new")
        changes = await store.changes_since(inbox, start)
        assert len(changes.changed) == 500 - 101 + 1
        assert changes.expunged == ((100, 199), (300, 300))
        assert changes.uid_next == 1_002
        assert len((await store.changes_since(inbox, 0)).changed) == 900
        assert (await store.changes_since(inbox, changes.mod_seq)).changed == ()
        with pytest.raises(MailboxNotFound):
            await store.changes_since(NOWHERE, 0)

    with_account(tmp_path, scenario)


def test_mod_sequences_are_the_account_s(tmp_path: Path) -> None:
    """JMAP's state and HIGHESTMODSEQ are the same number: no two changes share one."""

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        sent = await store.stat(account, "Sent")
        await deliver(store, account, b"a")
        first = (await store.stat(account, "INBOX")).highest_mod_seq
        await store.append(sent.id, [new_message(b"b")])
        second = (await store.stat(account, "Sent")).highest_mod_seq
        assert sent.highest_mod_seq < first < second

    with_account(tmp_path, scenario)


def test_watchers_are_woken(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await inbox_of(store, account)
        woken: list[str] = []
        stop = store.watch(inbox, lambda: woken.append("first"))
        store.watch(inbox, lambda: woken.append("second"))
        await deliver(store, account, b"a")
        assert woken == ["first", "second"]
        stop()
        stop()
        store.noticed(inbox, 99)
        store.noticed(NOWHERE, 99)
        assert woken == ["first", "second", "second"]
        with pytest.raises(MailboxNotFound):
            await store.append(NOWHERE, [new_message(b"a")])
        assert woken == ["first", "second", "second"]

    with_account(tmp_path, scenario)


def test_changes_are_announced(tmp_path: Path) -> None:
    announced: list[tuple[MailboxId, int]] = []

    async def scenario() -> None:
        store = SqliteStore.open(tmp_path, announce=lambda *change: announced.append(change))
        account = await add_account(store)
        inbox = await inbox_of(store, account)
        await deliver(store, account, b"a")
        assert announced == [(inbox, (await store.stat(account, "INBOX")).highest_mod_seq)]
        await store.close()

    run(scenario())


# --- flags and keywords ----------------------------------------------------------


def test_flags_unchanged_since(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account, 3)
        start = (await store.stat(account, "INBOX")).highest_mod_seq
        (touched,) = await store.store_flags(inbox, ((2, 2),), FlagChange.ADD, Flag.SEEN)
        now = await store.store_flags(inbox, ALL_UIDS, FlagChange.ADD, Flag.FLAGGED, start)
        assert [one.uid for one in now] == [1, 3]
        late = await store.store_flags(
            inbox, ALL_UIDS, FlagChange.REPLACE, Flag.DRAFT, touched.mod_seq
        )
        assert [(one.uid, one.flags) for one in late] == [(2, Flag.DRAFT)]
        with pytest.raises(MailboxNotFound):
            await store.store_flags(NOWHERE, ALL_UIDS, FlagChange.ADD, Flag.SEEN)

    with_account(tmp_path, scenario)


def test_keywords(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        assert await store.keyword_bits(account, ["Work"], create=False) == 0
        work = await store.keyword_bits(account, ["Work"], create=True)
        assert work == 1 << FIRST_KEYWORD_BIT
        both = await store.keyword_bits(account, ["wORK", "$Forwarded"], create=True)
        assert both == 3 << FIRST_KEYWORD_BIT
        assert await store.keyword_bits(account, ["work", "none"], create=False) == work
        assert await store.keywords(account) == ("Work", "$Forwarded")
        assert await store.keyword_bits(account, [], create=True) == 0

    with_account(tmp_path, scenario)


def test_limit_of_keywords(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        many = [f"k{number}" for number in range(KEYWORDS_PER_ACCOUNT)]
        mask = await store.keyword_bits(account, many, create=True)
        assert mask == (1 << 62) - (1 << FIRST_KEYWORD_BIT)
        inbox = await fill(store, account, 1)
        (now,) = await store.store_flags(inbox, ALL_UIDS, FlagChange.ADD, mask)
        assert now.flags == mask
        with pytest.raises(TooManyKeywords):
            await store.keyword_bits(account, ["one-more"], create=True)

    with_account(tmp_path, scenario)


@pytest.mark.parametrize(
    "name", ["", "a b", "a(b", "\\Seen", "\u00fc", "x" * (KEYWORD_OCTETS + 1)]
)
def test_keywords_that_are_refused(tmp_path: Path, name: str) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        with pytest.raises(TooManyKeywords, match="atom"):
            await store.keyword_bits(account, ["good", name], create=True)
        assert await store.keywords(account) == ()

    with_account(tmp_path, scenario)


# --- places ----------------------------------------------------------------------


def test_content_is_shared_and_goes_with_its_last_place(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        bob = await add_account(store, "bob@example.org")
        delivery = Delivery(new_message(b"to both"), ((ann, "INBOX"), (bob, "INBOX")))
        first, second = await store.deliver(delivery)
        ((content,),) = (await fetched(store, first.mailbox, ALL_UIDS, Column.CONTENT))[0]
        assert await fetched(store, second.mailbox, ALL_UIDS, Column.CONTENT) == [[(content,)]]
        await store.copy(first.mailbox, ALL_UIDS, first.mailbox)
        await store.remove(first.mailbox, ALL_UIDS)
        assert (await store.body(content)).read(0, 99) == b"to both"
        await store.remove(second.mailbox, ALL_UIDS)
        with pytest.raises(MessageNotFound):
            await store.body(content)

    with_account(tmp_path, scenario)


def test_keywords_mean_nothing_in_another_account(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        bob = await inbox_of(store, await add_account(store, "bob@example.org"))
        inbox = await fill(store, ann, 2)
        await store.store_flags(inbox, ALL_UIDS, FlagChange.ADD, Flag.SEEN | 1 << 40)
        await store.copy(inbox, ((1, 1),), bob)
        await store.move(inbox, ((2, 2),), bob)
        assert await fetched(store, bob, ALL_UIDS, Column.FLAGS) == [[(Flag.SEEN,), (Flag.SEEN,)]]

    with_account(tmp_path, scenario)


def test_nothing_to_copy(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await inbox_of(store, account)
        before = await store.stats(account)
        for verb in (store.copy, store.move):
            copied = await verb(inbox, ALL_UIDS, inbox)
            assert (copied.source, copied.target) == ((), ())
            with pytest.raises(MailboxNotFound):
                await verb(inbox, ALL_UIDS, NOWHERE)
        assert await store.expunge(inbox) == []
        assert await store.stats(account) == before

    with_account(tmp_path, scenario)


def test_missing_pack_is_named(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await deliver(store, account, b"message")
        next((tmp_path / "packs").iterdir()).rename(tmp_path / "moved")
        with pytest.raises(BodyDamaged, match="pack 1, offset 0: the pack is missing"):
            await store.body(ContentId(1))
        (tmp_path / "moved").rename(tmp_path / "packs" / "000000000001.pack")

    with_account(tmp_path, scenario)


def test_closed_store_refuses(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore.open(tmp_path)
        account = await add_account(store)
        inbox = await inbox_of(store, account)
        await store.close()
        with pytest.raises(StoreUnavailable):
            await store.stat(account, "INBOX")
        with pytest.raises(StoreUnavailable):
            await store.search(inbox, All())
        with pytest.raises(StoreUnavailable):
            await store.add_domain("other.example")
        await store.close()

    run(scenario())

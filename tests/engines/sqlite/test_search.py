"""Search: what columns know, what headers and bodies hold, in any combination."""

from collections.abc import Callable
from pathlib import Path

import pytest
from apsw import Connection
from hypothesis import given, settings
from hypothesis import strategies as st

from mailclad.engines.packs.reader import PackBody, PackReader
from mailclad.engines.packs.writer import pack_path
from mailclad.engines.sqlite import searching
from mailclad.engines.sqlite.condition import CONDITIONS
from mailclad.engines.sqlite.open_body import open_body
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.encoded_word import fold_text
from mailclad.protocols.imap.prepare import prepare
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import (
    AccountId,
    All,
    And,
    Before,
    BodyContains,
    ChangedSince,
    Contains,
    ContentId,
    DateOf,
    Flag,
    FlagChange,
    HasFlags,
    HasUid,
    HeaderContains,
    Larger,
    MailboxId,
    NewMessage,
    Not,
    OnOrAfter,
    Or,
    Query,
    Smaller,
    TextOf,
)
from tests.engines.stores import inbox_of, with_account

PLAIN = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nCc: Carl <carl@example.org>\r\n"
    b"Subject: Lunch on Friday\r\nDate: Fri, 03 Nov 2023 23:30:00 -0800\r\n"
    b"X-Mark: Blue Moon\r\n\r\nSoup and bread.\r\n"
)
ENCODED = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nTo: ann@example.org\r\n"
    b"Subject: =?utf-8?b?UHLDvGZ1bmc=?=\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe aus M=FCnchen\r\n"
)
ATTACHED = (
    b"From: a@example.org\r\nSubject: two parts\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee the file\r\n--b\r\n"
    b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"aGlkZGVuIHdvcmRz\r\n--b\r\nContent-Type: text/plain\r\nX-Inner: green\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nb3BlbiB3b3Jkcw==\r\n--b--\r\n"
)
FORWARDED = (
    b"From: a@example.org\r\nSubject: outer\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: message/rfc822\r\n\r\nFrom: deep@example.org\r\nSubject: inner\r\n\r\n"
    b"well below\r\n"
)
MESSAGES = (PLAIN, ENCODED, ATTACHED, FORWARDED)


async def fill(store: SqliteStore, account: AccountId) -> MailboxId:
    inbox = await inbox_of(store, account)
    for number, octets in enumerate(MESSAGES, 1):
        await store.append(inbox, [NewMessage(octets, prepare(octets), 0, number * 1_000)])
    await store.store_flags(inbox, ((1, 2),), FlagChange.ADD, Flag.SEEN)
    await store.store_flags(inbox, ((2, 3),), FlagChange.ADD, Flag.FLAGGED)
    return inbox


FRIDAY = 1_698_969_600

CASES: list[tuple[Query, list[int]]] = [
    (All(), [1, 2, 3, 4]),
    (And(()), [1, 2, 3, 4]),
    (Not(All()), []),
    (HasFlags(Flag.SEEN), [1, 2]),
    (HasFlags(Flag.SEEN | Flag.FLAGGED), [2]),
    (Not(HasFlags(Flag.SEEN)), [3, 4]),
    (Or(HasFlags(Flag.FLAGGED), HasUid(((4, 9),))), [2, 3, 4]),
    (HasUid(()), []),
    (Larger(len(PLAIN)), [n for n, m in enumerate(MESSAGES, 1) if len(m) > len(PLAIN)]),
    (Smaller(len(PLAIN)), [n for n, m in enumerate(MESSAGES, 1) if len(m) < len(PLAIN)]),
    (OnOrAfter(DateOf.INTERNAL, 2_000), [2, 3, 4]),
    (Before(DateOf.INTERNAL, 2_000), [1]),
    (OnOrAfter(DateOf.SENT, FRIDAY), [1]),
    (Not(OnOrAfter(DateOf.SENT, FRIDAY + 86_400)), [1, 2, 3, 4]),
    (Before(DateOf.SENT, FRIDAY), []),
    (ChangedSince(6), [1, 2, 3]),
    (Contains(TextOf.SUBJECT, "LUNCH"), [1]),
    (Contains(TextOf.SUBJECT, "PR\u00dcFUNG"), [2]),
    (Contains(TextOf.SUBJECT, "pru\u0308fung"), [2]),
    (Contains(TextOf.SUBJECT, "%"), []),
    (Contains(TextOf.FROM, "j\u00fcrgen"), [2]),
    (Contains(TextOf.TO, "bob@"), [1]),
    (Contains(TextOf.CC, "carl"), [1]),
    (Contains(TextOf.BCC, "carl"), []),
    (HeaderContains("Subject", "inner"), []),
    (HeaderContains("subject", "pr\u00fcf"), [2]),
    (HeaderContains("X-Mark", "blue moon"), [1]),
    (HeaderContains("x-mark", ""), [1]),
    (HeaderContains("X-None", ""), []),
    (HeaderContains("X-\u00fc", ""), []),
    (Not(HeaderContains("Date", "")), [2, 3, 4]),
    (BodyContains("SOUP", False), [1]),
    (BodyContains("gr\u00fc\u00dfe", False), [2]),
    (BodyContains("GR\u00dcSSE AUS", False), [2]),
    (BodyContains("open words", False), [3]),
    (BodyContains("hidden words", False), []),
    (BodyContains("blue moon", False), []),
    (BodyContains("blue moon", True), [1]),
    (BodyContains("x-inner: green", True), [3]),
    (BodyContains("well below", False), [4]),
    (BodyContains("subject: inner", True), [4]),
    (And((BodyContains("o", False), HasFlags(Flag.SEEN))), [1]),
    (Or(BodyContains("soup", False), HasFlags(Flag.FLAGGED)), [1, 2, 3]),
    (Not(BodyContains("soup", False)), [2, 3, 4]),
    (And((Not(BodyContains("soup", False)), Not(BodyContains("open", False)))), [2, 4]),
    (HasUid(tuple((uid, uid) for uid in range(2, 3_000, 2))), [2, 4]),
    (And((HasUid(tuple((u, u) for u in range(2, 3_000, 2))), HasFlags(Flag.SEEN))), [2]),
]


def test_every_key(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account)
        for query, expected in CASES:
            found = await store.search(inbox, query)
            assert found.typecode == "I"
            assert list(found) == expected, query
        with pytest.raises(MailboxNotFound):
            await store.search(MailboxId(99), All())

    with_account(tmp_path, scenario)


def test_more_conditions_than_one_statement_takes(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account)
        many = tuple(Not(HasUid(((uid, uid),))) for uid in range(4, 4 + 3 * CONDITIONS))
        assert list(await store.search(inbox, And(many))) == [1, 2, 3]
        deep: Query = All()
        for _ in range(CONDITIONS + 50):
            deep = Not(deep)
        assert list(await store.search(inbox, deep)) == [1, 2, 3, 4]

    with_account(tmp_path, scenario)


def test_message_expunged_while_searching_is_not_found(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account)
        await store.remove(inbox, ((1, 1),))
        assert list(await store.search(inbox, BodyContains("soup", True))) == []

    with_account(tmp_path, scenario)


def test_damaged_message_is_not_found_but_others_are(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account)
        path = pack_path(tmp_path / "packs", 1)
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b"Soup and bread", b"Soap and bread"))
        assert list(await store.search(inbox, BodyContains("e", False))) == [2, 3, 4]
        path.write_bytes(whole)

    with_account(tmp_path, scenario)


def test_each_message_is_opened_once_however_many_parts_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def counted(db: Connection, packs: PackReader, content: ContentId) -> PackBody:
        opened.append(content)
        return open_body(db, packs, content)

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account)
        monkeypatch.setattr(searching, "open_body", counted)
        assert list(await store.search(inbox, BodyContains("nowhere", True))) == []

    with_account(tmp_path, scenario)
    assert sorted(opened) == sorted(set(opened))
    assert len(opened) == len(MESSAGES)


Meaning = Callable[[int], bool]

LEAVES: list[tuple[Query, Meaning]] = [
    (All(), lambda uid: True),
    (HasFlags(Flag.SEEN), lambda uid: uid in {1, 2}),
    (HasUid(((2, 3),)), lambda uid: uid in {2, 3}),
    (Contains(TextOf.SUBJECT, "lunch"), lambda uid: uid == 1),
    (BodyContains("words", False), lambda uid: uid == 3),
    (HeaderContains("x-mark", ""), lambda uid: uid == 1),
]


def _combined(
    inner: st.SearchStrategy[tuple[Query, Meaning]],
) -> st.SearchStrategy[tuple[Query, Meaning]]:
    def both(pair: tuple[tuple[Query, Meaning], tuple[Query, Meaning]]) -> tuple[Query, Meaning]:
        (a, means_a), (b, means_b) = pair
        return And((a, b)), lambda uid: means_a(uid) and means_b(uid)

    def either(pair: tuple[tuple[Query, Meaning], tuple[Query, Meaning]]) -> tuple[Query, Meaning]:
        (a, means_a), (b, means_b) = pair
        return Or(a, b), lambda uid: means_a(uid) or means_b(uid)

    def neither(one: tuple[Query, Meaning]) -> tuple[Query, Meaning]:
        query, means = one
        return Not(query), lambda uid: not means(uid)

    pairs = st.tuples(inner, inner)
    return pairs.map(both) | pairs.map(either) | inner.map(neither)


TREES = st.recursive(st.sampled_from(LEAVES), _combined, max_leaves=8)


@pytest.mark.slow
@settings(max_examples=10)
@given(drawn=st.lists(TREES, min_size=5, max_size=20))
def test_any_tree_means_what_logic_says(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[Query, Meaning]]
) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await fill(store, account)
        for query, means in drawn:
            expected = [uid for uid in range(1, 5) if means(uid)]
            assert list(await store.search(inbox, query)) == expected, query

    with_account(tmp_path_factory.mktemp("store"), scenario)


def test_folding_is_that_of_prepared_texts() -> None:
    assert fold_text("STRASSE") == fold_text("Stra\u00dfe")

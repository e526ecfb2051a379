"""Mailboxes: names, levels, limits, history, subscriptions."""

import asyncio
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.engines.sqlite import name as names
from mailclad.engines.sqlite.connection import rows
from mailclad.engines.sqlite.name import MAILBOXES_PER_ACCOUNT, NAME_LEVELS, NAME_OCTETS
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.errors import (
    AccountNotFound,
    MailboxExists,
    MailboxInUse,
    MailboxNameRefused,
    MailboxNotFound,
    TooManyMailboxes,
)
from mailclad.store.model import AccountId, SpecialUse
from tests.engines.stores import deliver, with_account


async def all_names(store: SqliteStore, account: AccountId) -> set[str]:
    return {box.name for box in await store.mailboxes(account)} - {
        "Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash",
    }  # fmt: skip


def test_parents_are_made_too(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        stat = await store.create_mailbox(account, "a/b/c/", SpecialUse.ALL)
        assert stat.name == "a/b/c"
        assert await all_names(store, account) == {"a", "a/b", "a/b/c"}
        uses = {box.name: box.special_use for box in await store.mailboxes(account)}
        assert (uses["a/b"], uses["a/b/c"]) == (None, SpecialUse.ALL)
        with pytest.raises(MailboxExists):
            await store.create_mailbox(account, "a/b")
        with pytest.raises(AccountNotFound):
            await store.create_mailbox(AccountId(99), "a")

    with_account(tmp_path, scenario)


@pytest.mark.parametrize("spelling", ["inbox", "InBox", "INBOX"])
def test_inbox_is_one_in_any_case(tmp_path: Path, spelling: str) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        assert (await store.stat(account, spelling)).name == "INBOX"
        with pytest.raises(MailboxExists):
            await store.create_mailbox(account, spelling)
        with pytest.raises(MailboxInUse):
            await store.delete_mailbox(account, spelling)
        await store.create_mailbox(account, f"{spelling}/child")
        assert await all_names(store, account) == {"INBOX/child"}

    with_account(tmp_path, scenario)


def test_names_are_composed(tmp_path: Path) -> None:
    """RFC 9051 §5.1: Net-Unicode, so NFC."""

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await store.create_mailbox(account, "Pru\u0308fung")
        assert (await store.stat(account, "Pr\u00fcfung")).name == "Pr\u00fcfung"

    with_account(tmp_path, scenario)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("/a", "empty"),
        ("a//b", "empty"),
        ("a/b//", "empty"),
        ("a\x00b", "control"),
        ("a\nb", "control"),
        ("a\x85b", "control"),
        ("a\u2028b", "control"),
        ("a\ud800b", "half"),
        ("x" * (NAME_OCTETS + 1), "octets"),
        ("\u00fc" * (NAME_OCTETS // 2 + 1), "octets"),
        ("/".join("a" * (NAME_LEVELS + 1)), "levels"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, name: str, why: str) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        with pytest.raises(MailboxNameRefused, match=why):
            await store.create_mailbox(account, name)
        with pytest.raises(MailboxNameRefused, match=why):
            await store.rename_mailbox(account, "Sent", name)
        with pytest.raises(MailboxNameRefused, match=why):
            await store.subscribe(account, name, True)
        assert await all_names(store, account) == set()

    with_account(tmp_path, scenario)


def test_names_at_the_limits(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await store.create_mailbox(account, "x" * NAME_OCTETS)
        await store.create_mailbox(account, "/".join("a" * NAME_LEVELS))

    with_account(tmp_path, scenario)


@given(st.text(alphabet=st.characters(), max_size=20))
def test_any_text_is_a_name_or_refused(name: str) -> None:
    spelling = names.normalise(name)
    try:
        names.check(spelling)
    except MailboxNameRefused:
        return
    assert names.normalise(spelling) == spelling
    assert len(spelling.encode()) <= NAME_OCTETS


@pytest.mark.slow
def test_limit_of_mailboxes(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        there = len(await store.mailboxes(account))
        missing = range(there, MAILBOXES_PER_ACCOUNT)
        await asyncio.gather(*(store.create_mailbox(account, f"m{n}") for n in missing))
        with pytest.raises(TooManyMailboxes):
            await store.create_mailbox(account, "one/more")
        assert len(await store.mailboxes(account)) == MAILBOXES_PER_ACCOUNT

    with_account(tmp_path, scenario)


def test_delete(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        first = await store.create_mailbox(account, "a")
        await store.create_mailbox(account, "a/b")
        with pytest.raises(MailboxInUse):
            await store.delete_mailbox(account, "a")
        await store.delete_mailbox(account, "a/b")
        await store.delete_mailbox(account, "a")
        with pytest.raises(MailboxNotFound):
            await store.delete_mailbox(account, "a")
        again = await store.create_mailbox(account, "a")
        assert again.id != first.id
        assert again.uid_validity > first.uid_validity

    with_account(tmp_path, scenario)


def test_siblings_with_a_common_beginning_are_not_children(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        for name in ("a", "a b", "a-b", "a0", "a/b"):
            await store.create_mailbox(account, name)
        await store.rename_mailbox(account, "a", "z")
        assert await all_names(store, account) == {"z", "a b", "a-b", "a0", "z/b"}

    with_account(tmp_path, scenario)


def test_rename_takes_children_and_keeps_identity(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        before = await store.create_mailbox(account, "a/b")
        await store.rename_mailbox(account, "a", "x/y/z")
        after = await store.stat(account, "x/y/z/b")
        assert (after.id, after.uid_validity) == (before.id, before.uid_validity)
        assert after.highest_mod_seq > before.highest_mod_seq
        assert await all_names(store, account) == {"x", "x/y", "x/y/z", "x/y/z/b"}

    with_account(tmp_path, scenario)


def test_rename_refusals_change_nothing(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await store.create_mailbox(account, "a/" + "b" * 200)
        with pytest.raises(MailboxNotFound):
            await store.rename_mailbox(account, "none", "x")
        with pytest.raises(MailboxExists):
            await store.rename_mailbox(account, "a", "Sent")
        with pytest.raises(MailboxNameRefused, match="below itself"):
            await store.rename_mailbox(account, "a", "a/c")
        with pytest.raises(MailboxNameRefused, match="octets"):
            await store.rename_mailbox(account, "a", "c" * 100)
        assert await all_names(store, account) == {"a", "a/" + "b" * 200}

    with_account(tmp_path, scenario)


@pytest.mark.rfc("9051", "6.3.6")
def test_renamed_inbox_stays_and_is_empty(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await store.create_mailbox(account, "INBOX/child")
        await deliver(store, account, b"message")
        before = await store.stat(account, "INBOX")
        await store.rename_mailbox(account, "INBOX", "old/mail")
        inbox = await store.stat(account, "INBOX")
        assert (inbox.messages, inbox.uid_validity) == (0, before.uid_validity)
        assert (await store.stat(account, "old/mail")).messages == 1
        assert await all_names(store, account) == {"old", "old/mail", "INBOX/child"}

    with_account(tmp_path, scenario)


def test_subscriptions_survive_their_mailbox(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await store.create_mailbox(account, "a")
        await store.subscribe(account, "a", True)
        await store.subscribe(account, "a", True)
        await store.delete_mailbox(account, "a")
        assert "a" in await store.subscriptions(account)
        await store.subscribe(account, "a", False)
        await store.subscribe(account, "a", False)
        assert "a" not in await store.subscriptions(account)

    with_account(tmp_path, scenario)


def test_history_of_mailboxes_is_kept(tmp_path: Path) -> None:
    """JMAP's Mailbox/changes will be answered from it."""

    async def scenario(store: SqliteStore, account: AccountId) -> list[MailboxIdAndNames]:
        box = await store.create_mailbox(account, "a")
        await store.rename_mailbox(account, "a", "b")
        await store.delete_mailbox(account, "b")
        return [(box.id, None, "a"), (box.id, "a", "b"), (box.id, "b", None)]

    expected = with_account(tmp_path, scenario)
    db = apsw.Connection(str(tmp_path / "index.db"))
    kept = "SELECT mailbox, old_name, new_name FROM mailbox_history WHERE mod_seq > 1"
    assert rows(db, f"{kept} ORDER BY mod_seq") == expected
    db.close()


MailboxIdAndNames = tuple[int, str | None, str | None]

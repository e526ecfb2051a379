"""The directory: domains, accounts, credentials, aliases, who gets mail."""

import asyncio
from pathlib import Path

import pytest

from mailclad.engines.sqlite.directory import ALIAS_LEVELS, RESOLVED_TARGETS
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.errors import (
    AccountNotFound,
    AddressTaken,
    AliasNotFound,
    AppPasswordNotFound,
    DomainExists,
    DomainInUse,
    DomainNotFound,
)
from mailclad.store.model import AccountId, Alias, Resolved, Scope, ScramKeys, SpecialUse
from tests.engines.stores import add_account, deliver, with_account

KEYS = ScramKeys(b"stored", b"server")


def test_domains(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _account: AccountId) -> None:
        await store.add_domain("b.example")
        assert await store.domains() == ["b.example", "example.org"]
        with pytest.raises(DomainExists):
            await store.add_domain("b.example")
        with pytest.raises(DomainInUse):
            await store.remove_domain("example.org")
        await store.remove_domain("b.example")
        with pytest.raises(DomainNotFound):
            await store.remove_domain("b.example")

    with_account(tmp_path, scenario)


def test_new_account_has_its_mailboxes(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        mailboxes = await store.mailboxes(account)
        assert [box.name for box in mailboxes] == [
            "Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash",
        ]  # fmt: skip
        assert {box.special_use for box in mailboxes} == {
            None, SpecialUse.ARCHIVE, SpecialUse.DRAFTS, SpecialUse.JUNK,
            SpecialUse.SENT, SpecialUse.TRASH,
        }  # fmt: skip
        assert all(box.subscribed for box in mailboxes)
        assert len({box.uid_validity for box in mailboxes}) == len(mailboxes)

    with_account(tmp_path, scenario)


def test_accounts(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        found = await store.find_account("ann@example.org")
        assert (found.id, found.display_name, found.disabled) == (account, "Ann", False)
        with pytest.raises(AddressTaken):
            await store.add_account("ann@example.org", "", 0)
        with pytest.raises(DomainNotFound):
            await store.add_account("ann@elsewhere.example", "", 0)
        await store.set_disabled("ann@example.org", True)
        assert [one.disabled for one in await store.accounts()] == [True]
        with pytest.raises(AccountNotFound):
            await store.set_disabled("bob@example.org", True)
        with pytest.raises(AccountNotFound):
            await store.find_account("bob@example.org")

    with_account(tmp_path, scenario)


def test_removed_account_leaves_nothing(tmp_path: Path) -> None:
    """Neither its mail nor its number, even when the address is used again."""

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await deliver(store, account, b"message")
        await store.keyword_bits(account, ["Work"], create=True)
        await store.add_app_password(account, "phone", Scope.ALL, b"d", KEYS, 1)
        await store.remove_account("ann@example.org")
        assert await store.accounts() == []
        assert await store.stats(account) == []
        again = await add_account(store)
        assert again != account
        assert (await store.stat(again, "INBOX")).messages == 0

    with_account(tmp_path, scenario)


def test_credentials(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        fresh = await store.credentials("ann@example.org")
        assert fresh is not None
        assert (fresh.password_hash, fresh.scram, fresh.app_passwords) == (None, None, ())
        assert len(fresh.salt) == 16
        await store.set_password(account, "$argon2id$", fresh.salt, fresh.iterations, KEYS)
        phone = await store.add_app_password(account, "phone", Scope.RECEIVE, b"d1", KEYS, 5)
        laptop = await store.add_app_password(account, "laptop", Scope.SEND, b"d2", KEYS, 6)
        now = await store.credentials("ann@example.org")
        assert now is not None
        assert (now.password_hash, now.scram) == ("$argon2id$", KEYS)
        assert now.app_passwords == (phone, laptop)
        await store.remove_app_password(account, phone.id)
        with pytest.raises(AppPasswordNotFound):
            await store.remove_app_password(account, phone.id)
        assert await store.credentials("bob@example.org") is None

    with_account(tmp_path, scenario)


def test_credentials_of_nobody(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        nobody = AccountId(account + 1)
        with pytest.raises(AccountNotFound):
            await store.set_password(nobody, "", b"", 1, KEYS)
        with pytest.raises(AccountNotFound):
            await store.add_app_password(nobody, "", Scope.ALL, b"", KEYS, 1)

    with_account(tmp_path, scenario)


def test_aliases(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _account: AccountId) -> None:
        first = Alias("team@example.org", ("ann@example.org", "bob@elsewhere.example"))
        await store.set_alias(first)
        assert await store.aliases() == [first]
        second = Alias("team@example.org", ("bob@example.org",))
        await store.set_alias(second)
        assert await store.aliases() == [second]
        with pytest.raises(AddressTaken):
            await store.set_alias(Alias("ann@example.org", ("bob@example.org",)))
        with pytest.raises(AddressTaken):
            await store.add_account("team@example.org", "", 0)
        with pytest.raises(DomainNotFound):
            await store.set_alias(Alias("a@elsewhere.example", ("ann@example.org",)))
        with pytest.raises(AliasNotFound, match="needs a target"):
            await store.set_alias(Alias("empty@example.org", ()))
        with pytest.raises(AliasNotFound):
            await store.remove_alias("none@example.org")
        await store.remove_alias("team@example.org")
        assert await store.aliases() == []

    with_account(tmp_path, scenario)


def test_who_gets_mail(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        bob = await add_account(store, "bob@example.org")
        await store.set_alias(
            Alias("team@example.org", ("bob@example.org", "ann@example.org", "x@far.example"))
        )
        await store.set_alias(Alias("all@example.org", ("team@example.org", "ann@example.org")))
        assert (await store.resolve("ann@example.org")).accounts == (ann,)
        assert (await store.resolve("ann+shop@example.org")).accounts == (ann,)
        assert (await store.resolve("team@example.org")).accounts == (bob, ann)
        assert set((await store.resolve("all@example.org")).accounts) == {ann, bob}
        assert (await store.resolve("team+x@example.org")).accounts == (bob, ann)
        assert (await store.resolve("nobody@example.org")).accounts == ()
        with pytest.raises(DomainNotFound):
            await store.resolve("ann@far.example")
        await store.set_alias(Alias("*@example.org", ("bob@example.org",)))
        assert (await store.resolve("nobody@example.org")).accounts == (bob,)
        assert (await store.resolve("ann@example.org")).accounts == (ann,), (
            "the catch-all comes last"
        )

    with_account(tmp_path, scenario)


def test_aliases_lead_elsewhere_too(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        await store.set_alias(Alias("out@example.org", ("X@far.example", "y@far.example")))
        await store.set_alias(
            Alias("all@example.org", ("Ann@example.org", "out@example.org", "X@far.example"))
        )
        assert await store.resolve("out@example.org") == Resolved(
            elsewhere=("X@far.example", "y@far.example")
        )
        everybody = Resolved((ann,), ("X@far.example", "y@far.example"))
        assert await store.resolve("all+x@example.org") == everybody
        assert not await store.resolve("nobody@example.org")
        assert await store.owns(ann, "all@example.org")
        assert not await store.owns(ann, "out@example.org")
        await store.add_domain("far.example")
        assert await store.resolve("out@example.org") == Resolved(), "ours now, and nobody's"

    with_account(tmp_path, scenario)


def test_quoted_local_part_has_no_tag(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _ann: AccountId) -> None:
        await add_account(store, '"a@example.org')
        assert (await store.resolve('"a+b"@example.org')).accounts == ()

    with_account(tmp_path, scenario)


def test_loops_of_aliases_end(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        await store.set_alias(Alias("a@example.org", ("b@example.org", "ann@example.org")))
        await store.set_alias(Alias("b@example.org", ("a@example.org", "*@example.org")))
        await store.set_alias(Alias("*@example.org", ("zzz@example.org",)))
        assert (await store.resolve("a@example.org")).accounts == (ann,)

    with_account(tmp_path, scenario)


def test_aliases_are_followed_so_deep(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        for level in range(ALIAS_LEVELS + 1):
            target = f"l{level - 1}@example.org" if level else "ann@example.org"
            await store.set_alias(Alias(f"l{level}@example.org", (target,)))
        assert (await store.resolve(f"l{ALIAS_LEVELS - 1}@example.org")).accounts == (ann,)
        assert (await store.resolve(f"l{ALIAS_LEVELS}@example.org")).accounts == ()

    with_account(tmp_path, scenario)


@pytest.mark.slow
def test_one_address_reaches_so_many(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _ann: AccountId) -> None:
        people = [f"p{number}@example.org" for number in range(RESOLVED_TARGETS + 1)]
        await asyncio.gather(*(store.add_account(one, "", 0) for one in people))
        await store.set_alias(Alias("all@example.org", tuple(people)))
        assert len((await store.resolve("all@example.org")).accounts) == RESOLVED_TARGETS
        far = tuple(one.replace("example.org", "far.example") for one in people)
        await store.set_alias(Alias("far@example.org", far))
        await store.set_alias(Alias("both@example.org", ("far@example.org", *people[:10])))
        assert len((await store.resolve("far@example.org")).elsewhere) == RESOLVED_TARGETS
        both = await store.resolve("both@example.org")
        assert (len(both.accounts), len(both.elsewhere)) == (10, RESOLVED_TARGETS - 10)

    with_account(tmp_path, scenario)


def test_who_may_send_as(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, ann: AccountId) -> None:
        bob = await add_account(store, "bob@example.org")
        await store.set_alias(Alias("team@example.org", ("ann@example.org",)))
        assert await store.owns(ann, "ann@example.org")
        assert await store.owns(ann, "ann+shop@example.org")
        assert await store.owns(ann, "team@example.org")
        assert not await store.owns(bob, "team@example.org")
        assert not await store.owns(ann, "bob@example.org")
        assert not await store.owns(ann, "ann@elsewhere.example")

    with_account(tmp_path, scenario)

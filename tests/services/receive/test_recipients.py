"""Who gets mail for an address, on the real directory."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.address import Address, parse_address
from mailclad.services.receive.incoming import Leads
from mailclad.services.receive.recipients import find_recipients
from mailclad.services.receive.refusal import AddressInAddress, NobodyHere, NotOurDomain, Refusal
from mailclad.store.model import AccountId, Alias

BARE_POSTMASTER = Address("PostMaster", "")


Check = Callable[[SqliteStore], Coroutine[Any, Any, None]]
OnStore = Callable[[Check], None]


@pytest.fixture
def on_store(tmp_path: Path) -> OnStore:
    def run(check: Check) -> None:
        async def main() -> None:
            store = SqliteStore.open(tmp_path, asyncio.get_running_loop())
            try:
                for domain in ("empty.example", "example.org"):
                    await store.add_domain(domain)
                await store.add_account("ada@example.org", "", 100)
                await store.add_account("grace@example.org", "", 200)
                await check(store)
            finally:
                await store.close()

        asyncio.run(main())

    return run


def accounts_of(leads: Leads) -> list[AccountId]:
    return [box.account for box in leads.boxes]


async def find(store: SqliteStore, text: str) -> list[str] | type[Refusal]:
    try:
        found = await find_recipients(store, parse_address(text))
    except Refusal as refusal:
        return type(refusal)
    names = {account.id: account.address for account in await store.accounts()}
    return [names[each] for each in accounts_of(found)]


def test_addresses(on_store: OnStore) -> None:
    async def check(store: SqliteStore) -> None:
        assert await find(store, "ADA@Example.org") == ["ada@example.org"]
        assert await find(store, "nobody@example.org") is NobodyHere
        assert await find(store, "ada@elsewhere.example") is NotOurDomain
        assert await find(store, "ada@[127.0.0.1]") is NotOurDomain
        assert await find(store, "ada%elsewhere.example@example.org") is AddressInAddress
        assert await find(store, "ada%example.org@elsewhere.example") is NotOurDomain

    on_store(check)


def test_a_catch_all_takes_no_address_inside_an_address(on_store: OnStore) -> None:
    async def check(store: SqliteStore) -> None:
        await store.set_alias(Alias("*@example.org", ("ada@example.org",)))
        assert await find(store, "anything@example.org") == ["ada@example.org"]
        assert await find(store, "user!host@example.org") is AddressInAddress
        assert await find(store, '"a@b"@example.org') is AddressInAddress

    on_store(check)


def test_postmaster_is_always_somebody(on_store: OnStore) -> None:
    """RFC 5321 §4.5.1: the alias, else the oldest account of the domain that can be used."""

    async def check(store: SqliteStore) -> None:
        assert await find(store, "postmaster@example.org") == ["ada@example.org"]
        assert await find(store, "Postmaster@empty.example") is NobodyHere
        (oldest,) = accounts_of(await find_recipients(store, BARE_POSTMASTER))
        assert oldest == (await store.find_account("ada@example.org")).id
        await store.set_disabled("ada@example.org", True)
        assert await find(store, "postmaster@example.org") == ["grace@example.org"]
        await store.set_alias(Alias("postmaster@empty.example", ("grace@example.org",)))
        assert await find(store, "postmaster@empty.example") == ["grace@example.org"]
        (elsewhere,) = accounts_of(await find_recipients(store, BARE_POSTMASTER))
        assert elsewhere == (await store.find_account("grace@example.org")).id

    on_store(check)


def test_where_there_is_nobody_there_is_no_postmaster(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore.open(tmp_path, asyncio.get_running_loop())
        try:
            with pytest.raises(NobodyHere):
                await find_recipients(store, BARE_POSTMASTER)
        finally:
            await store.close()

    asyncio.run(main())

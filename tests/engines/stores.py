"""Stores for tests: opened in a directory, with one account, closed and verified behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.conformance import new_message
from mailclad.store.errors import DomainExists
from mailclad.store.model import AccountId, Delivery, MailboxId, Stored

T = TypeVar("T")


@contextlib.asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(directory)
    try:
        yield store
    finally:
        await store.close()


async def add_account(store: SqliteStore, address: str = "ann@example.org") -> AccountId:
    with contextlib.suppress(DomainExists):
        await store.add_domain(address.partition("@")[2])
    return (await store.add_account(address, "Ann", 1_700_000_000)).id


async def inbox_of(store: SqliteStore, account: AccountId) -> MailboxId:
    return (await store.stat(account, "INBOX")).id


async def deliver(store: SqliteStore, account: AccountId, octets: bytes) -> Stored:
    (stored,) = await store.deliver(Delivery(new_message(octets), ((account, "INBOX"),)))
    return stored


def run(scenario: Awaitable[T]) -> T:
    async def main() -> T:
        return await scenario

    return asyncio.run(main())


def with_account(directory: Path, scenario: Callable[[SqliteStore, AccountId], Awaitable[T]]) -> T:
    """Run a scenario on a new store with one account; it must be whole at the end."""

    async def main() -> T:
        async with opened(directory) as store:
            return await scenario(store, await add_account(store))

    result = asyncio.run(main())
    assert verify(directory) == []
    return result

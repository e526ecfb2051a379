"""What the tests of import and export share: a store, messages, sources on disk."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.transfer.importing import import_mailbox
from mailclad.services.transfer.model import Imported, Kind, Step
from mailclad.store.model import ALL_UIDS, AccountId, Column
from tests.engines.stores import add_account, opened

T = TypeVar("T")


def message(number: int, body: str = "Hello.") -> bytes:
    return (
        f"From: ann@example.org\r\nSubject: {number}\r\n"
        f"Date: Mon, 01 Jan 2024 12:00:{number % 60:02} +0000\r\n\r\n{body}\r\n"
    ).encode()


def with_store(directory: Path, act: Callable[[SqliteStore, AccountId], Awaitable[T]]) -> T:
    """Runs ``act`` on a store with one account; opened again, it is the same."""

    async def run() -> T:
        async with opened(directory) as store:
            if not await store.accounts():
                await add_account(store)
            return await act(store, (await store.accounts())[0].id)

    directory.mkdir(exist_ok=True)
    return asyncio.run(run())


def ignore(step: Step) -> None:
    assert step.done <= step.total


def imported(
    directory: Path,
    source: Path,
    kind: Kind,
    target: str | None = None,
    journal: Path | None = None,
) -> Imported:
    return with_store(
        directory,
        lambda store, account: import_mailbox(
            store, account, source, kind, target, ignore, journal=journal
        ),
    )


Row = tuple[bytes, int, int]


async def read_all(store: SqliteStore, account: AccountId) -> dict[str, list[Row]]:
    """Octets, flags and date of every message, by mailbox; empty mailboxes are left out."""
    columns = (Column.CONTENT, Column.OCTETS, Column.FLAGS, Column.INTERNAL_DATE)
    found: dict[str, list[Row]] = {}
    for stat in await store.stats(account):
        async for rows in store.fetch(stat.id, ALL_UIDS, columns):
            for content, octets, flags, date in rows:
                body = await store.body(content)
                found.setdefault(stat.name, []).append((body.read(0, octets), flags, date))
                body.close()
    return found


def stored(directory: Path) -> dict[str, list[Row]]:
    return with_store(directory, read_all)


def octets_of(directory: Path) -> dict[str, list[bytes]]:
    return {name: [row[0] for row in rows] for name, rows in stored(directory).items()}

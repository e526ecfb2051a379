"""A disk that is full: refused as temporary, nothing half, and all goes on when there is room.

The limit of file sizes (RLIMIT_FSIZE) plays the full disk, for packs and index alike.
"""

import asyncio
import contextlib
import random
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.errors import DiskFull, StoreUnavailable
from mailclad.store.model import ALL_UIDS, AccountId, Column, FlagChange
from tests.engines.stores import deliver, inbox_of, with_account


@contextlib.contextmanager
def files_end_at(octets: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def bodies(store: SqliteStore, account: AccountId) -> list[bytes]:
    found = []
    inbox = await inbox_of(store, account)
    async for rows in store.fetch(inbox, ALL_UIDS, (Column.CONTENT,)):
        for (content,) in rows:
            body = await store.body(content)
            found.append(body.read(0, body.octets))
            body.close()
    return found


def test_pack_cannot_grow(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        kept = random.Random(1).randbytes(50_000)
        await deliver(store, account, kept)
        with files_end_at(1_000_000):
            with pytest.raises(DiskFull), capture_logs() as logged:
                await deliver(store, account, random.Random(2).randbytes(1_200_000))
            assert [(line["log_level"], line["requests"]) for line in logged] == [("error", 1)]
            assert "the disk that holds the mail is full" in logged[0]["reason"]
            small = await deliver(store, account, b"fits")
        later = random.Random(3).randbytes(1_200_000)
        await deliver(store, account, later)
        assert small.uid == 2
        assert await bodies(store, account) == [kept, b"fits", later]

    with_account(tmp_path, scenario)


@pytest.mark.slow
def test_nothing_can_grow(tmp_path: Path) -> None:
    """Deliver until refused, a few at a time; what was acknowledged is there."""
    numbers = iter(range(100_000))
    acknowledged: list[bytes] = []

    async def produce(store: SqliteStore, account: AccountId) -> None:
        for number in numbers:
            octets = b"%d " % number * 100
            await deliver(store, account, octets)
            acknowledged.append(octets)

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        empty = max(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
        with files_end_at(empty + 400_000):
            outcomes = await asyncio.gather(
                *(produce(store, account) for _ in range(8)), return_exceptions=True
            )
            assert {type(one) for one in outcomes} <= {DiskFull, StoreUnavailable}
            inbox = await inbox_of(store, account)
            assert len(await bodies(store, account)) >= len(acknowledged) > 20
        await store.store_flags(inbox, ALL_UIDS, FlagChange.ADD, 1)
        await deliver(store, account, b"room again")
        assert set(acknowledged) < set(await bodies(store, account))

    with_account(tmp_path, scenario)
    assert verify(tmp_path) == []

"""Compaction: dead octets go, live ones stay readable throughout."""

import asyncio
from pathlib import Path

import pytest

from mailclad.engines.packs.writer import pack_path
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import pack_use, verify
from mailclad.store.conformance import new_message
from mailclad.store.errors import DiskFull, StoreUnavailable
from mailclad.store.model import ALL_UIDS, AccountId, Column, ContentId, MailboxId, uid_set
from tests.engines.disks import FullDisk
from tests.engines.stores import add_account, deliver, inbox_of, opened, run


def octets_of(number: int) -> bytes:
    """One of them is of two blocks."""
    return b"message %d\r\n" % number * (25_000 if number == 4 else 1_000)


async def mostly_dead_pack(directory: Path) -> tuple[AccountId, MailboxId]:
    """Pack 1, of a store that is closed: every fourth message is alive."""
    async with opened(directory) as store:
        account = await add_account(store)
        inbox = await inbox_of(store, account)
        await store.append(inbox, [new_message(octets_of(number)) for number in range(1, 41)])
        await store.remove(inbox, uid_set(uid for uid in range(1, 41) if uid % 4))
    return account, inbox


async def check_bodies(store: SqliteStore, mailbox: MailboxId) -> None:
    columns = (Column.UID, Column.CONTENT)
    rows = [row async for some in store.fetch(mailbox, ALL_UIDS, columns) for row in some]
    assert [uid for uid, _ in rows] == list(range(4, 41, 4))
    for uid, content in rows:
        body = await store.body(content)
        assert body.read(0, body.octets) == octets_of(uid)
        body.close()


def packs_in(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "packs").iterdir())


def test_mostly_dead_pack_is_written_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        _, inbox = await mostly_dead_pack(tmp_path)
        before = pack_use(tmp_path)[0].octets
        async with opened(tmp_path) as store, opened(tmp_path) as other:
            reading = await other.body(ContentId(4))
            assert await store.compact() == 1
            assert packs_in(tmp_path) == ["000000000002.pack"]
            assert reading.read(0, 999_999) == octets_of(4), "who reads it keeps it"
            reading.close()
            await check_bodies(store, inbox)
            await check_bodies(other, inbox)
            assert await store.compact() == 0
        (pack,) = pack_use(tmp_path)
        assert pack.octets < before * 0.02, "and compressed"
        assert pack.dead == 0

    run(scenario())
    assert verify(tmp_path) == []


def test_pack_that_is_added_to_is_left_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        account, inbox = await mostly_dead_pack(tmp_path)
        async with opened(tmp_path) as store:
            await deliver(store, account, b"adopts the pack")
            await store.remove(inbox, ((41, 41),))
            assert await store.compact() == 0
        assert packs_in(tmp_path) == ["000000000001.pack"]

    run(scenario())


def test_changes_while_compacting(tmp_path: Path) -> None:
    """Copies, removals and arrivals of another process in the middle of it."""

    async def scenario() -> None:
        account, inbox = await mostly_dead_pack(tmp_path)
        async with opened(tmp_path) as store, opened(tmp_path) as other:
            sent = (await other.stat(account, "Sent")).id
            compacting = asyncio.create_task(store.compact())
            await other.copy(inbox, ((4, 8),), sent)
            await other.remove(sent, ((2, 2),))
            await deliver(other, account, b"new")
            await compacting
            await other.remove(inbox, ((41, 41),))
            await check_bodies(other, inbox)

    run(scenario())
    assert verify(tmp_path) == []


def test_damaged_record_keeps_its_pack(tmp_path: Path) -> None:
    """What is left of it may still be saved by hand."""

    async def scenario() -> None:
        await mostly_dead_pack(tmp_path)
        path = pack_path(tmp_path / "packs", 1)
        octets = bytearray(path.read_bytes())
        octets[-5] ^= 1
        path.write_bytes(octets)
        async with opened(tmp_path) as store:
            assert await store.compact() == 0
        assert packs_in(tmp_path) == ["000000000001.pack"]

    run(scenario())
    assert [problem.text.split(":")[0] for problem in verify(tmp_path)] == ["content 40"]


def test_crash_after_the_index_moved_on(tmp_path: Path) -> None:
    """The old pack has no live record left: the next run only unlinks it."""

    async def scenario() -> None:
        _, inbox = await mostly_dead_pack(tmp_path)
        old = pack_path(tmp_path / "packs", 1).read_bytes()
        async with opened(tmp_path) as store:
            await store.remove(inbox, ALL_UIDS)
        async with opened(tmp_path) as store:
            pack_path(tmp_path / "packs", 1).write_bytes(old)
            assert await store.compact() == 1
            assert await store.compact() == 0
        assert packs_in(tmp_path) in ([], ["000000000002.pack"])

    run(scenario())
    assert verify(tmp_path) == []


def test_crash_between_unlink_and_the_row_s_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        _, inbox = await mostly_dead_pack(tmp_path)
        async with opened(tmp_path) as store:
            await store.remove(inbox, ALL_UIDS)
        pack_path(tmp_path / "packs", 1).unlink()
        async with opened(tmp_path) as store:
            assert await store.compact() == 0
            assert await store.compact() == 0

    run(scenario())
    assert verify(tmp_path) == []


def test_pack_of_a_lost_index_is_not_overwritten(tmp_path: Path) -> None:
    async def scenario() -> None:
        _, inbox = await mostly_dead_pack(tmp_path)
        foreign = pack_path(tmp_path / "packs", 2)
        foreign.write_bytes(b"mail of an index that is lost")
        async with opened(tmp_path) as store:
            with pytest.raises(StoreUnavailable, match="File exists"):
                await store.compact()
            await check_bodies(store, inbox)
            assert await store.compact() == 1, "the next number is free"
            await check_bodies(store, inbox)
        assert foreign.read_bytes() == b"mail of an index that is lost"

    run(scenario())
    assert verify(tmp_path) == []


def test_full_disk_leaves_all_as_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        _, inbox = await mostly_dead_pack(tmp_path)
        store = SqliteStore.open(tmp_path, disk=FullDisk(room=300))
        with pytest.raises(DiskFull):
            await store.compact()
        await check_bodies(store, inbox)
        assert packs_in(tmp_path) == ["000000000001.pack"]
        await store.close()

    run(scenario())
    assert verify(tmp_path) == []

"""Several processes, one directory: turns, claims, schema, refusals to open."""

import asyncio
import contextlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from mailclad.engines.sqlite import committer
from mailclad.engines.sqlite.connection import (
    LEAST_SQLITE,
    check_sqlite,
    first_row,
    many,
    migrate,
    migrations,
    open_index,
    rows,
)
from mailclad.engines.sqlite.lock import MaildropClaim
from mailclad.engines.sqlite.store import SqliteStore, prepare_directory
from mailclad.engines.sqlite.verify import verify
from mailclad.store.errors import ClaimHeld, StoreUnavailable
from mailclad.store.model import ALL_UIDS, AccountId, FlagChange
from tests.engines.stores import add_account, deliver, inbox_of, opened, run, with_account


def test_two_stores_see_each_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as first, opened(tmp_path) as second:
            account = await add_account(first)
            inbox = await inbox_of(second, account)
            for number in range(20):
                await deliver((first, second)[number % 2], account, b"message %d" % number)
            for store in (first, second):
                assert list((await store.uids(inbox))[1]) == list(range(1, 21))
            assert {path.name for path in (tmp_path / "packs").iterdir()} == {
                "000000000001.pack",
                "000000000002.pack",
            }

    run(scenario())


def test_many_make_the_store_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: SqliteStore.open(tmp_path), range(8)))

    async def scenario() -> None:
        account = await add_account(stores[0])
        await asyncio.gather(*(deliver(store, account, b"hello") for store in stores))
        assert (await stores[0].stat(account, "INBOX")).messages == 8
        await asyncio.gather(*(store.close() for store in stores))

    run(scenario())
    assert verify(tmp_path) == []


def test_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="directory"):
        SqliteStore.open(tmp_path / "file" / "mail")


def test_pack_is_gone_on_with_after_a_clean_close(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            account = await add_account(store)
            await deliver(store, account, b"one")
        async with opened(tmp_path) as store:
            await deliver(store, account, b"two")
        assert len(list((tmp_path / "packs").iterdir())) == 1

    run(scenario())


def test_pack_with_a_torn_end_is_left_alone(tmp_path: Path) -> None:
    """It may hold mail that a restored index does not know."""

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            account = await add_account(store)
            await deliver(store, account, b"one")
        (pack,) = (tmp_path / "packs").iterdir()
        with pack.open("ab") as file:
            file.write(b"torn")
        before = pack.read_bytes()
        async with opened(tmp_path) as store:
            await deliver(store, account, b"two")
        assert pack.read_bytes() == before
        assert len(list((tmp_path / "packs").iterdir())) == 2

    run(scenario())


def test_pack_number_of_a_lost_index_is_not_taken(tmp_path: Path) -> None:
    prepare_directory(tmp_path)
    old = tmp_path / "packs" / "000000000001.pack"
    old.write_bytes(b"mail of an index that is lost")

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await deliver(store, account, b"new")

    with_account(tmp_path, scenario)
    assert old.read_bytes() == b"mail of an index that is lost"


def test_files_are_the_owner_s_alone(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await deliver(store, account, b"one")
        store.claim(account).release()
        for path in tmp_path.rglob("*"):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path

    before = os.umask(0)
    try:
        with_account(tmp_path / "mail", scenario)
    finally:
        os.umask(before)


def test_index_is_not_opened_through_a_symbolic_link(tmp_path: Path) -> None:
    prepare_directory(tmp_path)
    (tmp_path / "index.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        open_index(tmp_path / "index.db", cache_kib=100)


def test_maildrop_is_one_session_s(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        claim = store.claim(account)
        with pytest.raises(ClaimHeld):
            store.claim(account)
        other = store.claim(AccountId(account + 1))
        claim.release()
        claim.release()
        again = store.claim(account)
        other.release()
        again.release()

    with_account(tmp_path, scenario)


def test_claim_ends_with_its_last_reference(tmp_path: Path) -> None:
    prepare_directory(tmp_path)
    claims = [MaildropClaim(tmp_path, AccountId(1))]
    claims.clear()
    MaildropClaim(tmp_path, AccountId(1)).release()


# --- schema ----------------------------------------------------------------------


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_schema_is_made_once_and_moves_forward_only(tmp_path: Path) -> None:
    db = open_index(tmp_path / "index.db", cache_kib=100)
    migrate(db, migrations())
    migrate(db, migrations())
    latest = len(migrations())
    later = [*migrations(), (latest + 1, "CREATE TABLE more (a); INSERT INTO more VALUES (1)")]
    migrate(db, later)
    migrate(db, later)
    assert rows(db, "SELECT a FROM more") == [(1,)]
    with pytest.raises(StoreUnavailable, match="later version"):
        migrate(db, migrations())
    db.close()


def test_days_of_messages_from_before_they_were_kept(tmp_path: Path) -> None:
    db = open_index(tmp_path / "index.db", cache_kib=100)
    migrate(db, migrations()[:1])
    blob, text = ", x''", ", ''"
    row = f"INSERT INTO prepared VALUES (?, 1, ?{blob * 3}{text * 7}{blob * 2})"
    many(db, row, [(1, 86_399), (2, 86_400), (3, -1), (4, None)])
    migrate(db, migrations())
    days = rows(db, "SELECT sent_day FROM prepared ORDER BY content")
    assert days == [(0,), (86_400,), (-86_400,), (None,)]
    db.close()


def test_failed_migration_changes_nothing(tmp_path: Path) -> None:
    db = open_index(tmp_path / "index.db", cache_kib=100)
    migrate(db, migrations())
    broken = [*migrations(), (len(migrations()) + 1, "CREATE TABLE more (a); SELECT wrong")]
    with pytest.raises(apsw.SQLError):
        migrate(db, broken)
    assert not db.in_transaction
    assert first_row(db, "PRAGMA user_version") == (len(migrations()),)
    assert rows(db, "SELECT name FROM sqlite_schema WHERE name = 'more'") == []
    migrate(db, migrations())
    db.close()


def test_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    prepare_directory(tmp_path)
    with contextlib.closing(open_index(tmp_path / "index.db", cache_kib=100)) as db:
        rows(db, "PRAGMA user_version = 9999")
    with pytest.raises(StoreUnavailable, match="schema 9999"):
        SqliteStore.open(tmp_path)


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.9.99"])
def test_sqlite_that_can_lose_mail_is_refused(version: str) -> None:
    with pytest.raises(StoreUnavailable, match="install a newer apsw"):
        check_sqlite(version)


def test_fixed_sqlite_is_taken() -> None:
    check_sqlite(".".join(map(str, LEAST_SQLITE)))
    check_sqlite("3.54.1")
    check_sqlite("4.0.0")


def test_commits_survive_a_power_cut(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: the setting that lost nothing."""
    db = open_index(tmp_path / "index.db", cache_kib=100)
    assert first_row(db, "PRAGMA journal_mode") == ("wal",)
    assert first_row(db, "PRAGMA synchronous") == (2,)
    assert first_row(db, "PRAGMA wal_autocheckpoint") == (0,)
    db.close()


def test_wal_is_copied_into_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own checkpoints keep it short."""
    monkeypatch.setattr(committer, "CHECKPOINT_PAGES", 50)

    async def scenario(store: SqliteStore, account: AccountId) -> None:
        inbox = await inbox_of(store, account)
        for number in range(60):
            await deliver(store, account, b"message %d" % number)
            await store.store_flags(inbox, ALL_UIDS, FlagChange.ADD, 1 << number % 5)
        assert (tmp_path / "index.db-wal").stat().st_size < 150 * 4_200

    with_account(tmp_path, scenario)

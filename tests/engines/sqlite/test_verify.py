"""verify: nothing to say of a whole store, and each thing that is wrong is named."""

import contextlib
from pathlib import Path

import pytest

from mailclad.engines.packs.writer import pack_path
from mailclad.engines.sqlite.connection import open_index, rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import pack_use, verify
from mailclad.store.conformance import new_message
from mailclad.store.model import AccountId, FlagChange
from tests.engines.stores import deliver, inbox_of, with_account


async def some_mail(store: SqliteStore, account: AccountId) -> None:
    inbox = await inbox_of(store, account)
    await store.append(inbox, [new_message(b"message %d" % number) for number in range(5)])
    await store.copy(inbox, ((1, 2),), (await store.stat(account, "Sent")).id)
    await store.store_flags(inbox, ((2, 3),), FlagChange.ADD, 12)
    await store.remove(inbox, ((1, 1), (5, 5)))


def texts(directory: Path) -> str:
    return "\n".join(problem.text for problem in verify(directory))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("UPDATE mailbox SET messages = 7 WHERE id = 1", "mailbox 1: it counts 7 messages"),
        ("UPDATE mailbox SET unseen = 3 WHERE id = 1", "3 unseen"),
        ("UPDATE mailbox SET deleted = 0 WHERE id = 1", "0 deleted"),
        ("UPDATE mailbox SET octets = 1 WHERE id = 1", "1 octets"),
        ("UPDATE mailbox SET uid_next = 4 WHERE id = 1", "message 4 is not below its next UID"),
        ("UPDATE message SET mod_seq = 99 WHERE uid = 2", "mod-sequence 99"),
        ("UPDATE message SET arrived = 99 WHERE uid = 2", "message 2 has mod-sequence"),
        ("UPDATE message SET arrived = 1 WHERE uid = 4", "message 4 arrived at 1, before"),
        ("UPDATE account_state SET mod_seq = 2", "is beyond its account's, 2"),
        ("DELETE FROM account_state", "is beyond its account's, None"),
        ("DELETE FROM mailbox WHERE id = 1", "mailbox 1 is gone, but its message 2"),
        ("DELETE FROM content WHERE id = 3", "names content 3, which is missing"),
        ("DELETE FROM prepared WHERE content = 3", "names content 3, which is missing"),
        ("UPDATE message SET octets = 1 WHERE uid = 3", "or of another size"),
        ("UPDATE content SET places = 9 WHERE id = 3", "content 3 counts 9 places, there are 1"),
        ("DELETE FROM message WHERE uid = 4", "content 4 counts 1 places, there are 0"),
        ("DELETE FROM content WHERE id = 4", "content 4 is gone, but its prepared"),
        ("INSERT INTO expunged VALUES (1, 5, 2, 2)", "message 2 was expunged, but it is there"),
        ("INSERT INTO expunged VALUES (1, 99, 5, 5)", "its history at 99"),
        ("INSERT INTO expunged VALUES (77, 5, 5, 5)", "mailbox 77: its history"),
        ("UPDATE pack SET live = 5", "pack 1 should have"),
        ("UPDATE pack SET octets = 5", "pack 1 should have 5 octets"),
        ("DELETE FROM pack", "lies in pack 1, which the index does not know"),
        ("UPDATE sequence SET last = 0 WHERE name = 'content'", "counter of content stands at 0"),
        ("UPDATE sequence SET last = 0 WHERE name = 'mailbox'", "counter of mailbox"),
        ("UPDATE sequence SET last = 0 WHERE name = 'uid_validity'", "counter of uid_validity"),
        ("UPDATE content SET start = 1 WHERE id = 3", "content 3: pack 1, offset 1: no record"),
        ("UPDATE content SET pack = 9", "offset 0: the pack is missing"),
        ("UPDATE content SET digest = x'00' WHERE id = 3", "holds another message at its place"),
        ("UPDATE alias SET domain = 'gone'", ""),
        ("INSERT INTO alias VALUES ('a@gone', 'gone')", "alias row None: its domain is missing"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, spoil: str, words: str) -> None:
    with_account(tmp_path, some_mail)
    with contextlib.closing(open_index(tmp_path / "index.db", cache_kib=100)) as db:
        rows(db, "PRAGMA foreign_keys = OFF")
        rows(db, spoil)
    assert words in texts(tmp_path)


def test_damaged_body_is_named(tmp_path: Path) -> None:
    with_account(tmp_path, some_mail)
    with pack_path(tmp_path / "packs", 1).open("r+b") as file:
        octets = file.read()
        file.seek(octets.index(b"message 2"))
        file.write(b"M")
    (problem,) = verify(tmp_path)
    assert problem.text.startswith("content 3: pack 1, offset")
    assert problem.text.endswith("the octets do not fit the digest")


def test_damaged_index_is_named(tmp_path: Path) -> None:
    with_account(tmp_path, some_mail)
    with contextlib.closing(open_index(tmp_path / "index.db", cache_kib=100)) as db:
        (root,) = rows(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'message_changed'")[0]
        rows(db, "PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / "index.db").open("r+b") as file:
        file.seek((root - 1) * 4096 + 4000)
        file.write(bytes(96))
    assert "the index is damaged" in texts(tmp_path)


def test_no_store_is_named(tmp_path: Path) -> None:
    (problem,) = verify(tmp_path)
    assert problem.text.endswith("index.db is missing")
    assert list(tmp_path.iterdir()) == [], "verify makes nothing"


def test_index_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"not a database" * 1_000)
    (problem,) = verify(tmp_path)
    assert problem.text.startswith("the index cannot be read")


def test_progress_is_told(tmp_path: Path) -> None:
    with_account(tmp_path, some_mail)
    told: list[tuple[int, int]] = []
    assert verify(tmp_path, lambda done, total: told.append((done, total))) == []
    assert told == [(4, 4)]


def test_verify_while_the_server_runs(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, account: AccountId) -> None:
        await some_mail(store, account)
        assert verify(tmp_path) == []
        await deliver(store, account, b"more")
        assert verify(tmp_path) == []

    with_account(tmp_path, scenario)


def test_octets_without_a_row_are_harmless_and_counted(tmp_path: Path) -> None:
    with_account(tmp_path, some_mail)
    (pack,) = pack_use(tmp_path)
    assert pack.number == 1
    assert 0 < pack.dead < pack.octets
    with pack_path(tmp_path / "packs", 1).open("ab") as file:
        file.write(b"x" * 1_000)
    (after,) = pack_use(tmp_path)
    assert after.dead == pack.dead + 1_000
    assert verify(tmp_path) == []
    pack_path(tmp_path / "packs", 2).write_bytes(b"orphan")
    assert [use.dead for use in pack_use(tmp_path)] == [after.dead, 6]
    assert verify(tmp_path) == []

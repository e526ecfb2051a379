"""Folders of .eml files in and out."""

from pathlib import Path

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.transfer.eml import found_in_eml
from mailclad.services.transfer.exporting import export_mailbox
from mailclad.services.transfer.model import Exported, Kind, TransferRefused
from mailclad.store.model import AccountId
from tests.services.transfer.moved import ignore, imported, message, octets_of, stored, with_store


def test_folders_are_mailboxes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for number, name in enumerate(
        ("b.eml", "a.EML", "Sent/c.eml", "Work%2FHome/deep/d.eml", "notes.txt", ".e.eml")
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(message(number))
    counts = imported(tmp_path / "store", source, Kind.EML)

    assert counts.messages == 4
    found = octets_of(tmp_path / "store")
    assert found == {
        "INBOX": [message(1), message(0)],
        "Sent": [message(2)],
        "Work/Home/deep": [message(3)],
    }
    assert stored(tmp_path / "store")["Sent"][0][2] == 1704110402


def test_one_file_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(message(1).replace(b"\r\n", b"\n"))
    imported(tmp_path / "store", tmp_path / "a.eml", Kind.EML, "Archive")

    assert octets_of(tmp_path / "store") == {"Archive": [message(1)]}


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransferRefused, match="does not exist"):
        list(found_in_eml(tmp_path / "absent"))


def test_what_goes_out_comes_in_the_same(tmp_path: Path) -> None:
    first, out, second = (tmp_path / name for name in ("first", "out", "second"))
    source = tmp_path / "source"
    source.mkdir()
    odd = [b"", b"\0\xff", b"bare\r\n\nline", b"Subject: x\r\n\r\nno end", message(1) * 1_000]
    for number, octets in enumerate(odd):
        (source / f"{number}.eml").write_bytes(octets)
    for target in ("INBOX", "a/..b", "con:1"):
        imported(first, source, Kind.EML, target)

    async def export(store: SqliteStore, account: AccountId) -> Exported:
        return await export_mailbox(store, account, out, Kind.EML, ignore)

    assert with_store(first, export).messages == 15
    again = with_store(first, export)
    assert (again.messages, again.known, again.mailboxes) == (0, 15, 9)
    imported(second, out, Kind.EML)

    assert octets_of(second) == octets_of(first)
    assert octets_of(first)["a/..b"] == odd


def test_one_mailbox_can_be_exported_alone(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(message(1))
    imported(tmp_path / "store", tmp_path / "a.eml", Kind.EML, "Work")

    async def export(store: SqliteStore, account: AccountId) -> Exported:
        return await export_mailbox(
            store, account, tmp_path / "out", Kind.EML, ignore, mailbox="Work"
        )

    assert with_store(tmp_path / "store", export).messages == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["Work"]

"""Maildir in and out."""

import os
from pathlib import Path

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.transfer.exporting import export_mailbox
from mailclad.services.transfer.maildir import found_in_maildir
from mailclad.services.transfer.model import Exported, Item, Kind
from mailclad.store.model import AccountId, Flag
from tests.services.transfer.moved import ignore, imported, message, stored, with_store


def put(folder: Path, name: str, octets: bytes, date: int = 1_700_000_000) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)
    os.utime(path, (date, date))


def make(source: Path) -> None:
    put(source, "cur/1700000002.M1P2.host,S=9:2,FRS", message(2))
    put(source, "cur/999999999.M1.host:2,", message(1))
    put(source, "new/1700000003.M1.host", message(3), 1_700_000_099)
    put(source, "tmp/1700000004.M1.host", b"half a mess")
    put(source, ".Sent/cur/1.a:2,DTP", message(4))
    put(source, ".Entw&APw-rfe.2024/cur/1.a:2,ab", message(5))
    put(source, ".Entw&APw-rfe.2024/dovecot-keywords", b"0 $Label1\n1 work\nnonsense\n")
    put(source, ".Grüße/new/1.a", message(6))
    put(source, "plain/inner/cur/1.a", message(7))


def test_all_mailboxes_are_taken_with_flags_and_times(tmp_path: Path) -> None:
    make(tmp_path / "source")

    counts = imported(tmp_path / "store", tmp_path / "source", Kind.MAILDIR)
    found = stored(tmp_path / "store")

    assert (counts.messages, counts.known, counts.left_out) == (7, 0, 0)
    seen = Flag.FLAGGED | Flag.ANSWERED | Flag.SEEN
    assert found["INBOX"] == [
        (message(1), 0, 1_700_000_000),
        (message(2), seen, 1_700_000_000),
        (message(3), 0, 1_700_000_099),
    ]
    ((octets, flags, _),) = found["Sent"]
    assert octets == message(4)
    assert flags & 31 == Flag.DRAFT | Flag.DELETED
    assert flags >> 5  # $Forwarded
    assert found["Entwürfe/2024"][0][1] >> 5
    assert set(found) == {"INBOX", "Sent", "Entwürfe/2024", "Grüße", "plain/inner"}


def test_a_target_takes_all_below_it(tmp_path: Path) -> None:
    make(tmp_path / "source")
    imported(tmp_path / "store", tmp_path / "source", Kind.MAILDIR, "Old")

    assert {"Old", "Old/Sent", "Old/Grüße"} < set(stored(tmp_path / "store"))


def test_line_feeds_become_crlf_and_mixed_messages_stay(tmp_path: Path) -> None:
    mixed = b"Subject: x\r\n\r\nbare\nline\r\n"
    put(tmp_path / "source", "cur/1.a", message(1).replace(b"\r\n", b"\n"))
    put(tmp_path / "source", "cur/2.a", mixed)
    imported(tmp_path / "store", tmp_path / "source", Kind.MAILDIR)

    assert [row[0] for row in stored(tmp_path / "store")["INBOX"]] == [message(1), mixed]


def test_links_are_left_out_and_told(tmp_path: Path) -> None:
    put(tmp_path / "source", "cur/1.a", message(1))
    (tmp_path / "source" / "cur" / "2.a").symlink_to("/etc/passwd")
    counts = imported(tmp_path / "store", tmp_path / "source", Kind.MAILDIR)

    assert (counts.messages, counts.left_out) == (1, 1)
    assert [(one.place, one.cause) for one in counts.troubles] == [("cur/2.a", "it is a link")]


def test_a_name_of_digits_without_end_is_no_time(tmp_path: Path) -> None:
    put(tmp_path, "cur/" + "9" * 200, message(1))
    (found,) = found_in_maildir(tmp_path)

    assert [item.octets for item in found.items() if isinstance(item, Item)] == [message(1)]


def test_what_goes_out_comes_in_the_same(tmp_path: Path) -> None:
    """Octets, flags, keywords, times, mailboxes: also a name with a dot in it."""
    source, first, out, second = (tmp_path / name for name in ("source", "first", "out", "second"))
    make(source)
    put(source, ".A&AC4-b/cur/1.a:2,S", b"Subject: mixed\r\n\r\nbare\nline")
    imported(first, source, Kind.MAILDIR)

    async def export(store: SqliteStore, account: AccountId) -> Exported:
        return await export_mailbox(store, account, out, Kind.MAILDIR, ignore)

    assert with_store(first, export).messages == 8
    again = with_store(first, export)
    assert (again.messages, again.known) == (0, 8)
    imported(second, out, Kind.MAILDIR)

    assert stored(second) == stored(first)
    assert "A.b" in stored(second)
    assert not list((out / "tmp").iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in (out / "cur").iterdir())

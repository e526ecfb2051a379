"""mbox in and out."""

# ruff: noqa: E501 - a case is one line of a table

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.transfer import mbox
from mailclad.services.transfer.exporting import export_mailbox
from mailclad.services.transfer.mbox import MboxWriter, found_in_mbox
from mailclad.services.transfer.model import Exported, Item, Kind, TransferRefused, Trouble
from mailclad.store.model import AccountId, Flag
from tests.services.transfer.moved import ignore, imported, message, octets_of, stored, with_store

FROM = b"From ann@example.org Mon Jan  1 12:00:00 2024\n"


def items(path: Path) -> list[Item | Trouble]:
    return [item for found in found_in_mbox(path) for item in found.items()]


def octets(path: Path) -> list[bytes]:
    return [item.octets for item in items(path) if isinstance(item, Item)]


def test_messages_are_apart_by_separators_alone(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(
        FROM + b"Subject: 1\n\n>From the start\n>>From\n>>From me\nFrom here we go\n\nFrom now on, 2024\n\n"
        + FROM + b"Subject: 2\nStatus: RO\nX-Status: AF\n\nend\n"
        + b"no empty line before:\n" + FROM + b"\n"
        + FROM.replace(b"\n", b"\r\n") + b"Subject: 3\r\n\r\nend\r\n"
    )  # fmt: skip
    first, second, third = items(path)

    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert isinstance(third, Item)
    assert first.octets == (
        b"Subject: 1\r\n\r\nFrom the start\r\n>>From\r\n>From me\r\nFrom here we go\r\n\r\nFrom now on, 2024\r\n"
    )
    assert first.date == 1704110400
    assert second.flags == Flag.SEEN | Flag.ANSWERED | Flag.FLAGGED
    assert second.octets.endswith(b"no empty line before:\r\n" + FROM.replace(b"\n", b"\r\n"))
    assert third.octets == b"Subject: 3\r\n\r\nend\r\n"
    assert third.done == path.stat().st_size


def test_a_folder_of_mboxes_is_a_tree_of_mailboxes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("Inbox", "Work.mbox", "Work.sbd/Engine", "Work.sbd/Engine.sbd/Notes"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FROM + message(len(name)))
    (source / "Inbox.msf").write_bytes(b"// index")
    (source / "link").symlink_to(source / "Inbox")
    imported(tmp_path / "store", source, Kind.MBOX)

    assert set(stored(tmp_path / "store")) == {"INBOX", "Work", "Work/Engine", "Work/Engine/Notes"}


@pytest.mark.slow
def test_messages_beyond_the_size_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "MAX_MESSAGE_OCTETS", 1 << 20)
    path = tmp_path / "mbox"
    path.write_bytes(FROM + b"x\n" * (1 << 20) + b"\n" + FROM + b"Subject: 2\n\n")

    large, small = items(path)
    assert large == Trouble("mbox, message 1", "it is larger than 1 MiB")
    assert isinstance(small, Item)
    assert small.octets == b"Subject: 2\r\n"


def test_lines_beyond_the_length_hold_no_separator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "MAX_LINE_OCTETS", 64)
    path = tmp_path / "mbox"
    line = b"x" * 64 + FROM
    path.write_bytes(FROM + b"\n" + line)

    assert octets(path) == [b"\r\n" + line.replace(b"\n", b"\r\n")]


@pytest.mark.parametrize("content", [b"", b"Subject: x\n\n", b"From here we go\n"])
def test_what_is_no_mbox_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(content)
    for source in ("source", "source/file", "absent"):
        with pytest.raises(TransferRefused, match="holds no mail as mbox"):
            imported(tmp_path / "store", tmp_path / source, Kind.MBOX)


LINES = st.sampled_from(
    [b"From ", b">From me", b">>From x", FROM.strip(), b"", b"text", b"from", b" From "]
)


@pytest.mark.slow
@given(
    st.lists(
        st.lists(LINES).map(lambda lines: b"".join([line + b"\r\n" for line in lines])), min_size=1
    )
)
def test_what_is_written_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]
) -> None:
    target = tmp_path_factory.mktemp("out")
    messages = [b"Subject: x\r\n\r\n" + body for body in bodies]
    writer = MboxWriter(target, "Work", 1, ())
    for uid, one in enumerate(messages, 1):
        writer.write(uid, iter([one]), len(one), 0, 1_700_000_000)
    writer.close(whole=True)

    assert octets(target / "Work.mbox") == messages
    assert {item.date for item in items(target / "Work.mbox") if isinstance(item, Item)} == {
        1_700_000_000
    }


def test_what_goes_out_comes_in_the_same(tmp_path: Path) -> None:
    first, out, second = (tmp_path / name for name in ("first", "out", "second"))
    source = tmp_path / "source"
    for name in ("a", "a.sbd/b..c"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(
            FROM + message(1) + b"\n" + FROM + message(2, "From a\r\n\r\n")
        )
    imported(first, source, Kind.MBOX)

    async def export(store: SqliteStore, account: AccountId) -> Exported:
        return await export_mailbox(store, account, out, Kind.MBOX, ignore)

    assert with_store(first, export).messages == 4
    with pytest.raises(TransferRefused, match="exists already"):
        with_store(first, export)
    imported(second, out, Kind.MBOX)
    assert octets_of(second) == octets_of(first)
    assert set(octets_of(first)) == {"a", "a/b..c"}


def test_a_broken_export_leaves_no_mbox(tmp_path: Path) -> None:
    writer = MboxWriter(tmp_path, "Work", 1, ())
    writer.write(1, iter([message(1)]), 9, 0, 0)
    writer.close(whole=False)

    assert not (tmp_path / "Work.mbox").exists()
    MboxWriter(tmp_path, "Work", 1, ()).close(whole=True)
    assert (tmp_path / "Work.mbox").exists()

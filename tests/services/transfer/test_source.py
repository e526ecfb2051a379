"""Sources laid out to do harm, line ends, and times of arrival (T-ST1)."""

# ruff: noqa: E501 - a case is one line of a table

import os
from pathlib import Path

import pytest

from mailclad.services.transfer import source as source_module
from mailclad.services.transfer.model import TransferRefused
from mailclad.services.transfer.source import (
    MAX_FOLDER_DEPTH,
    MAX_FOLDERS,
    Folder,
    NotTaken,
    arrival,
    walk,
    with_crlf,
)


def causes(path: Path) -> dict[str, str]:
    """Why each file was not taken."""
    found = {}
    with Folder.open(path) as folder:
        for name in folder.files():
            try:
                folder.read(name)
            except NotTaken as problem:
                found[name] = str(problem)
    return found


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    source = tmp_path / "source"
    source.mkdir()
    (source / "link").symlink_to(secret)
    os.mkfifo(source / "pipe")
    (source / "plain").write_bytes(b"x")
    (source / "shut").write_bytes(b"x")

    assert causes(source) == {"link": "it is a link", "pipe": "it is not a regular file"}


def test_a_hard_link_to_anothers_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x")
    os.link(tmp_path / "one", tmp_path / "two")
    assert causes(tmp_path) == {}

    file = os.open(tmp_path, os.O_RDONLY)
    with Folder(file, os.getuid() + 1) as folder, pytest.raises(NotTaken, match="somebody else"):
        folder.read("one")


def test_a_linked_folder_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    with Folder.open(tmp_path) as root:
        assert [path for path, _ in walk(root)] == [(), ("a",)]
        with root.folder("a") as inside, pytest.raises(TransferRefused):
            inside.folder("back")


def test_messages_beyond_the_size_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "MAX_MESSAGE_OCTETS", 1 << 20)
    (tmp_path / "large").write_bytes(b"x" * ((1 << 20) + 1))
    (tmp_path / "exact").write_bytes(b"x" * (1 << 20))

    assert causes(tmp_path) == {"large": "it is larger than 1 MiB"}


def test_folders_beyond_depth_and_number_are_not_entered(tmp_path: Path) -> None:
    (tmp_path / "/".join(["d"] * (MAX_FOLDER_DEPTH + 3))).mkdir(parents=True)
    with Folder.open(tmp_path) as root:
        assert len(list(walk(root))) == MAX_FOLDER_DEPTH + 1
        assert len(list(walk(root, limit=5))) == 5
    assert MAX_FOLDERS == 10_000


@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        (b"A: b\r\n\r\nc\n", b"A: b\r\n\r\nc\n"),
        (b"A: b\n\nc\r\n", b"A: b\r\n\r\nc\r\n"),
        (b"A: b\r\rc\r", b"A: b\r\n\r\nc\r\n"),
        (b"\nA", b"\r\nA"),
        (b"A", b"A"),
        (b"", b""),
    ],
)
def test_line_ends(octets: bytes, kept: bytes) -> None:
    assert with_crlf(octets) == kept


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (
            b"Received: by a; 1 Jan 1970 00:00:07 +0000\r\nReceived: by b; 1 Jan 1970 00:00:08 +0000\r\n",
            7,
        ),
        (b"Received: by a\r\nDate: 1 Jan 1970 00:00:09 +0000\r\n", 9),
        (b"Date: 1 Jan 1960 00:00:00 +0000\r\n", 0),
        (b"Subject: x\r\n", 5),
    ],
)
def test_the_time_of_arrival(header: bytes, seconds: int) -> None:
    assert arrival(header + b"\r\n", 5) == seconds

"""Files with keys: whole, with their mode from the first octet, or not at all."""

from pathlib import Path

import pytest

from mailclad.services.certificates.writing import write_whole


def test_it_is_there_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "privkey.pem"
    for content in (b"old", b"new"):
        write_whole(file, content, 0o600)
        assert file.read_bytes() == content
        assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_where_it_cannot_be_written_no_draft_of_a_key_stays(tmp_path: Path) -> None:
    (taken := tmp_path / "privkey.pem").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(taken, b"key", 0o600)
    assert list(tmp_path.iterdir()) == [taken]

"""Writer and reader: what was appended is read back, torn ends and damage are noticed."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from mailclad.engines.packs.reader import OPEN_PACKS, PackReader, pack_numbers, scan
from mailclad.engines.packs.record import BLOCK_OCTETS
from mailclad.engines.packs.writer import SEAL_OCTETS, PackWriter, Place, pack_path
from mailclad.store.errors import BodyDamaged
from tests.engines.disks import BrokenDisk, FullDisk


def writer_in(directory: Path, number: int = 1, *, compress: bool = False) -> PackWriter:
    writer = PackWriter(directory, compress=compress)
    writer.start(number)
    return writer


def append(writer: PackWriter, octets: bytes) -> Place:
    return writer.append(octets, (7,), 1_700_000_000)


def read_all(reader: PackReader, place: Place) -> bytes:
    body = reader.body(*place[:3])
    body.check()
    return body.read(0, body.octets)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    size=st.sampled_from([0, 1, 5, BLOCK_OCTETS - 1, BLOCK_OCTETS, BLOCK_OCTETS + 1, 700_000]),
    text=st.booleans(),
    compress=st.booleans(),
    ranges=st.lists(st.tuples(st.integers(0, 800_000), st.integers(0, 600_000)), max_size=5),
)
def test_any_range_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    text: bool,
    compress: bool,
    ranges: list[tuple[int, int]],
) -> None:
    directory = tmp_path_factory.mktemp("packs")
    octets = (b"line %d\r\n" * 99_999)[:size] if text else os.urandom(size)
    writer = writer_in(directory, compress=compress)
    append(writer, b"before")
    place = append(writer, octets)
    append(writer, b"behind")
    writer.sync()
    reader = PackReader(directory)
    body = reader.body(*place[:3])
    for start, count in ranges:
        assert body.read(start, count) == octets[start : start + count]
    body.check()
    body.close()
    reader.close()
    writer.close()


def test_many_small_records_are_one_write(tmp_path: Path) -> None:
    disk = FullDisk(room=1 << 30)
    writer = PackWriter(tmp_path, disk)
    writer.start(1)
    places = [append(writer, b"message %d" % number) for number in range(100)]
    assert pack_path(tmp_path, 1).stat().st_size == 0
    writer.sync()
    reader = PackReader(tmp_path)
    assert [read_all(reader, place) for place in places] == [b"message %d" % n for n in range(100)]
    reader.close()
    writer.close()


def test_scan_tells_all_that_an_index_needs(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    places = [writer.append(b"x" * size, (3, 4), -5) for size in (0, 10, 600_000)]
    writer.sync()
    writer.close()
    found = list(scan(tmp_path, 1))
    assert [offset for offset, _ in found] == [place.offset for place in places]
    assert [header.octets for _, header in found] == [0, 10, 600_000]
    assert {(header.owners, header.internal_date) for _, header in found} == {((3, 4), -5)}
    assert [header.digest for _, header in found] == [place.digest for place in places]


@pytest.mark.parametrize("cut", [1, 40, 109])
def test_torn_end_is_ignored(tmp_path: Path, cut: int) -> None:
    writer = writer_in(tmp_path)
    append(writer, b"whole")
    append(writer, b"torn")
    writer.sync()
    path = pack_path(tmp_path, 1)
    os.truncate(path, path.stat().st_size - cut)
    writer.close()
    assert [header.octets for _, header in scan(tmp_path, 1)] == [5]


def test_damage_is_named_and_others_are_served(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    first, second = append(writer, b"first message"), append(writer, b"second message")
    writer.sync()
    writer.close()
    with pack_path(tmp_path, 1).open("r+b") as file:
        file.seek(second.offset - 3)
        file.write(b"?")
    reader = PackReader(tmp_path)
    with (
        capture_logs() as logged,
        pytest.raises(BodyDamaged, match=r"pack 1, offset 0: the octets do not fit the digest"),
    ):
        read_all(reader, first)
    assert [(line["pack"], line["offset"]) for line in logged] == [(1, 0)]
    assert read_all(reader, second) == b"second message"
    with pytest.raises(BodyDamaged, match="offset 5"):
        reader.body(1, 5, 100)
    reader.close()


def test_full_disk_is_undone(tmp_path: Path) -> None:
    """What was not synced goes, what was stays, and the pack is written on."""
    disk = FullDisk(room=10_000)
    writer = PackWriter(tmp_path, disk)
    writer.start(1)
    kept = append(writer, b"kept")
    writer.sync()
    append(writer, os.urandom(20_000))
    with pytest.raises(OSError, match="no room"):
        writer.sync()
    writer.undo()
    assert pack_path(tmp_path, 1).stat().st_size == kept.stored
    disk.room = 1_000_000
    later = append(writer, b"later")
    writer.sync()
    reader = PackReader(tmp_path)
    assert [read_all(reader, place) for place in (kept, later)] == [b"kept", b"later"]
    reader.close()
    writer.close()


def test_long_message_that_does_not_fit_is_undone(tmp_path: Path) -> None:
    writer = PackWriter(tmp_path, FullDisk(room=300_000))
    writer.start(1)
    with pytest.raises(OSError, match="no room"):
        append(writer, os.urandom(600_000))
    writer.undo()
    assert pack_path(tmp_path, 1).stat().st_size == 0
    writer.close()


def test_pack_is_given_up_when_it_cannot_be_synced(tmp_path: Path) -> None:
    """The kernel may have dropped pages: nothing more is trusted to that file."""
    writer = PackWriter(tmp_path, BrokenDisk())
    writer.start(1)
    append(writer, b"lost")
    with pytest.raises(OSError, match="broken"):
        writer.sync()
    writer.undo()
    assert writer.needs_pack


def test_clean_pack_is_gone_on_with(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    append(writer, b"one")
    writer.sync()
    end = writer.end
    writer.close()
    again = PackWriter(tmp_path)
    assert not again.adopt(2, 0)
    assert not again.adopt(1, end - 1)
    assert again.adopt(1, end)
    assert append(again, b"two").offset == end
    again.close()


def test_pack_is_never_shared(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    assert not PackWriter(tmp_path).adopt(1, 0)
    with pytest.raises(FileExistsError):
        writer_in(tmp_path)
    writer.close()


def test_removed_pack_is_not_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compaction may unlink it between our open and our lock."""
    writer_in(tmp_path).close()
    real = os.open

    def open_then_unlink(path: Path, flags: int, mode: int = 0o777) -> int:
        fd = real(path, flags, mode)
        Path(path).unlink()
        return fd

    monkeypatch.setattr(os, "open", open_then_unlink)
    assert not PackWriter(tmp_path).adopt(1, 0)


def test_pack_is_sealed_at_its_limit(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    assert not writer.needs_pack
    writer.end = SEAL_OCTETS
    assert writer.needs_pack
    writer.close()


def test_body_outlives_its_pack(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    place = append(writer, os.urandom(600_000))
    writer.sync()
    writer.close()
    reader = PackReader(tmp_path)
    body = reader.body(*place[:3])
    pack_path(tmp_path, 1).unlink()
    writer_in(tmp_path, 2).close()
    reader.file(2)
    assert body.read(300_000, 10) != b""
    with pytest.raises(FileNotFoundError):
        reader.body(*place[:3])
    reader.close()


def test_open_packs_are_limited(tmp_path: Path) -> None:
    for number in range(1, OPEN_PACKS + 3):
        writer_in(tmp_path, number).close()
    reader = PackReader(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in pack_numbers(tmp_path):
        reader.file(number)
    assert len(list(Path("/proc/self/fd").iterdir())) - before == OPEN_PACKS
    reader.close()


def test_closed_body_refuses(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    place = append(writer, b"text")
    writer.sync()
    body = PackReader(tmp_path).body(*place[:3])
    body.close()
    with pytest.raises(ValueError, match="closed"):
        body.read(0, 1)
    writer.close()

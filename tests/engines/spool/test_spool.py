"""FileSpool: what goes in comes out whole, from memory or file, and nothing is left."""

import mmap
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailclad.base.octets import Spool
from mailclad.engines.spool.spool import (
    MEMORY_OCTETS,
    ROOM_SPOOLS,
    ROOMY_OCTETS,
    FileSpool,
    Room,
    file_spools,
)


def test_small_message_stays_in_memory(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path)
    spool.write(b"Subject: a\r\n")
    spool.write(b"\r\nbody\r\n")
    assert spool.view() == b"Subject: a\r\n\r\nbody\r\n"
    assert spool.octets == 20
    spool.close()


def test_empty_message_is_viewed_as_no_octets(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path)
    assert spool.view() == b""
    spool.close()
    spool.close()


@pytest.mark.parametrize("octets", [MEMORY_OCTETS, MEMORY_OCTETS + 1])
def test_limit_of_memory(tmp_path: Path, octets: int) -> None:
    """At the limit it is bytes, one octet past it a mapped file, with the same octets."""
    spool = FileSpool(tmp_path)
    data = os.urandom(octets)
    spool.write(data[: octets // 2])
    spool.write(data[octets // 2 :])
    view = spool.view()
    assert isinstance(view, mmap.mmap) == (octets > MEMORY_OCTETS)
    assert view[:] == data
    assert len(view) == spool.octets == octets
    spool.close()


@pytest.mark.parametrize("viewed", [False, True])
@pytest.mark.parametrize("octets", [0, 10, MEMORY_OCTETS + 1, 3 * MEMORY_OCTETS])
def test_what_is_put_before_comes_first(tmp_path: Path, octets: int, viewed: bool) -> None:
    spool = FileSpool(tmp_path)
    data = os.urandom(octets)
    spool.write(data)
    before = spool.view() if viewed else b""
    spool.prepend(b"Received: x\r\n")
    spool.prepend(b"Return-Path: <>\r\n")
    assert spool.view()[:] == b"Return-Path: <>\r\nReceived: x\r\n" + data
    assert spool.octets == len(spool.view())
    if viewed:
        assert before[:] == data, "an earlier view stays what it was"
    spool.close()


def is_in_memory(spool: Spool) -> bool:
    return isinstance(spool.view(), bytes)


def test_a_few_large_ones_stay_in_memory(tmp_path: Path) -> None:
    """As many as there is room for; who closes makes room."""
    new_spool = file_spools(tmp_path)
    spools = [new_spool() for _ in range(ROOM_SPOOLS + 1)]
    for spool in spools:
        spool.write(bytes(MEMORY_OCTETS))
        spool.write(b"and more")
    assert [is_in_memory(spool) for spool in spools] == [True] * ROOM_SPOOLS + [False]
    for spool in (spools[-1], spools[0], spools[0]):
        spool.close()
    for fits in (True, False):
        spools.append(new_spool())
        spools[-1].write(bytes(ROOMY_OCTETS))
        assert is_in_memory(spools[-1]) == fits
    for spool in spools:
        spool.close()


def test_limit_of_a_large_one(tmp_path: Path) -> None:
    """One octet more goes to a file, with all before it, and makes room for another."""
    room = Room(1)
    for _ in range(2):
        spool = FileSpool(tmp_path, room)
        spool.write(b"a" * ROOMY_OCTETS)
        spool.write(b"b")
        assert not is_in_memory(spool)
        assert spool.view()[:] == b"a" * ROOMY_OCTETS + b"b"
        assert room.take()
        room.give()
        spool.close()
    assert room.take()
    assert not room.take()


def test_file_has_no_name(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path)
    spool.write(bytes(MEMORY_OCTETS + 1))
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_view_outlives_close(tmp_path: Path) -> None:
    """A connection may be lost while the store still reads."""
    spool = FileSpool(tmp_path)
    spool.write(b"a" * (MEMORY_OCTETS + 1))
    view = spool.view()
    spool.close()
    assert view[:3] == b"aaa"


def test_no_write_after_view(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path)
    spool.view()
    with pytest.raises(ValueError, match="not written"):
        spool.write(b"late")
    spool.close()


def test_full_disk_is_an_os_error() -> None:
    spool = FileSpool(Path("/nonexistent"))
    with pytest.raises(OSError, match="nonexistent"):
        spool.write(bytes(MEMORY_OCTETS + 1))
    spool.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(pieces=st.lists(st.integers(0, MEMORY_OCTETS), max_size=6))
def test_pieces_come_out_in_order(tmp_path: Path, pieces: list[int]) -> None:
    spool = file_spools(tmp_path)()
    written = [bytes([65 + at]) * octets for at, octets in enumerate(pieces)]
    for piece in written:
        spool.write(piece)
    assert spool.view()[:] == b"".join(written)
    spool.close()

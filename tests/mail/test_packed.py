"""Files of strangers unpacked: every bomb stops at its limit."""

import gzip
import io
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.packed import PackedProblem, pack, unpack

MOST = 10_000


def zipped(*members: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for number, member in enumerate(members):
            archive.writestr(f"{number}.xml", member)
    return file.getvalue()


def streamed_zip(member: bytes) -> bytes:
    """As written to a pipe: the sizes stand behind the member."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    file = Pipe()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("r.xml", member)
    return file.getvalue()


@given(st.binary(max_size=300))
def test_what_is_packed_is_unpacked(octets: bytes) -> None:
    assert unpack(pack(octets), 300) == octets
    assert unpack(zipped(octets), 300) == octets
    assert unpack(zipped(octets, method=zipfile.ZIP_STORED), 300) == octets
    assert unpack(streamed_zip(octets), 300) == octets


def test_a_bomb_is_not_unpacked_beyond_the_limit() -> None:
    bomb = gzip.compress(bytes(20 << 20))
    tracemalloc.start()
    with pytest.raises(PackedProblem, match="larger"):
        unpack(bomb, MOST)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_wrong_checksum_is_damage() -> None:
    octets = zipped(b"feedback", method=zipfile.ZIP_STORED).replace(b"feedback", b"feedbock")
    with pytest.raises(PackedProblem, match="damaged"):
        unpack(octets, MOST)


def test_the_same_report_is_the_same_file() -> None:
    assert pack(b"x") == pack(b"x")


def test_plain_octets_pass_up_to_the_limit() -> None:
    assert unpack(b"x" * MOST, MOST) == b"x" * MOST
    with pytest.raises(PackedProblem, match="larger"):
        unpack(b"x" * (MOST + 1), MOST)


@pytest.mark.parametrize(
    "bomb", [gzip.compress, zipped, streamed_zip, lambda x: zipped(x, method=zipfile.ZIP_STORED)]
)
def test_bombs_stop_at_the_limit(bomb: object) -> None:
    assert callable(bomb)
    assert len(unpack(bomb(bytes(MOST)), MOST)) == MOST
    with pytest.raises(PackedProblem, match="larger"):
        unpack(bomb(bytes(MOST + 1)), MOST)
    with pytest.raises(PackedProblem, match="larger"):
        unpack(bomb(bytes(5_000_000)), MOST)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0), "behind its end"),
        (gzip.compress(b"a", mtime=0) + b"junk", "behind its end"),
        (gzip.compress(b"a" * 100, mtime=0)[:-1], "cut off"),
        (gzip.compress(b"a" * 100, mtime=0)[:-8] + b"\0" * 8, "damaged"),
        (b"\x1f\x8b", "cut off"),
        (zipped(b"a", b"b"), "one member"),
        (zipped(b"a")[:-5], "one member"),
        (zipped(b"a" * 50) + zipped(b"b"), "one member"),
        (b"PK\x03\x04", "method|damaged|one member"),
        (zipped(b"a", method=zipfile.ZIP_BZIP2), "method"),
    ],
)
def test_damage_is_told(octets: bytes, words: str) -> None:
    with pytest.raises(PackedProblem, match=words):
        unpack(octets, MOST)


def test_an_encrypted_member_is_told() -> None:
    octets = bytearray(zipped(b"a"))
    octets[6] |= 1
    with pytest.raises(PackedProblem, match="encrypted"):
        unpack(bytes(octets), MOST)


@pytest.mark.parametrize(
    "octets", [zipped(b"abc" * 30), streamed_zip(b"abc" * 30), gzip.compress(b"abc" * 30, mtime=0)]
)
def test_one_octet_changed_anywhere_never_raises_anything_else(octets: bytes) -> None:
    for at in range(len(octets)):
        for value in (0, 0xFF, octets[at] ^ 1):
            spoiled = octets[:at] + bytes([value]) + octets[at + 1 :]
            try:
                assert len(unpack(spoiled, MOST)) <= MOST
            except PackedProblem:
                continue


def test_declared_sizes_are_not_believed() -> None:
    octets = zipped(b"a" * 100)
    lie = octets.replace((100).to_bytes(4, "little"), b"\xff\xff\xff\xff")
    assert unpack(lie, MOST) == b"a" * 100

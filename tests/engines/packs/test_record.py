"""Records: the header is its own inverse, any damage is noticed, blocks stand alone."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.engines.packs.record import (
    BLOCK_OCTETS,
    LEAST_COMPRESSED_OCTETS,
    MOST_OWNERS,
    NO_CHECKSUM,
    BlockPacker,
    RecordDamaged,
    checksum_of,
    decode_header,
    encode_header,
    header_octets,
    length_of_header,
    unpack_block,
)

SIZES = st.integers(0, BLOCK_OCTETS)


@given(
    owners=st.lists(st.integers(0, 2**63 - 1), max_size=5).map(tuple),
    date=st.integers(-(2**62), 2**62),
    sizes=st.lists(SIZES, max_size=4),
    digest=st.binary(min_size=32, max_size=32),
)
def test_header_is_read_back(
    owners: tuple[int, ...], date: int, sizes: list[int], digest: bytes
) -> None:
    octets = max(len(sizes) * BLOCK_OCTETS - 1, 0)
    table = [(size, bytes(16)) for size in sizes]
    data = encode_header(owners, date, octets, digest, table)
    header = decode_header(data + b"more")
    assert (header.owners, header.internal_date, header.octets) == (owners, date, octets)
    assert (header.digest, [block.octets for block in header.blocks]) == (digest, sizes)
    assert header.header_octets == len(data)
    assert header.record_octets == len(data) + sum(sizes)


def test_any_changed_octet_of_a_header_is_noticed() -> None:
    data = encode_header((1, 2), 1_700_000_000, 5, bytes(32), [(5, bytes(16))])
    for at in range(len(data)):
        spoiled = bytearray(data)
        spoiled[at] ^= 0x81
        with pytest.raises(RecordDamaged):
            decode_header(bytes(spoiled))


def test_cut_header_is_noticed() -> None:
    data = encode_header((1,), 0, 5, bytes(32), [(5, bytes(16))])
    for length in range(len(data)):
        with pytest.raises(RecordDamaged):
            decode_header(data[:length])


def test_later_format_is_named() -> None:
    data = bytearray(encode_header((), 0, 0, bytes(32), []))
    data[5] = 9
    with pytest.raises(RecordDamaged, match="format 9"):
        length_of_header(bytes(data))


def test_most_owners() -> None:
    data = encode_header(tuple(range(MOST_OWNERS)), 0, 0, bytes(32), [])
    assert len(decode_header(data).owners) == MOST_OWNERS
    assert len(data) == header_octets(MOST_OWNERS, 0)


def _stored_share(plain: bytes) -> float:
    size, stored = BlockPacker().pack(plain)
    assert len(stored) == size & 0x7FFF_FFFF
    return len(stored) / len(plain)


def test_short_text_is_not_worth_packing() -> None:
    assert _stored_share(b"a" * (LEAST_COMPRESSED_OCTETS - 1)) == 1
    assert _stored_share(b"a" * LEAST_COMPRESSED_OCTETS) < 0.1


@pytest.mark.parametrize("octets", [10_000, 100_000, BLOCK_OCTETS])
def test_only_what_shrinks_is_packed(octets: int) -> None:
    assert _stored_share(os.urandom(octets)) == 1
    assert _stored_share(b"Received: from a by b\r\n" * (octets // 23)) < 0.1


def test_damaged_block_of_several_is_noticed() -> None:
    packer = BlockPacker()
    pieces = [b"first " * 40_000 + b"x" * 22_144, b"second"]
    packed = [packer.pack(piece) for piece in pieces]
    table = [(size, checksum_of(stored)) for size, stored in packed]
    octets = BLOCK_OCTETS + 6
    header = decode_header(encode_header((), 0, octets, bytes(32), table))
    assert unpack_block(header, 0, packed[0][1]) == pieces[0]
    assert unpack_block(header, 1, packed[1][1]) == pieces[1]
    with pytest.raises(RecordDamaged, match="checksum"):
        unpack_block(header, 1, b"Second")
    with pytest.raises(RecordDamaged, match="cut off"):
        unpack_block(header, 1, b"secon")


def test_damaged_single_block_is_noticed_by_its_digest() -> None:
    header = decode_header(encode_header((), 0, 6, bytes(32), [(6, NO_CHECKSUM)]))
    with pytest.raises(RecordDamaged, match="digest"):
        unpack_block(header, 0, b"second")


def test_frame_that_is_none_is_noticed() -> None:
    header = decode_header(encode_header((), 0, 9, bytes(32), [(6 | 0x8000_0000, NO_CHECKSUM)]))
    with pytest.raises(RecordDamaged, match="decompressed"):
        unpack_block(header, 0, b"second")


def test_frame_of_another_length_is_noticed() -> None:
    size, stored = BlockPacker().pack(b"a" * 20_000)
    header = decode_header(encode_header((), 0, 5, bytes(32), [(size, NO_CHECKSUM)]))
    with pytest.raises(RecordDamaged, match="length"):
        unpack_block(header, 0, stored)

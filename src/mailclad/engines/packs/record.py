"""One record of a pack: a header that explains itself, then the message in blocks.

    fixed header | owners | table of blocks | CRC-32 of all that | blocks

Comes in: the octets of a message and who owns it.  Goes out: the record's bytes, and
back.  Every block of 256 KiB stands alone, so a range costs only the blocks it touches.
The header is enough to rebuild the index: owners, internal date, octets, SHA-256 of the
whole.  ``key_id`` is 0: not encrypted.

Trusts nothing it reads: a header or block that does not fit raises ``RecordDamaged``.
A message of one block is checked by its digest.  Of several, each block has a checksum of
its bytes as stored (Poly1305 under a constant key: 5 GB/s, where CRC-32 does 2 and SHA-256
1.5): it guards against decay and torn writes, not against someone who can write to the disk.
"""

import struct
import sys
import zlib
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.poly1305 import Poly1305

if sys.version_info >= (3, 14):
    from compression.zstd import (
        CompressionParameter,
        ZstdCompressor,
        ZstdDecompressor,
        ZstdError,
    )
else:
    from backports.zstd import (
        CompressionParameter,
        ZstdCompressor,
        ZstdDecompressor,
        ZstdError,
    )

MAGIC = b"MCp1"
FORMAT_VERSION = 1
NOT_ENCRYPTED = 0

BLOCK_OCTETS = 256 * 1024
"""A range read decompresses at most this much more than it asked for, at either end."""

LEAST_GAIN = 0.9
"""A block is kept as it is unless it shrinks to less than this share."""

LEAST_COMPRESSED_OCTETS = 8 * 1024
"""Shorter messages are most of the mail but few of its octets: a 4 KiB one would cost 25 µs
to pack and 23 to unpack, a third of storing it, to save 2 KiB."""

SAMPLE_OCTETS = 8 * 1024
"""Of a longer block, this much from its middle is tried first with the fast level.

The fast level finds repetitions only: base64, which would shrink to 76 % by its alphabet
alone, stays as it is, because unpacking it (0.6 GB/s) costs more than sending it by TLS.
"""

_LEVEL = 1
_SAMPLE_LEVEL = -5

_FIXED = struct.Struct(">4sHHIqQQIH32s")
_FIXED_FIELDS = 10
_OWNER = struct.Struct(">Q")
_BLOCK = struct.Struct(">I16s")
_CRC = struct.Struct(">I")
_COMPRESSED = 0x8000_0000
_CHECKSUM_KEY = bytes(range(1, 33))
NO_CHECKSUM = bytes(16)

FIXED_OCTETS = _FIXED.size
MOST_OWNERS = 0xFFFF
"""The field's width; SMTP allows far fewer recipients in one transaction."""


class RecordDamaged(Exception):
    """The bytes on disk are not what was written; the text says which part."""


class Block(NamedTuple):
    """How one block is stored."""

    octets: int
    compressed: bool
    checksum: bytes


class Header(NamedTuple):
    """What a record says of itself."""

    owners: tuple[int, ...]
    internal_date: int
    octets: int
    digest: bytes
    blocks: tuple[Block, ...]
    key_id: int = NOT_ENCRYPTED

    @property
    def header_octets(self) -> int:
        return header_octets(len(self.owners), len(self.blocks))

    @property
    def record_octets(self) -> int:
        return self.header_octets + sum(block.octets for block in self.blocks)


def block_count(octets: int) -> int:
    return -(-octets // BLOCK_OCTETS)


def header_octets(owners: int, blocks: int) -> int:
    return FIXED_OCTETS + owners * _OWNER.size + blocks * _BLOCK.size + _CRC.size


@lru_cache(maxsize=64)
def _layout(owners: int, blocks: int) -> struct.Struct:
    return struct.Struct(f"{_FIXED.format}{owners}Q{'I16s' * blocks}")


def encode_header(
    owners: tuple[int, ...],
    internal_date: int,
    octets: int,
    digest: bytes,
    table: Sequence[tuple[int, bytes]],
) -> bytes:
    """``table`` has for each block its size field and its checksum."""
    plain = _layout(len(owners), len(table)).pack(
        MAGIC,
        FORMAT_VERSION,
        NOT_ENCRYPTED,
        header_octets(len(owners), len(table)),
        internal_date,
        octets,
        sum([size & ~_COMPRESSED for size, _ in table]),
        len(table),
        len(owners),
        digest,
        *owners,
        *chain.from_iterable(table),
    )
    return plain + _CRC.pack(zlib.crc32(plain))


def length_of_header(start: bytes) -> int:
    """How many octets the whole header has, read from its fixed part."""
    return int(_fixed_part(start)[3])


def _fixed_part(start: bytes) -> tuple[Any, ...]:
    """The fields of ``_FIXED``, which fit each other."""
    if len(start) < FIXED_OCTETS or start[:4] != MAGIC:
        raise RecordDamaged("no record begins here")
    fields = _FIXED.unpack_from(start)
    _, version, _, length, _, octets, _, blocks, owners, _ = fields
    if version != FORMAT_VERSION:
        raise RecordDamaged(f"the record has format {version}, known is {FORMAT_VERSION}")
    if length != header_octets(owners, blocks) or blocks != block_count(octets):
        raise RecordDamaged("the header contradicts itself")
    return fields


def decode_header(data: bytes) -> Header:
    """The inverse of ``encode_header``; more may follow in ``data``."""
    _, _, key_id, length, internal_date, octets, _, blocks, owners, digest = _fixed_part(data)
    if len(data) < length:
        raise RecordDamaged("the header is cut off")
    end = length - _CRC.size
    if zlib.crc32(data[:end]) != _CRC.unpack_from(data, end)[0]:
        raise RecordDamaged("the header does not fit its checksum")
    behind = _layout(owners, blocks).unpack_from(data)[_FIXED_FIELDS:]
    table = [
        Block(size & ~_COMPRESSED, bool(size & _COMPRESSED), checksum)
        for size, checksum in zip(behind[owners::2], behind[owners + 1 :: 2], strict=True)
    ]
    return Header(behind[:owners], internal_date, octets, digest, tuple(table), key_id)


def as_it_is(plain: bytes) -> tuple[int, bytes]:
    """What ``BlockPacker.pack`` returns for a block that is not compressed."""
    return len(plain), plain


class BlockPacker:
    """Compresses blocks where that is worth it; used by one thread at a time."""

    __slots__ = ("_compressor", "_sampler")

    def __init__(self) -> None:
        self._compressor = _compressor(_LEVEL)
        self._sampler = _compressor(_SAMPLE_LEVEL)

    def pack(self, plain: bytes) -> tuple[int, bytes]:
        """The size field of the table, and the bytes to store."""
        stored = plain
        if self._looks_worth_it(plain):
            packed = self._compressor.compress(plain, ZstdCompressor.FLUSH_FRAME)
            if len(packed) < len(plain) * LEAST_GAIN:
                stored = packed
        return (len(stored) | (0 if stored is plain else _COMPRESSED)), stored

    def _looks_worth_it(self, plain: bytes) -> bool:
        if len(plain) <= SAMPLE_OCTETS:
            return len(plain) >= LEAST_COMPRESSED_OCTETS
        middle = (len(plain) - SAMPLE_OCTETS) // 2
        sample = plain[middle : middle + SAMPLE_OCTETS]
        packed = self._sampler.compress(sample, ZstdCompressor.FLUSH_FRAME)
        return len(packed) < SAMPLE_OCTETS * LEAST_GAIN


def _compressor(level: int) -> ZstdCompressor:
    # No checksum in the frame: the block's own covers it.
    return ZstdCompressor(options={CompressionParameter.compression_level: level})


def checksum_of(stored: bytes) -> bytes:
    return Poly1305.generate_tag(_CHECKSUM_KEY, stored)


def unpack_block(header: Header, number: int, stored: bytes) -> bytes:
    """The plain octets of block ``number``, checked."""
    block = header.blocks[number]
    alone = len(header.blocks) == 1
    if len(stored) != block.octets:
        raise RecordDamaged("a block is cut off")
    if not alone and checksum_of(stored) != block.checksum:
        raise RecordDamaged("a block does not fit its checksum")
    octets = min(BLOCK_OCTETS, header.octets - number * BLOCK_OCTETS)
    plain = _decompressed(stored, octets) if block.compressed else stored
    if len(plain) != octets:
        raise RecordDamaged("a block has another length than its record says")
    if alone and sha256(plain).digest() != header.digest:
        raise RecordDamaged("the octets do not fit the digest")
    return plain


def _decompressed(stored: bytes, octets: int) -> bytes:
    try:
        return ZstdDecompressor().decompress(stored, max_length=octets + 1)
    except ZstdError as error:
        raise RecordDamaged(f"a block cannot be decompressed: {error}") from error

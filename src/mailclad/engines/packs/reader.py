"""Reading packs: bodies by range, records in order.

Comes in: a place that the index named.  Goes out: octets that fit their checksums, or
``BodyDamaged`` with pack and offset.  Safe for any number of threads; a body keeps its
file open, so a pack that compaction removed stays readable to those who read in it.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import structlog

from mailclad.engines.packs.record import (
    BLOCK_OCTETS,
    FIXED_OCTETS,
    Header,
    RecordDamaged,
    decode_header,
    length_of_header,
    unpack_block,
)
from mailclad.engines.packs.writer import pack_path
from mailclad.store.errors import BodyDamaged
from mailclad.store.interface import Body

_log = structlog.get_logger()

OPEN_PACKS = 64
"""Descriptors kept open for packs that were read lately."""

WHOLE_OCTETS = BLOCK_OCTETS + 4 * 1024
"""A record up to this long is read in one call: its digest takes all of it in any case."""

FIRST_READ_OCTETS = 4 * 1024
"""Of a longer one, read at first: the header, of a message up to some 50 MB."""


class PackFile:
    """An open pack; its descriptor is closed with the last reference."""

    __slots__ = ("fd", "number")

    def __init__(self, directory: Path, number: int) -> None:
        self.number = number
        self.fd = -1
        self.fd = os.open(pack_path(directory, number), os.O_RDONLY | os.O_NOFOLLOW)

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


class PackBody(Body):
    """One message in a pack."""

    __slots__ = ("_cached", "_cached_number", "_file", "_header", "_offset", "_starts")

    def __init__(self, file: PackFile, offset: int, stored: int) -> None:
        self._file: PackFile | None = file
        self._offset = offset
        self._cached_number = -1
        self._cached = b""
        first = stored if stored <= WHOLE_OCTETS else FIRST_READ_OCTETS
        start = os.pread(file.fd, first, offset)
        try:
            header = self._header = _read_header(file.fd, offset, start)
        except RecordDamaged as problem:
            raise self._damaged(file, problem) from problem
        behind, blocks = header.header_octets, header.blocks
        self._starts = [offset + behind]
        for block in blocks[:-1]:
            self._starts.append(self._starts[-1] + block.octets)
        if len(start) >= stored and len(blocks) == 1:
            self._keep(0, start[behind : behind + blocks[0].octets])

    @property
    def octets(self) -> int:
        return self._header.octets

    @property
    def header(self) -> Header:
        return self._header

    def read(self, start: int, octets: int) -> bytes:
        end = min(start + octets, self._header.octets)
        if start >= end:
            return b""
        first, last = start // BLOCK_OCTETS, (end - 1) // BLOCK_OCTETS
        if first == last:
            base = first * BLOCK_OCTETS
            return self._block(first)[start - base : end - base]
        pieces = [self._block(number) for number in range(first, last + 1)]
        pieces[-1] = pieces[-1][: end - last * BLOCK_OCTETS]
        pieces[0] = pieces[0][start - first * BLOCK_OCTETS :]
        return b"".join(pieces)

    def _block(self, number: int) -> bytes:
        # The last block is kept: steps that straddle two blocks cost each only once.
        if number == self._cached_number:
            return self._cached
        if self._file is None:
            raise ValueError("the body is closed")
        stored = os.pread(self._file.fd, self._header.blocks[number].octets, self._starts[number])
        return self._keep(number, stored)

    def _keep(self, number: int, stored: bytes) -> bytes:
        try:
            self._cached = unpack_block(self._header, number, stored)
        except RecordDamaged as problem:
            assert self._file is not None
            raise self._damaged(self._file, problem) from problem
        self._cached_number = number
        return self._cached

    def check(self) -> None:
        """Read all of it and compare its digest; raises BodyDamaged."""
        sha256 = hashlib.sha256()
        for number in range(len(self._header.blocks)):
            sha256.update(self._block(number))
        if sha256.digest() != self._header.digest:
            assert self._file is not None
            raise self._damaged(self._file, RecordDamaged("the octets do not fit the digest"))

    def _damaged(self, file: PackFile, problem: RecordDamaged) -> BodyDamaged:
        where = {"pack": file.number, "offset": self._offset}
        _log.error("a stored message is damaged", **where, what=str(problem))
        return BodyDamaged(f"pack {file.number}, offset {self._offset}: {problem}")

    def close(self) -> None:
        self._file = None
        self._cached = b""
        self._cached_number = -1


def _read_header(fd: int, offset: int, start: bytes) -> Header:
    length = length_of_header(start)
    if len(start) < length:
        start = os.pread(fd, length, offset)
    return decode_header(start)


class PackReader:
    """Opens bodies, keeping the files of packs read lately."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: OrderedDict[int, PackFile] = OrderedDict()
        self._lock = threading.Lock()

    def body(self, pack: int, offset: int, stored: int) -> PackBody:
        """Raises FileNotFoundError when the pack is gone (ask the index again), BodyDamaged."""
        return PackBody(self.file(pack), offset, stored)

    def file(self, pack: int) -> PackFile:
        with self._lock:
            file = self._files.get(pack)
            if file is None:
                self._drop_unlinked()
                file = self._files[pack] = PackFile(self._directory, pack)
                if len(self._files) > OPEN_PACKS:
                    self._files.popitem(last=False)
            else:
                self._files.move_to_end(pack)
        return file

    def _drop_unlinked(self) -> None:
        """Descriptors of packs that compaction removed would keep their disk space."""
        gone = [n for n, file in self._files.items() if os.fstat(file.fd).st_nlink == 0]
        for number in gone:
            del self._files[number]

    def close(self) -> None:
        with self._lock:
            self._files.clear()


def scan(directory: Path, pack: int) -> Iterator[tuple[int, Header]]:
    """Every record that begins in the pack, with its offset; ends at the first torn one.

    From these alone the index can be rebuilt.
    """
    file = PackFile(directory, pack)
    size = os.fstat(file.fd).st_size
    offset = 0
    while offset + FIXED_OCTETS <= size:
        try:
            header = _read_header(file.fd, offset, os.pread(file.fd, FIXED_OCTETS, offset))
        except RecordDamaged:
            return
        if offset + header.record_octets > size:
            return
        yield offset, header
        offset += header.record_octets


def pack_numbers(directory: Path) -> list[int]:
    """The packs that are there, ascending."""
    return sorted(int(path.stem) for path in directory.glob("*.pack") if path.stem.isdigit())

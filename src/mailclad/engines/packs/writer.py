"""The one pack that a process adds to: append-only, locked, sealed when it is long enough.

Comes in: messages.  Goes out: where each lies; true on disk once ``sync`` has returned.
What a crash leaves is at most a tail that no index row names: nobody truncates a pack
that an earlier process wrote, because the pack may be newer than a restored index.
Used by one thread.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

from mailclad.engines.packs.disk import Disk, SystemDisk, lock_alone
from mailclad.engines.packs.record import (
    BLOCK_OCTETS,
    NO_CHECKSUM,
    BlockPacker,
    as_it_is,
    block_count,
    checksum_of,
    encode_header,
    header_octets,
)

SEAL_OCTETS = 128 * 1024 * 1024
"""A pack this long is closed: compaction rewrites at most one such file at a time."""

BUFFER_OCTETS = 1024 * 1024
"""Small records are gathered up to this before they are written: one call for a batch."""


class Sliceable(Protocol):
    """Octets that are read piece by piece: in memory, mapped, or in another pack."""

    def __len__(self) -> int: ...
    def __getitem__(self, place: slice, /) -> bytes: ...


class Place(NamedTuple):
    """Where a record lies: pack number, offset, octets of the whole record; and its digest."""

    pack: int
    offset: int
    stored: int
    digest: bytes


def pack_path(directory: Path, number: int) -> Path:
    return directory / f"{number:012d}.pack"


class PackWriter:
    """Hands out places; holds an exclusive lock on its file while it is open."""

    def __init__(
        self, directory: Path, disk: Disk | None = None, *, compress: bool = False
    ) -> None:
        self._directory = directory
        self._disk = disk or SystemDisk()
        self._pack = BlockPacker().pack if compress else as_it_is
        self._fd = -1
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._durable = 0
        self.number = 0
        self.end = 0

    @property
    def needs_pack(self) -> bool:
        """No pack is open, or the open one is due to be sealed."""
        return self._fd < 0 or self.end >= SEAL_OCTETS

    def start(self, number: int) -> None:
        """Begin a new pack under a number never used before; raises FileExistsError."""
        self.close()
        fd = self._disk.create(pack_path(self._directory, number))
        try:
            lock_alone(fd)
            self._disk.sync_directory(self._directory)
        except OSError:
            os.close(fd)
            raise
        self._begin(fd, number, 0)

    def adopt(self, number: int, octets: int) -> bool:
        """Go on with a pack that an earlier process closed cleanly, if it ends where it should."""
        try:
            fd = os.open(pack_path(self._directory, number), os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        # A pack that compaction unlinked between open and lock has no name left.
        state = os.fstat(fd) if lock_alone(fd) else None
        if state is None or state.st_size != octets or state.st_nlink == 0:
            os.close(fd)
            return False
        self.close()
        self._begin(fd, number, octets)
        return True

    def _begin(self, fd: int, number: int, octets: int) -> None:
        self._fd = fd
        self.number = number
        self.end = self._durable = octets

    def append(self, octets: Sliceable, owners: tuple[int, ...], internal_date: int) -> Place:
        """Add a message; it is not on disk before ``sync``.  What raises adds nothing."""
        start = self.end
        try:
            if len(octets) <= BLOCK_OCTETS:
                digest = self._append_short(octets[:], owners, internal_date)
            else:
                digest = self._append_long(octets, owners, internal_date)
        except BaseException:
            self.end = start  # what was written behind it will be written over
            raise
        return Place(self.number, start, self.end - start, digest)

    def _append_short(self, octets: bytes, owners: tuple[int, ...], internal_date: int) -> bytes:
        digest = sha256(octets).digest()
        size, stored = self._pack(octets)
        table = ((size, NO_CHECKSUM),) if octets else ()
        self._put(encode_header(owners, internal_date, len(octets), digest, table) + stored)
        return digest

    def _append_long(
        self, octets: Sliceable, owners: tuple[int, ...], internal_date: int
    ) -> bytes:
        # Block by block, so that a message of any size costs the memory of one; the
        # header goes in front last, when it is known.
        self._flush()
        start = self.end
        whole = sha256()
        table = []
        self.end += header_octets(len(owners), block_count(len(octets)))
        for at in range(0, len(octets), BLOCK_OCTETS):
            plain = octets[at : at + BLOCK_OCTETS]
            whole.update(plain)
            size, stored = self._pack(plain)
            table.append((size, checksum_of(stored)))
            self._disk.write(self._fd, stored, self.end)
            self.end += len(stored)
        digest = whole.digest()
        header = encode_header(owners, internal_date, len(octets), digest, table)
        self._disk.write(self._fd, header, start)
        return digest

    def _put(self, data: bytes) -> None:
        self._buffer.append(data)
        self._buffered += len(data)
        self.end += len(data)
        if self._buffered >= BUFFER_OCTETS:
            self._flush()

    def _flush(self) -> None:
        if self._buffered:
            data = b"".join(self._buffer)
            self._disk.write(self._fd, data, self.end - self._buffered)
            self._buffer.clear()
            self._buffered = 0

    def sync(self) -> None:
        """Make everything appended so far survive a power cut."""
        if self.end == self._durable:
            return
        self._flush()
        self._disk.sync(self._fd)
        self._durable = self.end

    def undo(self) -> None:
        """Forget what was appended since the last ``sync``, after an error.

        After a failed sync the kernel may have dropped pages: the pack is given up.
        """
        if self._fd < 0:
            return
        self._buffer.clear()
        self._buffered = 0
        try:
            self._disk.truncate(self._fd, self._durable)
            self._disk.sync(self._fd)
            self.end = self._durable
        except OSError:
            self.close()

    def close(self) -> None:
        """Let go of the pack; what was not synced is lost."""
        self._buffer.clear()
        self._buffered = 0
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

"""A message while it arrives: memory to 256 KiB, to 2 MiB while there is room, then a file.

Comes in: pieces of any size, in order.  Goes out: all of it in one piece, as bytes or
as a mapped file.  The file is unlinked from the start (``O_TMPFILE`` where the file
system has it), so a crash leaves nothing behind; nothing in a spool is durable.
Trusts its caller to limit how much is written.
"""

import mmap
import tempfile
from functools import partial
from pathlib import Path
from typing import IO

from mailclad.base.octets import NewSpool, Octets, Spool

MEMORY_OCTETS = 256 * 1024
"""Nineteen of twenty messages are smaller; 1,000 connections hold at most 256 MiB."""

ROOMY_OCTETS = 2 * 1024 * 1024
"""A file costs a tenth of storing 1 MiB, in system calls and page faults."""

ROOM_SPOOLS = 16
"""So many of a process's spools may be that large at a time, 32 MiB; the next get files."""


class Room:
    """What the spools of a process share: places in memory for large messages."""

    __slots__ = ("_free",)

    def __init__(self, spools: int = ROOM_SPOOLS) -> None:
        self._free = spools

    def take(self) -> bool:
        if not self._free:
            return False
        self._free -= 1
        return True

    def give(self) -> None:
        self._free += 1


_NO_ROOM = Room(0)


class FileSpool(Spool):
    """Lets go of memory and file when the last user of its view does, ``close`` or not."""

    __slots__ = ("_directory", "_file", "_limit", "_octets", "_pieces", "_room", "_view")

    def __init__(self, directory: Path, room: Room = _NO_ROOM) -> None:
        self._directory = directory
        self._room = room
        self._limit = MEMORY_OCTETS
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._view: Octets | None = None
        self._octets = 0

    @property
    def octets(self) -> int:
        return self._octets

    def write(self, data: bytes) -> None:
        if self._view is not None:
            raise ValueError("a spool is not written to once it was viewed")
        if self._file is None:
            self._pieces.append(data)
            if self._octets + len(data) > self._limit and not self._fits(len(data)):
                self._move_to_file()
        else:
            _write_all(self._file, data)
        self._octets += len(data)

    def _fits(self, more: int) -> bool:
        """Beyond the usual limit, if there is room; beyond the roomy one never."""
        if self._octets + more > ROOMY_OCTETS:
            return False
        if self._limit == MEMORY_OCTETS and self._room.take():
            self._limit = ROOMY_OCTETS
        return self._limit == ROOMY_OCTETS

    def _leave_room(self) -> None:
        if self._limit == ROOMY_OCTETS:
            self._limit = MEMORY_OCTETS
            self._room.give()

    def _move_to_file(self) -> None:
        self._file = _new_file(self._directory)
        pieces, self._pieces = self._pieces, []
        _write_all(self._file, b"".join(pieces))
        self._leave_room()

    def view(self) -> Octets:
        if self._view is None:
            if self._file is None:
                self._view = b"".join(self._pieces)
                self._pieces = []
            else:
                self._view = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._view

    def prepend(self, data: bytes) -> None:
        view, self._view = self._view, None
        if self._file is None:
            self._pieces = [data, *self._pieces] if view is None else [data, view[:]]
        else:
            with self._file as file:
                file.seek(0)
                self._file = None
                self._file = _new_file(self._directory)
                _write_all(self._file, data)
                while piece := file.read(MEMORY_OCTETS):
                    _write_all(self._file, piece)
        self._octets += len(data)

    def close(self) -> None:
        # The mapping is not closed here: the store may still be reading it in its own
        # thread after the connection was lost.  It goes with the last reference.
        self._view = b""
        self._pieces = []
        self._octets = 0
        self._leave_room()
        if self._file is not None:
            self._file.close()
            self._file = None


def _new_file(directory: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=directory, buffering=0)


def _write_all(file: IO[bytes], data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def file_spools(directory: Path) -> NewSpool:
    """Makes empty spools whose files lie in ``directory``."""
    return partial(FileSpool, directory, Room())

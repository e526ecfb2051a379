"""A message while it arrives: memory to 256 KiB, then a file without a name.

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


class FileSpool(Spool):
    """Lets go of memory and file when the last user of its view does, ``close`` or not."""

    __slots__ = ("_directory", "_file", "_octets", "_pieces", "_view")

    def __init__(self, directory: Path) -> None:
        self._directory = directory
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
            if self._octets + len(data) > MEMORY_OCTETS:
                self._move_to_file()
        else:
            _write_all(self._file, data)
        self._octets += len(data)

    def _move_to_file(self) -> None:
        self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115 - closed in close()
        pieces, self._pieces = self._pieces, []
        _write_all(self._file, b"".join(pieces))

    def view(self) -> Octets:
        if self._view is None:
            if self._file is None:
                self._view = b"".join(self._pieces)
                self._pieces = []
            else:
                self._view = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._view

    def close(self) -> None:
        # The mapping is not closed here: the store may still be reading it in its own
        # thread after the connection was lost.  It goes with the last reference.
        self._view = b""
        self._pieces = []
        self._octets = 0
        if self._file is not None:
            self._file.close()
            self._file = None


def _write_all(file: IO[bytes], data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def file_spools(directory: Path) -> NewSpool:
    """Makes empty spools whose files lie in ``directory``."""
    return partial(FileSpool, directory)

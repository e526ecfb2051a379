"""The few system calls that packs are written with, in one place so that tests can fail them."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Raises OSError as the system does; a short write is never reported as success."""

    def create(self, path: Path) -> int: ...
    def write(self, fd: int, data: bytes, offset: int) -> None: ...
    def sync(self, fd: int) -> None: ...
    def sync_directory(self, directory: Path) -> None: ...
    def truncate(self, fd: int, octets: int) -> None: ...


class SystemDisk(Disk):
    """The real one."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        left = memoryview(data)
        while left:
            written = os.pwrite(fd, left, offset)
            if written == 0:
                raise OSError(errno.EIO, "the disk took nothing of a write")
            left = left[written:]
            offset += written

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def sync_directory(self, directory: Path) -> None:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, octets: int) -> None:
        os.ftruncate(fd, octets)


def lock_alone(fd: int) -> bool:
    """Take the file for this process alone, without waiting; it ends with the descriptor."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

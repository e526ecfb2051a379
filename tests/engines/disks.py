"""Disks that fail, for packs."""

import errno
from pathlib import Path

from mailclad.engines.packs.disk import SystemDisk


class FullDisk(SystemDisk):
    """Takes ``room`` octets, then none."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: bytes, offset: int) -> None:
        if len(data) > self.room:
            super().write(fd, data[: self.room], offset)
            raise OSError(errno.ENOSPC, "no room")
        self.room -= len(data)
        super().write(fd, data, offset)


class BrokenDisk(SystemDisk):
    """Cannot sync."""

    def sync(self, fd: int) -> None:
        raise OSError(errno.EIO, f"broken descriptor {fd}")


class FailingDisk(SystemDisk):
    """Fails at its ``step``-th call of any kind, once; a write is torn in the middle."""

    def __init__(self) -> None:
        self.step = 0
        self.calls = 0

    def fail_at(self, step: int) -> None:
        self.step, self.calls = step, 0

    def _due(self) -> bool:
        self.calls += 1
        return self.calls == self.step

    def create(self, path: Path) -> int:
        if self._due():
            raise OSError(errno.EIO, "cannot create")
        return super().create(path)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        if self._due():
            super().write(fd, data[: len(data) // 2], offset)
            raise OSError(errno.ENOSPC, "no room")
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        if self._due():
            raise OSError(errno.EIO, "cannot sync")
        super().sync(fd)

    def sync_directory(self, directory: Path) -> None:
        if self._due():
            raise OSError(errno.EIO, "cannot sync the directory")
        super().sync_directory(directory)

    def truncate(self, fd: int, octets: int) -> None:
        if self._due():
            raise OSError(errno.EIO, "cannot truncate")
        super().truncate(fd, octets)

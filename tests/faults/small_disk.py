"""Disks that can be filled to the last octet: a tmpfs, an ext4 in a file, or a limit on files."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

DISK_OCTETS = 64 << 20


class SmallDisk:
    """A mounted file system of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler"

    def fill(self, leave: int = 0) -> None:
        """Leave so many octets."""
        with self._filler.open("ab") as filler:
            for piece in (1 << 20, 1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while self._free() >= leave + piece:
                        # Truly taken: of what is only written, ext4 promises more than it has.
                        end = os.lseek(filler.fileno(), 0, os.SEEK_END)
                        os.posix_fallocate(filler.fileno(), end, piece)

    def _free(self) -> int:
        state = os.statvfs(self.place)
        return state.f_bavail * state.f_frsize

    def make_room(self) -> None:
        self._filler.unlink()


class FileLimit(SmallDisk):
    """Where nothing can be mounted: no file of these processes may grow beyond a size."""

    def __init__(self, place: Path, processes: Callable[[], list[int]]) -> None:
        super().__init__(place)
        self._processes = processes

    def fill(self, leave: int = 0) -> None:
        largest = max(file.stat().st_size for file in self.place.rglob("*.pack"))
        self._limit(largest + leave)

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, octets: int) -> None:
        for pid in self._processes():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


def _mount(kind: str, folder: Path) -> None:
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_OCTETS}", "none"]
    else:
        image = folder.with_suffix(".image")
        with image.open("wb") as file:
            file.truncate(DISK_OCTETS)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", image], check=True)
        command = ["mount", "-o", "loop", str(image)]
    subprocess.run([*command, folder], check=True, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def small_disk(kind: str, folder: Path, processes: Callable[[], list[int]]) -> Iterator[SmallDisk]:
    """``kind``: "tmpfs" and "ext4" where this may mount, and "limit", which stands in for them."""
    folder.mkdir()
    mounted = False
    if kind != "limit":
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            _mount(kind, folder)
            mounted = True
    try:
        yield SmallDisk(folder) if mounted else FileLimit(folder, processes)
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)

"""Turns among processes: writers and checkpoints by one flock, maildrops by one each.

A lock ends with its descriptor, so a process that dies never keeps one.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from mailclad.store.errors import ClaimHeld
from mailclad.store.interface import Claim
from mailclad.store.model import AccountId


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


class WriteLock:
    """Queueing in the kernel keeps p99 lower than SQLite's busy handler, which polls."""

    def __init__(self, directory: Path) -> None:
        self._fd = _open(directory / "locks" / "write.lock")

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        self.take()
        try:
            yield
        finally:
            self.give()

    def take(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def is_free(self) -> bool:
        """Whether nobody has a turn at this moment."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.give()
        return True

    def give(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._fd)


class MaildropClaim(Claim):
    """Sole use of one account's maildrop."""

    __slots__ = ("_fd",)

    def __init__(self, directory: Path, account: AccountId) -> None:
        self._fd = -1
        fd = _open(directory / "locks" / f"maildrop-{account}")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            os.close(fd)
            raise ClaimHeld("another session has this maildrop open") from busy
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.release()

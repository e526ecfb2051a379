"""What the writers of exported mail share: who writes where, and for whose eyes.

Files are made new, never through a link, readable by the owner alone.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

_UNSAFE = re.compile(r'^\.|[\x00-\x1f\x7f/\\:*?"<>|%]|[. ]$')


class Writer(Protocol):
    """Writes the messages of one mailbox."""

    def has(self, uid: int, octets: int, date: int) -> bool:
        """Whether an earlier export wrote it already."""
        ...

    def write(
        self, uid: int, pieces: Iterator[bytes], octets: int, flags: int, date: int
    ) -> None: ...

    def close(self, whole: bool) -> None:
        """Let go of files; ``whole``: nothing is missing, and the mailbox may appear."""
        ...


def safe_level(level: str) -> str:
    """A level of a mailbox name as a file name; ``urllib.parse.unquote`` is the inverse."""
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", level)


def new_file(path: Path) -> BinaryIO:
    """What a broken export left there goes."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")

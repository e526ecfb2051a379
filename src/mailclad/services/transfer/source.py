"""Reading files that somebody else may have laid out (SECURITY T-ST1).

A source can be a stranger's: a folder in which ``cur/1`` is a link to a secret, a pipe that
never ends, or ten levels of links in a circle.  So below the source, which the caller names
and may reach by a link, every step is taken from an open folder, never follows a link, never
waits on a pipe, and reads regular files only.  A file with several names is read only if it
belongs to the owner of the source: Dovecot copies messages by hard links, and a stranger's
hard link to another's file is told by its owner.

Line ends: a message whose first line ends with CRLF is taken as it is; where the first line
ends with LF, or no line ends but with CR, all line ends become CRLF, as IMAP requires.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from mailclad.mail.date import parse_date
from mailclad.mail.headers import find_body, first_values, split_fields
from mailclad.services.transfer.model import MAX_MESSAGE_OCTETS, TransferRefused

MAX_FOLDER_DEPTH = 20
"""Folders inside each other; the store keeps no deeper mailboxes either."""

MAX_FOLDERS = 10_000
"""Of a source; the store keeps fewer mailboxes for one account."""

_HEADER_OCTETS = 64 * 1024
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LAST_DATE = 253_402_300_799  # the year 9999 ends


class NotTaken(Exception):
    """A file that is left out; says why."""


class Folder:
    """An open folder; what is in it is reached from here alone."""

    __slots__ = ("_file", "_owner")

    def __init__(self, file: int, owner: int) -> None:
        self._file = file
        self._owner = owner

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """The source itself, which may be a link."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as problem:
            raise TransferRefused(f"{path} cannot be opened: {problem.strerror}") from problem
        return cls(file, os.fstat(file).st_uid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def files(self) -> list[str]:
        """Names of what is no folder, in order; those that begin with a dot are left out."""
        with os.scandir(self._file) as entries:
            return sorted(
                entry.name
                for entry in entries
                if not entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            )

    def folders(self) -> list[str]:
        with os.scandir(self._file) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))

    def folder(self, name: str) -> "Folder":
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return Folder(os.open(name, flags, dir_fd=self._file), self._owner)
        except OSError as problem:
            raise TransferRefused(f"{name} cannot be opened: {problem.strerror}") from problem

    def stream(self, name: str) -> BinaryIO:
        """An open regular file; raises NotTaken."""
        try:
            file = os.open(name, _OPEN, dir_fd=self._file)
        except OSError as problem:
            raise NotTaken(
                "it is a link" if problem.errno == errno.ELOOP else str(problem.strerror)
            ) from problem
        facts = os.fstat(file)
        cause = ""
        if not stat.S_ISREG(facts.st_mode):
            cause = "it is not a regular file"
        elif facts.st_nlink > 1 and facts.st_uid != self._owner:
            cause = "it has several names and belongs to somebody else"
        if cause:
            os.close(file)
            raise NotTaken(cause)
        return os.fdopen(file, "rb")

    def read(self, name: str) -> tuple[bytes, int]:
        """A message with CRLF line ends, and when its file was changed; raises NotTaken."""
        with self.stream(name) as file:
            try:
                octets = file.read(MAX_MESSAGE_OCTETS + 1)
            except OSError as problem:
                raise NotTaken(f"it cannot be read: {problem.strerror}") from problem
            changed = int(os.fstat(file.fileno()).st_mtime)
        if len(octets) > MAX_MESSAGE_OCTETS:
            raise NotTaken(f"it is larger than {MAX_MESSAGE_OCTETS >> 20} MiB")
        return with_crlf(octets), changed


def walk(root: Folder, limit: int = MAX_FOLDERS) -> Iterator[tuple[tuple[str, ...], Folder]]:
    """Every folder with its path below the root, the root first; each is closed behind."""
    count = 0
    waiting: list[tuple[str, ...]] = [()]
    while waiting and count < limit:
        path = waiting.pop()
        count += 1
        with reached(root, path) as folder:
            yield path, folder
            if len(path) < MAX_FOLDER_DEPTH:
                waiting += [(*path, name) for name in reversed(folder.folders())]


def reached(root: Folder, path: tuple[str, ...]) -> Folder:
    """The folder at this path below the root, step by step."""
    folder = root.folder(".")
    for name in path:
        with folder as above:
            folder = above.folder(name)
    return folder


def with_crlf(octets: bytes) -> bytes:
    """A message in the line ends that the store keeps."""
    first = octets.find(b"\n")
    if first < 0:
        return octets.replace(b"\r", b"\r\n")
    if octets[first - 1 : first] == b"\r":
        return octets
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def arrival(octets: bytes, otherwise: int) -> int:
    """When a message came: by its topmost Received field, its Date, or ``otherwise``."""
    header = octets[: min(find_body(octets), _HEADER_OCTETS)]
    values = first_values(split_fields(header))
    received = values.get(b"received", b"").rpartition(b";")[2]
    date = parse_date(received) if received else None
    if date is None:
        date = parse_date(values.get(b"date", b""))
    return min(max(otherwise if date is None else date, 0), _LAST_DATE)

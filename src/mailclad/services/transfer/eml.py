"""Folders of single messages (``.eml``), as programs save and drag them.

A folder is a mailbox, a folder in it a mailbox below it; files that end in ``.eml`` are messages,
and a source may be one such file.  The time of arrival is that of the topmost Received field,
else of the Date, else of the file.  Flags are not kept.  Lines end as ``source.with_crlf`` tells.

On export the octets are written as they are stored, one file a message, named by UIDVALIDITY and
UID, so that a second export knows it again.  In folder names what file systems mind is written
``%XX``, and read back on import.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from mailclad.services.transfer.model import Found, Item, TransferRefused, Trouble
from mailclad.services.transfer.source import Folder, NotTaken, arrival, reached, walk
from mailclad.services.transfer.writing import new_file, safe_level

SUFFIX = ".eml"


def found_in_eml(source: Path) -> Iterator[Found]:
    """A folder with its folders, or one file."""
    if not source.is_dir():
        if not source.exists():
            raise TransferRefused(f"{source} does not exist")
        real = source.resolve()
        yield Found("", 1, _Reading(real.parent, (), (real.name,)))
        return
    with Folder.open(source) as root:
        for path, folder in walk(root):
            names = _messages(folder)
            if names:
                yield Found("/".join(map(unquote, path)), len(names), _Reading(source, path, ()))


def _messages(folder: Folder) -> list[str]:
    return [name for name in folder.files() if name.lower().endswith(SUFFIX)]


class _Reading:
    """Reads one folder when it is called."""

    def __init__(self, source: Path, path: tuple[str, ...], names: tuple[str, ...]) -> None:
        self.source = source
        self.path = path
        self.names = names

    def __call__(self) -> Iterator[Item | Trouble]:
        with Folder.open(self.source) as root, reached(root, self.path) as folder:
            for done, name in enumerate(self.names or _messages(folder), 1):
                place = "/".join((*self.path, name))
                try:
                    octets, changed = folder.read(name)
                except NotTaken as problem:
                    yield Trouble(place, str(problem))
                else:
                    yield Item(place, octets, 0, (), arrival(octets, changed), done)


# --- export -----------------------------------------------------------------------


class EmlWriter:
    """Writes one mailbox."""

    def __init__(
        self, target: Path, mailbox: str, uid_validity: int, keywords: Sequence[str]
    ) -> None:
        del keywords
        self._folder = target.joinpath(*[safe_level(level) for level in mailbox.split("/")])
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._uid_validity = uid_validity

    def _path(self, uid: int) -> Path:
        return self._folder / f"{self._uid_validity}-{uid:010}{SUFFIX}"

    def has(self, uid: int, octets: int, date: int) -> bool:
        path = self._path(uid)
        return path.is_file() and path.stat().st_size == octets

    def write(self, uid: int, pieces: Iterator[bytes], octets: int, flags: int, date: int) -> None:
        path = self._path(uid)
        passing = path.with_suffix(".part")
        with new_file(passing) as file:
            for piece in pieces:
                file.write(piece)
        os.utime(passing, (date, date))
        passing.rename(path)

    def close(self, whole: bool) -> None:
        """Every file is whole already."""

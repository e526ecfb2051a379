"""mbox: many messages in one file, apart by lines that begin with ``From `` (RFC 4155).

A separator is a line like ``From ada@example.org Mon Jan  1 12:00:00 2024`` at the beginning of
the file or behind an empty line; a sentence that begins with From lacks the time and is none.
``>From `` in a message loses one ``>`` (mboxrd, and mboxo reads the same).  Content-Length is
not believed.  The time of arrival is the separator's; flags are read from Status and X-Status,
which stay in the message.  Lines end as ``source.with_crlf`` tells.

A source that is a folder holds one mailbox a file, a folder ``Name.sbd`` or ``Name`` what lies
below ``Name``, as with Thunderbird; files that do not begin with a separator are left out.

On export: mboxrd with LF.  Import gives the very same message if all its lines end with CRLF,
which is true of all that came by SMTP; else bare LF become CRLF, and a missing last line end
is added.  Flags are not kept: a message is not changed to hold them; use Maildir for that.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from mailclad.mail.date import format_date, parse_date
from mailclad.mail.headers import find_body, first_values, split_fields
from mailclad.services.transfer.model import (
    MAX_MESSAGE_OCTETS,
    Found,
    Item,
    TransferRefused,
    Trouble,
)
from mailclad.services.transfer.source import Folder, NotTaken, arrival, reached, walk, with_crlf
from mailclad.services.transfer.writing import new_file, safe_level
from mailclad.store.model import Flag

MAX_LINE_OCTETS = 1 << 20
"""Read at once; a longer line is read in pieces, no piece of which can be a separator."""

_SEPARATOR = re.compile(rb"From (?:.*\s)?[0-9]{1,2}:[0-9]{2}.*[0-9]{4}")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_TO_QUOTE = re.compile(rb"^(>*From )", re.MULTILINE)
_STATUS = {
    b"R": Flag.SEEN,
    b"A": Flag.ANSWERED,
    b"F": Flag.FLAGGED,
    b"D": Flag.DELETED,
    b"T": Flag.DRAFT,
}
_SUFFIXES = (".mbox", ".mbx", ".sbd")


def found_in_mbox(source: Path) -> Iterator[Found]:
    """One file, or the files of a folder."""
    if not source.is_dir():
        real = source.resolve()
        with Folder.open(real.parent) as folder:
            yield Found("", _mbox_octets(folder, real.name), _Reading(real.parent, (), real.name))
        return
    with Folder.open(source) as root:
        for path, folder in walk(root):
            for name in folder.files():
                size = _mbox_octets(folder, name)
                if size:
                    mailbox = "/".join([_without_suffix(level) for level in (*path, name)])
                    yield Found(mailbox, size, _Reading(source, path, name))


def _mbox_octets(folder: Folder, name: str) -> int:
    """0 where it is no mbox."""
    try:
        with folder.stream(name) as file:
            if not _SEPARATOR.match(file.readline(MAX_LINE_OCTETS)):
                return 0
            return os.fstat(file.fileno()).st_size
    except NotTaken:
        return 0


def _without_suffix(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


class _Reading:
    """Reads one file when it is called."""

    def __init__(self, source: Path, path: tuple[str, ...], name: str) -> None:
        self.source = source
        self.path = path
        self.name = name

    def __call__(self) -> Iterator[Item | Trouble]:
        with Folder.open(self.source) as root, reached(root, self.path) as folder:
            try:
                file = folder.stream(self.name)
            except NotTaken as problem:
                yield Trouble(self.name, str(problem))
                return
            with file:
                for number, (separator, lines, done) in enumerate(_split(file), 1):
                    place = f"{self.name}, message {number}"
                    if lines is None:
                        yield Trouble(place, f"it is larger than {MAX_MESSAGE_OCTETS >> 20} MiB")
                    else:
                        yield _item(place, separator, lines, done)


def _split(file: BinaryIO) -> Iterator[tuple[bytes, list[bytes] | None, int]]:
    """Separator, lines (None: too large) and the place behind, of each message."""
    separator = b""
    lines: list[bytes] = []
    octets = place = 0
    begins, empty = True, True
    while line := file.readline(MAX_LINE_OCTETS):
        if begins and empty and line.startswith(b"From ") and _SEPARATOR.match(line):
            if separator:
                yield separator, _ended(lines, octets), place
            separator, lines, octets = line, [], 0
        elif octets <= MAX_MESSAGE_OCTETS:
            lines.append(line)
            octets += len(line)
        place += len(line)
        empty = begins and line in (b"\n", b"\r\n")
        begins = line.endswith(b"\n")
    if separator:
        yield separator, _ended(lines, octets), place


def _ended(lines: list[bytes], octets: int) -> list[bytes] | None:
    """Without the empty line that stands before a separator."""
    if octets > MAX_MESSAGE_OCTETS:
        return None
    return lines[:-1] if lines and lines[-1] in (b"\n", b"\r\n") else lines


def _item(place: str, separator: bytes, lines: list[bytes], done: int) -> Item:
    octets = with_crlf(_QUOTED.sub(rb"\1", b"".join(lines)))
    date = parse_date(separator[5:].partition(b" ")[2].strip())
    values = first_values(split_fields(octets[: find_body(octets)]))
    status = values.get(b"status", b"") + values.get(b"x-status", b"")
    flags = 0
    for letter, flag in _STATUS.items():
        flags |= flag if letter in status else 0
    return Item(
        place, octets, flags, (), arrival(octets, 0) if date is None else max(date, 0), done
    )


# --- export -----------------------------------------------------------------------


def file_for(target: Path, mailbox: str) -> Path:
    """``Projects/Engine`` → ``Projects.sbd/Engine.mbox``."""
    *above, last = [safe_level(level) for level in mailbox.split("/")]
    return target.joinpath(*[f"{level}.sbd" for level in above], f"{last}.mbox")


class MboxWriter:
    """Writes one mailbox; the file appears when it is whole."""

    def __init__(
        self, target: Path, mailbox: str, uid_validity: int, keywords: Sequence[str]
    ) -> None:
        del uid_validity, keywords
        self._path = file_for(target, mailbox)
        if self._path.exists():
            raise TransferRefused(f"{self._path} exists already: choose another target")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._passing = self._path.with_suffix(".part")
        self._file = new_file(self._passing)

    def has(self, uid: int, octets: int, date: int) -> bool:
        return False

    def write(self, uid: int, pieces: Iterator[bytes], octets: int, flags: int, date: int) -> None:
        message = b"".join(pieces).replace(b"\r\n", b"\n")
        day, number, month, year, clock, _zone = format_date(date).replace(b",", b"").split()
        line = b"From mailclad %b %b %2d %b %b\n" % (day, month, int(number), clock, year)
        end = b"\n" if message.endswith(b"\n") else b"\n\n"
        self._file.write(line + _TO_QUOTE.sub(rb">\1", message) + end)

    def close(self, whole: bool) -> None:
        self._file.close()
        if whole:
            self._passing.rename(self._path)

"""Maildir: a file a message, flags in its name, folders beside each other (Maildir++).

    source/cur/1700000000.M1P2.host,S=420:2,FS      read and flagged
    source/new/1700000001.M1P3.host                 new
    source/.Sent/  source/.Projects.Engine/         Sent, Projects/Engine

Folder names are in modified UTF-7 (Dovecot, Courier) or UTF-8; a dot within a name is written
``&AC4-``.  Folders inside each other without dots are read too.  Flags: D draft, F flagged,
R answered, S seen, T deleted, P forwarded; a–z are keywords, named in ``dovecot-keywords``.
The time of arrival is the time of the file, as with Dovecot.  What lies in ``tmp`` is not mail.

On export the octets of a message are written as they are stored, with CRLF, so that import
gives the very same; Dovecot and mutt read both.  A file appears in ``cur`` when it is whole.  Its
name begins with date, UID and UIDVALIDITY, so that a second export knows it again.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mailclad.protocols.imap import utf7
from mailclad.services.transfer.model import Found, Item, Trouble
from mailclad.services.transfer.source import Folder, NotTaken, reached, walk
from mailclad.services.transfer.writing import new_file
from mailclad.store.model import FIRST_KEYWORD_BIT, Flag

FORWARDED = "$Forwarded"
KEYWORDS_FILE = "dovecot-keywords"
MAX_KEYWORDS_OCTETS = 64 * 1024
"""26 lines; Dovecot writes no more either."""

_LETTERS = {
    "D": Flag.DRAFT,
    "F": Flag.FLAGGED,
    "R": Flag.ANSWERED,
    "S": Flag.SEEN,
    "T": Flag.DELETED,
}
_FLAGS = re.compile(r"[:;!]2,([A-Za-z]*)$")
_KEYWORD = re.compile(r"([0-9]+) ([^\s(){%*\"\\\]]+)$")
_DOT = b"&AC4-"
_BOX = ("cur", "new", "tmp")


def found_in_maildir(source: Path) -> Iterator[Found]:
    """The mailboxes of a Maildir and its subfolders."""
    with Folder.open(source) as root:
        for path, folder in walk(root):
            if path and path[-1] in _BOX:
                continue
            names = folder.folders()
            if "cur" not in names and "new" not in names:
                continue
            size = sum(len(_listed(folder, box)) for box in ("cur", "new") if box in names)
            yield Found(_mailbox_name(path), size, _Reading(source, path))


def _listed(folder: Folder, box: str) -> list[str]:
    with folder.folder(box) as inside:
        return inside.files()


def _mailbox_name(path: Sequence[str]) -> str:
    levels: list[str] = []
    for name in path:
        if name.startswith("."):  # Maildir++: .Projects.Engine
            levels += [_level(level) for level in name[1:].split(".")]
        else:
            levels.append(_level(name))
    return "/".join(levels)


def _level(text: str) -> str:
    octets = os.fsencode(text)
    try:
        return ".".join([utf7.decode(piece) for piece in octets.split(_DOT)])
    except utf7.Utf7Problem:
        return octets.decode("utf-8", "replace")


class _Reading:
    """Reads one mailbox when it is called."""

    def __init__(self, source: Path, path: tuple[str, ...]) -> None:
        self.source = source
        self.path = path

    def __call__(self) -> Iterator[Item | Trouble]:
        with Folder.open(self.source) as root, reached(root, self.path) as folder:
            yield from self._messages(folder)

    def _messages(self, folder: Folder) -> Iterator[Item | Trouble]:
        keywords = _keywords(folder)
        done = 0
        for box in ("cur", "new"):
            if box not in folder.folders():
                continue
            with folder.folder(box) as inside:
                for name in sorted(inside.files(), key=_arrived):
                    done += 1
                    place = "/".join((*self.path, box, name))
                    try:
                        octets, changed = inside.read(name)
                    except NotTaken as problem:
                        yield Trouble(place, str(problem))
                        continue
                    flags, words = _flags(name, keywords)
                    yield Item(place, octets, flags, words, max(changed, 0), done)


def _arrived(name: str) -> tuple[int, str]:
    """Names begin with seconds; as text, 999999999 would come behind 1000000000."""
    seconds = name.partition(".")[0]
    return (
        int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 16 else 0,
        name,
    )


def _flags(name: str, keywords: dict[str, str]) -> tuple[int, tuple[str, ...]]:
    match = _FLAGS.search(name)
    letters = match[1] if match else ""
    bits = 0
    words = []
    for letter in letters:
        bits |= _LETTERS.get(letter, 0)
        word = FORWARDED if letter == "P" else keywords.get(letter)
        if word:
            words.append(word)
    return bits, tuple(words)


def _keywords(folder: Folder) -> dict[str, str]:
    """``0 $Label1`` → a."""
    if KEYWORDS_FILE not in folder.files():
        return {}
    try:
        with folder.stream(KEYWORDS_FILE) as file:
            lines = file.read(MAX_KEYWORDS_OCTETS).decode("utf-8", "replace").splitlines()
    except NotTaken:
        return {}
    matches = [match for line in lines if (match := _KEYWORD.match(line)) is not None]
    return {chr(97 + int(match[1])): match[2] for match in matches if int(match[1]) < 26}


# --- export -----------------------------------------------------------------------


def folder_for(target: Path, mailbox: str) -> Path:
    """Where a mailbox lies in a Maildir++; INBOX is the target itself."""
    if mailbox == "INBOX":
        return target
    levels = [
        _DOT.join([utf7.encode(piece) for piece in level.split(".")])
        for level in mailbox.split("/")
    ]
    return target / ("." + b".".join(levels).decode("ascii"))


class MaildirWriter:
    """Writes one mailbox."""

    def __init__(
        self, target: Path, mailbox: str, uid_validity: int, keywords: Sequence[str]
    ) -> None:
        self._folder = folder_for(target, mailbox)
        self._uid_validity = uid_validity
        self._keywords = keywords
        self._letters: dict[str, str] = {}
        for box in _BOX:
            (self._folder / box).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._there = {path.name.partition(":")[0] for path in (self._folder / "cur").iterdir()}

    def has(self, uid: int, octets: int, date: int) -> bool:
        return self._unique(uid, octets, date) in self._there

    def _unique(self, uid: int, octets: int, date: int) -> str:
        return f"{date}.V{self._uid_validity}U{uid}.mailclad,S={octets}"

    def write(self, uid: int, pieces: Iterator[bytes], octets: int, flags: int, date: int) -> None:
        unique = self._unique(uid, octets, date)
        passing = self._folder / "tmp" / unique
        with new_file(passing) as file:
            for piece in pieces:
                file.write(piece)
        os.utime(passing, (date, date))
        passing.rename(self._folder / "cur" / f"{unique}:2,{self._flag_letters(flags)}")

    def _flag_letters(self, flags: int) -> str:
        letters = [letter for letter, bit in _LETTERS.items() if flags & bit]
        for number, word in enumerate(self._keywords):
            if flags >> (FIRST_KEYWORD_BIT + number) & 1:
                letters.append("P" if word == FORWARDED else self._keyword_letter(word))
        return "".join(sorted(letters))

    def _keyword_letter(self, word: str) -> str:
        """The next of 26 letters; a keyword beyond them is not kept."""
        if word not in self._letters and len(self._letters) < 26:
            self._letters[word] = chr(97 + len(self._letters))
        return self._letters.get(word, "")

    def close(self, whole: bool) -> None:
        if whole and self._letters:
            lines = [f"{ord(letter) - 97} {word}\n" for word, letter in self._letters.items()]
            (self._folder / KEYWORDS_FILE).write_text("".join(lines), encoding="utf-8")

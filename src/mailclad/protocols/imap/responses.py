"""The responses a server may send, and their bytes (RFC 9051 §7, RFC 3501 §7).

Every untagged response has ``encode(rev2)``: after ENABLE IMAP4rev2 mailbox names are UTF-8
and RECENT is no more.  Texts for people are ASCII and never repeat what the client sent.
Lists of messages are not here but in ``batch.py``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mailclad.protocols.imap.commands import StatusItem
from mailclad.protocols.imap.sequence_set import Runs, write_runs
from mailclad.protocols.imap.write import write_mailbox, write_nstring, write_string


class Condition(Enum):
    OK = "OK"
    NO = "NO"
    BAD = "BAD"


CAPABILITY_CODE = "CAPABILITY"
"""As the code of a Reply or Notice: the engine puts the list that is true then behind it."""


class Untagged(Protocol):
    def encode(self, rev2: bool) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """The tagged end of a command; the text is for people, the code for clients."""

    condition: Condition
    text: str
    code: str | None = None

    def encode(self, tag: str) -> bytes:
        code = f"[{self.code}] " if self.code else ""
        return f"{tag} {self.condition.value} {code}{self.text}\r\n".encode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class Notice:
    """An untagged OK, NO or BAD, for instance ``* OK [UIDNEXT 8] predicted``."""

    condition: Condition
    text: str
    code: str | None = None

    def encode(self, rev2: bool) -> bytes:
        return Reply(self.condition, self.text, self.code).encode("*")


@dataclass(frozen=True, slots=True)
class Bye:
    text: str
    code: str | None = None

    def encode(self, rev2: bool) -> bytes:
        code = f"[{self.code}] " if self.code else ""
        return f"* BYE {code}{self.text}\r\n".encode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class CapabilityData:
    """The engine fills in the list that is true when this is sent."""

    names: tuple[str, ...] = ()

    def encode(self, rev2: bool) -> bytes:
        return f"* CAPABILITY {' '.join(self.names)}\r\n".encode()


@dataclass(frozen=True, slots=True)
class EnabledData:
    names: tuple[str, ...]

    def encode(self, rev2: bool) -> bytes:
        return " ".join(("* ENABLED", *self.names)).encode() + b"\r\n"


@dataclass(frozen=True, slots=True)
class IdData:
    """RFC 2971 §3.2."""

    fields: tuple[tuple[str, str], ...]

    def encode(self, rev2: bool) -> bytes:
        words = b" ".join(write_nstring(word.encode()) for pair in self.fields for word in pair)
        return b"* ID " + (b"(" + words + b")" if words else b"NIL") + b"\r\n"


@dataclass(frozen=True, slots=True)
class NamespaceData:
    """One personal namespace without a prefix, no others (RFC 9051 §6.3.10)."""

    delimiter: str = "/"

    def encode(self, rev2: bool) -> bytes:
        return f'* NAMESPACE (("" "{self.delimiter}")) NIL NIL\r\n'.encode()


@dataclass(frozen=True, slots=True)
class ListData:
    """LIST, or LSUB with ``lsub``; attributes as they stand, ``\\HasChildren`` and so on.

    ``child_info``: CHILDINFO with these selection options; ``old_name``: OLDNAME
    (RFC 9051 §6.3.9.6 and .7).
    """

    mailbox: str
    attributes: tuple[str, ...] = ()
    delimiter: str | None = "/"
    lsub: bool = False
    child_info: tuple[str, ...] = ()
    old_name: str | None = None

    def encode(self, rev2: bool) -> bytes:
        name = b"LSUB" if self.lsub else b"LIST"
        delimiter = b'"%b"' % self.delimiter.encode() if self.delimiter else b"NIL"
        mailbox = write_mailbox(self.mailbox, rev2)
        extended = self._extended(rev2)
        attributes = " ".join(self.attributes).encode()
        return b"* %b (%b) %b %b%b\r\n" % (name, attributes, delimiter, mailbox, extended)

    def _extended(self, rev2: bool) -> bytes:
        items = []
        if self.child_info:
            options = " ".join(f'"{option}"' for option in self.child_info)
            items.append(f'"CHILDINFO" ({options})'.encode())
        if self.old_name is not None:
            items.append(b'"OLDNAME" (%b)' % write_mailbox(self.old_name, rev2))
        return b" (" + b" ".join(items) + b")" if items else b""


@dataclass(frozen=True, slots=True)
class StatusData:
    mailbox: str
    values: Mapping[StatusItem, int]

    def encode(self, rev2: bool) -> bytes:
        pairs = " ".join(f"{item.value} {value}" for item, value in self.values.items())
        return b"* STATUS %b (%b)\r\n" % (write_mailbox(self.mailbox, rev2), pairs.encode())


@dataclass(frozen=True, slots=True)
class FlagsData:
    """Flags that may be set in this mailbox (RFC 9051 §7.3.5)."""

    flags: tuple[str, ...]

    def encode(self, rev2: bool) -> bytes:
        return f"* FLAGS ({' '.join(self.flags)})\r\n".encode()


@dataclass(frozen=True, slots=True)
class Exists:
    messages: int

    def encode(self, rev2: bool) -> bytes:
        return b"* %d EXISTS\r\n" % self.messages


@dataclass(frozen=True, slots=True)
class Recent:
    """Always 0 here; only IMAP4rev1 clients are told (RFC 9051 appendix A)."""

    def encode(self, rev2: bool) -> bytes:
        return b"" if rev2 else b"* 0 RECENT\r\n"


@dataclass(frozen=True, slots=True)
class ExpungeData:
    """Sequence numbers, each true after those before it (RFC 9051 §7.5.1)."""

    numbers: Sequence[int]

    def encode(self, rev2: bool) -> bytes:
        return b"".join(b"* %d EXPUNGE\r\n" % number for number in self.numbers)


@dataclass(frozen=True, slots=True)
class SearchData:
    """The answer of IMAP4rev1 (RFC 3501 §7.2.5)."""

    numbers: Iterable[int]

    def encode(self, rev2: bool) -> bytes:
        return " ".join(("* SEARCH", *map(str, self.numbers))).encode() + b"\r\n"


@dataclass(frozen=True, slots=True)
class ESearchData:
    """RFC 9051 §7.3.4; what is None was not asked for or, except COUNT, found nothing."""

    tag: str
    by_uid: bool
    least: int | None = None
    largest: int | None = None
    all: Runs | None = None
    count: int | None = None

    def encode(self, rev2: bool) -> bytes:
        words = [b"* ESEARCH (TAG %b)" % write_string(self.tag)]
        if self.by_uid:
            words.append(b"UID")
        if self.least is not None:
            words.append(b"MIN %d" % self.least)
        if self.largest is not None:
            words.append(b"MAX %d" % self.largest)
        if self.all:
            words.append(b"ALL " + write_runs(self.all))
        if self.count is not None:
            words.append(b"COUNT %d" % self.count)
        return b" ".join(words) + b"\r\n"


# --- response codes --------------------------------------------------------------


def uid_next(uid: int) -> str:
    return f"UIDNEXT {uid}"


def uid_validity(value: int) -> str:
    return f"UIDVALIDITY {value}"


def permanent_flags(flags: Iterable[str]) -> str:
    return f"PERMANENTFLAGS ({' '.join(flags)})"


def append_uid(validity: int, uids: Iterable[int]) -> str:
    """RFC 9051 §7.1 "APPENDUID"; several UIDs after MULTIAPPEND (RFC 4315 §3)."""
    return f"APPENDUID {validity} {_in_order(uids)}"


def copy_uid(validity: int, source: Iterable[int], target: Iterable[int]) -> str:
    """Both in the same order, number for number (RFC 9051 §7.1 "COPYUID")."""
    return f"COPYUID {validity} {_in_order(source)} {_in_order(target)}"


def _in_order(uids: Iterable[int]) -> str:
    """Neighbours that ascend by one are written as a run; the order is kept."""
    runs: list[tuple[int, int]] = []
    first = last = -1
    for uid in uids:
        if uid != last + 1 or not runs:
            runs.append((uid, uid))
            first = uid
        else:
            runs[-1] = (first, uid)
        last = uid
    return write_runs(runs).decode()

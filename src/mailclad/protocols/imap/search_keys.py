"""What SEARCH may be asked, as values (RFC 9051 §6.4.4; RFC 3501 for NEW, OLD, RECENT).

Made by ``parse_search.py``; the session turns them into the store's ``Query``.
Texts are decoded, dates are seconds.  \\Recent is never set here, so RECENT and NEW are
``NotKey(AllKey())`` and OLD is ``AllKey()``.
"""

from dataclasses import dataclass
from enum import Enum

from mailclad.protocols.imap.sequence_set import SequenceSet


@dataclass(frozen=True, slots=True)
class AllKey:
    pass


@dataclass(frozen=True, slots=True)
class AndKey:
    keys: tuple["SearchKey", ...]


@dataclass(frozen=True, slots=True)
class OrKey:
    first: "SearchKey"
    second: "SearchKey"


@dataclass(frozen=True, slots=True)
class NotKey:
    key: "SearchKey"


@dataclass(frozen=True, slots=True)
class NumbersKey:
    """Messages by sequence number, or by UID."""

    numbers: SequenceSet
    by_uid: bool


@dataclass(frozen=True, slots=True)
class FlagKey:
    """The flag (``\\Seen``, ``$Forwarded``) is there; UNSEEN is ``NotKey`` of it."""

    flag: str


@dataclass(frozen=True, slots=True)
class SizeKey:
    """More octets than this, or fewer."""

    octets: int
    larger: bool


class DateKind(Enum):
    INTERNAL = "internal"
    SENT = "sent"


class DateTest(Enum):
    BEFORE = "before"
    ON = "on"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class DateKey:
    """``seconds`` is the first second, UTC, of the day that was named."""

    kind: DateKind
    test: DateTest
    seconds: int


class TextPlace(Enum):
    BCC = "bcc"
    CC = "cc"
    FROM = "from"
    SUBJECT = "subject"
    TO = "to"
    BODY = "body"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class TextKey:
    """The text is in that field, in the body, or (TEXT) in header or body."""

    place: TextPlace
    text: str


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """A field of this name (lower case) holds the text; an empty text asks for the field."""

    name: str
    text: str


SearchKey = (
    AllKey
    | AndKey
    | OrKey
    | NotKey
    | NumbersKey
    | FlagKey
    | SizeKey
    | DateKey
    | TextKey
    | HeaderKey
)

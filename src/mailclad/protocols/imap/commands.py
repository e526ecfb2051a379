"""The commands a client may send, as values (RFC 9051 §6, RFC 3501 §6, RFC 2971).

Made by the parsers from a complete frame, carried out by ``sessions.imap``.  Mailbox names
are decoded (modified UTF-7 or UTF-8) and INBOX is in capitals; flags of the system are
spelt as in ``SYSTEM_FLAGS``; message texts are spools, which the engine closes when the
command is answered.
"""

from dataclasses import dataclass, field
from enum import Enum

from mailclad.base.octets import Spool
from mailclad.base.secret import Secret
from mailclad.protocols.imap.search_keys import SearchKey
from mailclad.protocols.imap.sections import BinarySize, Section
from mailclad.protocols.imap.sequence_set import SequenceSet

SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
"""RFC 9051 §2.3.2, in the order of the bits in a stored message's flags."""


@dataclass(frozen=True, slots=True)
class Command:
    tag: str


# --- any state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capability(Command):
    pass


@dataclass(frozen=True, slots=True)
class Noop(Command):
    pass


@dataclass(frozen=True, slots=True)
class Logout(Command):
    pass


@dataclass(frozen=True, slots=True)
class Id(Command):
    """RFC 2971: what the client says of itself; never used for anything but the log."""

    fields: tuple[tuple[str, str | None], ...]


# --- not authenticated -----------------------------------------------------------
# STARTTLS is the engine's own: it becomes the event UpgradeToTls.


@dataclass(frozen=True, slots=True)
class Authenticate(Command):
    """``initial`` is decoded; None: no initial response was sent (RFC 4959)."""

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthenticateResponse(Command):
    """The line after a challenge, decoded; None: the client gave up, or it was not base64.

    Both are answered BAD (RFC 9051 §6.2.2).
    """

    data: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login(Command):
    login: str
    password: Secret


# --- authenticated ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enable(Command):
    """Capability names in capitals; the engine itself switches when it sends the OK."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Select(Command):
    """SELECT, and EXAMINE with ``read_only``."""

    mailbox: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Create(Command):
    """``special_use`` is ``\\Sent`` and so on (RFC 6154 §3), in the standard's spelling.

    A hierarchy delimiter at the name's end is dropped already (RFC 9051 §6.3.4).
    """

    mailbox: str
    special_use: str | None


@dataclass(frozen=True, slots=True)
class Delete(Command):
    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename(Command):
    mailbox: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Subscribe(Command):
    mailbox: str


@dataclass(frozen=True, slots=True)
class Unsubscribe(Command):
    mailbox: str


class ListSelect(Enum):
    """Which mailboxes LIST looks at (RFC 9051 §6.3.9.1, RFC 6154 §5.2)."""

    SUBSCRIBED = "SUBSCRIBED"
    REMOTE = "REMOTE"
    RECURSIVEMATCH = "RECURSIVEMATCH"
    SPECIAL_USE = "SPECIAL-USE"


class ListReturn(Enum):
    """What LIST tells beside the names (RFC 9051 §6.3.9.2); STATUS is ``List.status``."""

    SUBSCRIBED = "SUBSCRIBED"
    CHILDREN = "CHILDREN"
    SPECIAL_USE = "SPECIAL-USE"


class StatusItem(Enum):
    """What STATUS may be asked (RFC 9051 §6.3.11); RECENT is RFC 3501's and always 0."""

    MESSAGES = "MESSAGES"
    UIDNEXT = "UIDNEXT"
    UIDVALIDITY = "UIDVALIDITY"
    UNSEEN = "UNSEEN"
    DELETED = "DELETED"
    SIZE = "SIZE"
    RECENT = "RECENT"


@dataclass(frozen=True, slots=True)
class List(Command):
    """``extended``: options or several patterns were given (RFC 5258 §3).

    An empty pattern outside the extended form asks for the delimiter (RFC 9051 §6.3.9).
    Match with ``mailbox_pattern.MailboxPattern``.
    """

    reference: str
    patterns: tuple[str, ...]
    select: frozenset[ListSelect] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Lsub(Command):
    """RFC 3501 §6.3.9."""

    reference: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Namespace(Command):
    pass


@dataclass(frozen=True, slots=True)
class Status(Command):
    mailbox: str
    items: tuple[StatusItem, ...]


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """``internal_date`` in seconds since 1970 UTC; None: now."""

    message: Spool
    flags: tuple[str, ...]
    internal_date: int | None


@dataclass(frozen=True, slots=True)
class Append(Command):
    """One message, or several at once (RFC 3502): all are stored, or none."""

    mailbox: str
    messages: tuple[AppendMessage, ...]


@dataclass(frozen=True, slots=True)
class Idle(Command):
    """Answer with ``connection.idle(command)``; then comes ``Done`` (RFC 9051 §6.3.13)."""


@dataclass(frozen=True, slots=True)
class Done(Command):
    """IDLE ends; ``tag`` is IDLE's, so that replying to this answers IDLE."""


# --- selected --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check(Command):
    """RFC 3501 §6.4.1; the same as NOOP here."""


@dataclass(frozen=True, slots=True)
class Close(Command):
    pass


@dataclass(frozen=True, slots=True)
class Unselect(Command):
    pass


@dataclass(frozen=True, slots=True)
class Expunge(Command):
    """``uids``: only among these (UID EXPUNGE); None: everywhere."""

    uids: SequenceSet | None


class SearchReturn(Enum):
    """RFC 9051 §6.4.4."""

    MIN = "MIN"
    MAX = "MAX"
    ALL = "ALL"
    COUNT = "COUNT"
    SAVE = "SAVE"


@dataclass(frozen=True, slots=True)
class Search(Command):
    """``returns`` None: answer with ``SearchData`` (RFC 3501); else with ``ESearchData``.

    The parser has seen to RETURN () and to IMAP4rev2, which both mean ALL.
    """

    key: SearchKey
    returns: frozenset[SearchReturn] | None
    by_uid: bool


class Attribute(Enum):
    """What FETCH can tell of a message beside its octets; the value is the name."""

    UID = b"UID"
    FLAGS = b"FLAGS"
    INTERNALDATE = b"INTERNALDATE"
    RFC822_SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODYSTRUCTURE = b"BODYSTRUCTURE"
    BODY = b"BODY"


FetchItem = Attribute | Section | BinarySize


@dataclass(frozen=True, slots=True)
class Fetch(Command):
    """Items in the client's order, each once, macros resolved; UID leads when ``by_uid``."""

    numbers: SequenceSet
    items: tuple[FetchItem, ...]
    by_uid: bool


class StoreAction(Enum):
    ADD = "+"
    REMOVE = "-"
    REPLACE = ""


@dataclass(frozen=True, slots=True)
class Store(Command):
    numbers: SequenceSet
    action: StoreAction
    flags: tuple[str, ...]
    silent: bool
    by_uid: bool


@dataclass(frozen=True, slots=True)
class Copy(Command):
    numbers: SequenceSet
    mailbox: str
    by_uid: bool


@dataclass(frozen=True, slots=True)
class Move(Command):
    numbers: SequenceSet
    mailbox: str
    by_uid: bool

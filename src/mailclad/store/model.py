"""The words of the storage port: accounts, mailboxes, messages, flags, changes, queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NamedTuple, NewType

from mailclad.base.octets import Octets
from mailclad.mail.prepared import Prepared

AccountId = NewType("AccountId", int)
MailboxId = NewType("MailboxId", int)
ContentId = NewType("ContentId", int)
Uid = int
ModSeq = int

UidSet = tuple[tuple[int, int], ...]
"""First and last UID of each run, ascending and apart: ``((1, 3), (7, 7))``."""

ALL_UIDS: UidSet = ((1, 0xFFFF_FFFF),)


def uid_set(uids: Iterable[int]) -> UidSet:
    """The shortest runs that hold exactly these UIDs, which may come in any order."""
    runs: list[tuple[int, int]] = []
    first = last = 0
    for uid in sorted(set(uids)):
        if uid == last + 1 and first:
            last = uid
            continue
        if first:
            runs.append((first, last))
        first = last = uid
    if first:
        runs.append((first, last))
    return tuple(runs)


class Flag:
    """The system flags as bits of a message's ``flags`` (RFC 9051 §2.3.2)."""

    ANSWERED = 1
    FLAGGED = 2
    DELETED = 4
    SEEN = 8
    DRAFT = 16


FIRST_KEYWORD_BIT = 5
KEYWORDS_PER_ACCOUNT = 57
"""Keyword ``n`` of an account is bit ``FIRST_KEYWORD_BIT + n``; 62 bits fit SQL's integer."""


class SpecialUse(StrEnum):
    """RFC 6154 §2: what a mailbox is for."""

    ALL = "\\All"
    ARCHIVE = "\\Archive"
    DRAFTS = "\\Drafts"
    FLAGGED = "\\Flagged"
    JUNK = "\\Junk"
    SENT = "\\Sent"
    TRASH = "\\Trash"


# --- the directory ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns mailboxes; ``address`` is the primary address, ``local@domain``, normalised."""

    id: AccountId
    address: str
    display_name: str
    disabled: bool
    created_at: int


class Scope(StrEnum):
    """What an app password may be used for."""

    ALL = "all"
    RECEIVE = "receive"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """RFC 5802 §3: what a server keeps instead of a password."""

    stored_key: bytes
    server_key: bytes


@dataclass(frozen=True, slots=True)
class AppPassword:
    """``unused_until``: it is worthless from then on unless it is used before; None: it stays."""

    id: int
    name: str
    scope: Scope
    digest: bytes
    scram: ScramKeys
    created_at: int
    unused_until: int | None = None

    def is_worthless(self, now: int) -> bool:
        return self.unused_until is not None and now > self.unused_until


@dataclass(frozen=True, slots=True)
class AppPasswordUse:
    """The last sign-in with an app password; ``address`` is the client's."""

    app_password: int
    used_at: int
    service: str
    tls_version: str
    address: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that can prove who an account is; one salt and count for all its SCRAM keys."""

    account: Account
    salt: bytes
    iterations: int
    password_hash: str | None
    scram: ScramKeys | None
    app_passwords: tuple[AppPassword, ...]


@dataclass(frozen=True, slots=True)
class Alias:
    """``address`` leads to ``targets``, here or elsewhere; ``*@domain`` is the catch-all."""

    address: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where an address leads: accounts here, addresses elsewhere (as an alias names them)."""

    accounts: tuple[AccountId, ...] = ()
    elsewhere: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.accounts or self.elsewhere)


# --- mailboxes and messages ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mailbox:
    id: MailboxId
    name: str
    uid_validity: int
    special_use: SpecialUse | None
    subscribed: bool


@dataclass(frozen=True, slots=True)
class MailboxStat:
    """The counters of a mailbox, kept in the transactions that change them."""

    id: MailboxId
    name: str
    messages: int
    unseen: int
    deleted: int
    octets: int
    uid_next: int
    uid_validity: int
    highest_mod_seq: ModSeq


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be stored: its octets, what was prepared of them, and where it begins."""

    octets: Octets
    prepared: Prepared
    flags: int
    internal_date: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for several mailboxes, stored once (name of the mailbox, normally INBOX)."""

    message: NewMessage
    recipients: tuple[tuple[AccountId, str], ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a message came to lie."""

    mailbox: MailboxId
    uid_validity: int
    uid: Uid


@dataclass(frozen=True, slots=True)
class Copied:
    """COPYUID: source and target UIDs, paired in order."""

    uid_validity: int
    source: tuple[Uid, ...]
    target: tuple[Uid, ...]


class Column(Enum):
    """What ``fetch`` can return of a message; the first six are in the hot row."""

    UID = "uid"
    MOD_SEQ = "mod_seq"
    FLAGS = "flags"
    OCTETS = "octets"
    INTERNAL_DATE = "internal_date"
    CONTENT = "content_id"
    ENVELOPE = "envelope"
    BODY_STRUCTURE = "body_structure"
    BODY = "body"
    FIELDS = "fields"
    PARTS = "parts"
    PREVIEW = "preview"


class FlagChange(Enum):
    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


class FlagsNow(NamedTuple):
    """A message whose flags were changed, or asked for; a tuple, as they come by thousands."""

    uid: Uid
    flags: int
    mod_seq: ModSeq


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a mailbox since a mod-sequence; ``changed`` includes new messages."""

    mod_seq: ModSeq
    uid_next: int
    expunged: UidSet
    changed: tuple[FlagsNow, ...]


# --- queries ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class All:
    pass


@dataclass(frozen=True, slots=True)
class And:
    keys: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Or:
    first: "Query"
    second: "Query"


@dataclass(frozen=True, slots=True)
class Not:
    key: "Query"


@dataclass(frozen=True, slots=True)
class HasUid:
    uids: UidSet


@dataclass(frozen=True, slots=True)
class HasFlags:
    """All bits of ``mask`` are set."""

    mask: int


@dataclass(frozen=True, slots=True)
class Larger:
    octets: int


@dataclass(frozen=True, slots=True)
class Smaller:
    octets: int


class DateOf(Enum):
    """When a message arrived, or the day that its Date field names, whatever the zone."""

    INTERNAL = "internal"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class OnOrAfter:
    """The date, as a day's first second UTC, is reached."""

    which: DateOf
    seconds: int


@dataclass(frozen=True, slots=True)
class Before:
    which: DateOf
    seconds: int


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """mod_seq ≥ this (RFC 7162 MODSEQ)."""

    mod_seq: ModSeq


class TextOf(Enum):
    """Prepared texts that are columns of the content row."""

    SUBJECT = "subject"
    FROM = "from_text"
    TO = "to_text"
    CC = "cc_text"
    BCC = "bcc_text"


@dataclass(frozen=True, slots=True)
class Contains:
    """Text within a prepared field; compared casefolded, NFC."""

    which: TextOf
    text: str


@dataclass(frozen=True, slots=True)
class HeaderContains:
    """Any field of that name holds the text; an empty text asks for the field's presence."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class BodyContains:
    """Decoded text within the parts' bodies; with ``headers``, in the header too (TEXT)."""

    text: str
    headers: bool


Query = (
    All | And | Or | Not | HasUid | HasFlags | Larger | Smaller | OnOrAfter | Before
    | ChangedSince | Contains | HeaderContains | BodyContains
)  # fmt: skip

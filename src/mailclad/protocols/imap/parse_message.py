"""The commands about messages: FETCH, STORE, COPY, MOVE, UID EXPUNGE (RFC 9051 §6.4).

In: a reader behind the command's name; out: command values or ``SyntaxProblem``.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from mailclad.protocols.imap.commands import (
    Attribute,
    Command,
    Copy,
    Expunge,
    Fetch,
    FetchItem,
    Move,
    Store,
    StoreAction,
)
from mailclad.protocols.imap.flags import parse_flags
from mailclad.protocols.imap.grammar import Reader, SyntaxProblem
from mailclad.protocols.imap.parse_section import parse_binary, parse_binary_size, parse_body
from mailclad.protocols.imap.sections import Section, What
from mailclad.protocols.imap.sequence_set import SequenceSet

FETCH_ITEMS = 200
"""Items in one FETCH; each is looked up for each message.  Programs ask for about ten."""

KEPT_OCTETS = 512
"""The items of FETCH are kept, to be parsed once, when they are no longer than this."""

_FAST = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE)
_ALL = (*_FAST, Attribute.ENVELOPE)
_MACROS: Mapping[bytes, tuple[FetchItem, ...]] = {
    b"FAST": _FAST,
    b"ALL": _ALL,
    b"FULL": (*_ALL, Attribute.BODY),
}
_ITEMS: Mapping[bytes, FetchItem] = {
    **{attribute.value: attribute for attribute in Attribute},
    b"RFC822": Section(b"RFC822"),
    b"RFC822.HEADER": Section(b"RFC822.HEADER", what=What.HEADER, peek=True),
    b"RFC822.TEXT": Section(b"RFC822.TEXT", what=What.TEXT),
}
_NAME = re.compile(rb"[A-Za-z0-9.]+")
_WITH_SECTION: Mapping[bytes, Callable[[Reader], FetchItem]] = {
    b"BODY": lambda read: parse_body(read, peek=False),
    b"BODY.PEEK": lambda read: parse_body(read, peek=True),
    b"BINARY": lambda read: parse_binary(read, peek=False),
    b"BINARY.PEEK": lambda read: parse_binary(read, peek=True),
    b"BINARY.SIZE": parse_binary_size,
}


def _fetch(tag: str, read: Reader, *, by_uid: bool) -> Fetch:
    """``FETCH sequence-set (macro | item | (item ...))``."""
    read.space()
    numbers = read.sequence_set()
    read.space()
    text = read.rest()
    if text is None or len(text) > KEPT_OCTETS:
        items = _all_items(read, by_uid=by_uid)
    else:
        items = _known_items(text, by_uid=by_uid)
    return Fetch(tag, numbers, items, by_uid)


@lru_cache(maxsize=128)  # programs ask for the same items again and again
def _known_items(text: bytes, *, by_uid: bool) -> tuple[FetchItem, ...]:
    return _all_items(Reader((text,), 0, rev2=False), by_uid=by_uid)


def _all_items(read: Reader, *, by_uid: bool) -> tuple[FetchItem, ...]:
    """Each once, to the end of the command; IMAP4rev2 has no others."""
    items = _fetch_items(read)
    read.end()
    return tuple(dict.fromkeys([Attribute.UID, *items] if by_uid else items))


def _fetch_items(read: Reader) -> list[FetchItem]:
    if not read.take(b"("):
        name = read.match(_NAME, "an item").group().upper()
        return list(_MACROS[name]) if name in _MACROS else [_fetch_item(read, name)]
    items = [_fetch_item(read, read.match(_NAME, "an item").group().upper())]
    while not read.take(b")"):
        read.space()
        items.append(_fetch_item(read, read.match(_NAME, "an item").group().upper()))
        if len(items) > FETCH_ITEMS:
            raise SyntaxProblem("too many items", code="LIMIT")
    return items


def _fetch_item(read: Reader, name: bytes) -> FetchItem:
    if read.peek() == b"[" and name in _WITH_SECTION:
        return _WITH_SECTION[name](read)
    item = _ITEMS.get(name)
    if item is None:
        raise SyntaxProblem("expected an item of a message")
    return item


_STORE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?", re.IGNORECASE)


def _store(tag: str, read: Reader, *, by_uid: bool) -> Store:
    """``STORE sequence-set [+|-]FLAGS[.SILENT] flags``: RFC 9051 §6.4.6."""
    read.space()
    numbers = read.sequence_set()
    read.space()
    found = read.match(_STORE, "FLAGS")
    read.space()
    flags = parse_flags(read)
    read.end()
    action = StoreAction(found[1].decode("ascii"))
    return Store(tag, numbers, action, flags, found[2] is not None, by_uid)


def _copy(tag: str, read: Reader, *, by_uid: bool) -> Copy:
    return Copy(tag, *_numbers_and_mailbox(read), by_uid)


def _move(tag: str, read: Reader, *, by_uid: bool) -> Move:
    return Move(tag, *_numbers_and_mailbox(read), by_uid)


def _numbers_and_mailbox(read: Reader) -> tuple[SequenceSet, str]:
    read.space()
    numbers = read.sequence_set()
    read.space()
    mailbox = read.mailbox()
    read.end()
    return numbers, mailbox


def parse_uid_expunge(tag: str, read: Reader) -> Expunge:
    read.space()
    uids = read.sequence_set()
    read.end()
    return Expunge(tag, uids)


PARSERS: Mapping[str, Callable[[str, Reader], Command]] = {
    "FETCH": partial(_fetch, by_uid=False),
    "STORE": partial(_store, by_uid=False),
    "COPY": partial(_copy, by_uid=False),
    "MOVE": partial(_move, by_uid=False),
    "UID FETCH": partial(_fetch, by_uid=True),
    "UID STORE": partial(_store, by_uid=True),
    "UID COPY": partial(_copy, by_uid=True),
    "UID MOVE": partial(_move, by_uid=True),
    "UID EXPUNGE": parse_uid_expunge,
}

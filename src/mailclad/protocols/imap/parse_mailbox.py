"""The commands about mailboxes (RFC 9051 §6.3; RFC 5258 LIST, RFC 5819 STATUS in LIST,
RFC 6154 special use, RFC 3501 §6.3.9 LSUB).

In: a reader behind the command's name; out: command values or ``SyntaxProblem``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from mailclad.protocols.imap.commands import (
    Command,
    Create,
    Delete,
    List,
    ListReturn,
    ListSelect,
    Lsub,
    Rename,
    Select,
    Status,
    StatusItem,
    Subscribe,
    Unsubscribe,
)
from mailclad.protocols.imap.grammar import Reader, SyntaxProblem
from mailclad.protocols.imap.responses import Condition

PATTERNS = 32
"""Patterns in one LIST; programs send one to three.  Each is matched with every name."""

_SPECIAL_USES = {
    name.upper(): name
    for name in ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")
}
_E = TypeVar("_E", bound=Enum)


def parse_create(tag: str, read: Reader) -> Create:
    """``CREATE mailbox [(USE (special-use))]``: RFC 9051 §6.3.4, RFC 6154 §3."""
    read.space()
    mailbox = read.mailbox().removesuffix("/")
    special_use = None
    if read.take(b" "):
        read.expect(b"(")
        if not read.take_word(b"USE ("):
            raise SyntaxProblem("expected USE")
        special_use = _SPECIAL_USES.get(read.flag().upper())
        if special_use is None or read.take(b" "):
            raise SyntaxProblem("one special use of RFC 6154, no other", Condition.NO, "USEATTR")
        read.expect(b"))")
    read.end()
    return Create(tag, mailbox, special_use)


def parse_rename(tag: str, read: Reader) -> Rename:
    read.space()
    mailbox = read.mailbox()
    read.space()
    new_name = read.mailbox().removesuffix("/")
    read.end()
    return Rename(tag, mailbox, new_name)


def parse_select(tag: str, read: Reader) -> Select:
    return Select(tag, _only_mailbox(read), read_only=False)


def parse_examine(tag: str, read: Reader) -> Select:
    return Select(tag, _only_mailbox(read), read_only=True)


def _named(command: Callable[[str, str], Command]) -> Callable[[str, Reader], Command]:
    def parse(tag: str, read: Reader) -> Command:
        return command(tag, _only_mailbox(read))

    return parse


def _only_mailbox(read: Reader) -> str:
    read.space()
    mailbox = read.mailbox()
    read.end()
    return mailbox


def parse_status(tag: str, read: Reader) -> Status:
    """``STATUS mailbox (item ...)``: RFC 9051 §6.3.11, syntax in §9 "status"."""
    read.space()
    mailbox = read.mailbox()
    read.space()
    items = _status_items(read)
    read.end()
    return Status(tag, mailbox, items)


def _status_items(read: Reader) -> tuple[StatusItem, ...]:
    read.expect(b"(")
    items = [_member(StatusItem, read.keyword(), "a status item")]
    while not read.take(b")"):
        read.space()
        items.append(_member(StatusItem, read.keyword(), "a status item"))
    return tuple(dict.fromkeys(items))


# --- LIST ------------------------------------------------------------------------


@dataclass(slots=True)
class _Returns:
    options: set[ListReturn] = field(default_factory=set)
    status: tuple[StatusItem, ...] = ()


def parse_list(tag: str, read: Reader) -> List:
    """``LIST [(select ...)] reference pattern|(pattern ...) [RETURN (...)]``: §6.3.9."""
    read.space()
    select = _list_select(read) if read.peek() == b"(" else None
    reference = read.reference()
    read.space()
    several = read.peek() == b"("
    patterns = _patterns(read) if several else (read.list_mailbox(),)
    returns = _Returns()
    returning = read.take(b" ")
    if returning:
        _list_return(read, returns)
    read.end()
    extended = several or returning or select is not None
    return List(
        tag, reference, patterns, select or frozenset(), frozenset(returns.options),
        returns.status, extended,
    )  # fmt: skip


def _list_select(read: Reader) -> frozenset[ListSelect]:
    options: set[ListSelect] = set()
    read.expect(b"(")
    while not read.take(b")"):
        if options:
            read.space()
        options.add(_member(ListSelect, read.keyword(), "a selection option"))
    read.space()
    if ListSelect.RECURSIVEMATCH in options and not options & {
        ListSelect.SUBSCRIBED,
        ListSelect.SPECIAL_USE,
    }:
        raise SyntaxProblem("RECURSIVEMATCH needs another selection option")
    return frozenset(options)


def _patterns(read: Reader) -> tuple[str, ...]:
    read.expect(b"(")
    patterns = [read.list_mailbox()]
    while not read.take(b")"):
        read.space()
        patterns.append(read.list_mailbox())
        if len(patterns) > PATTERNS:
            raise SyntaxProblem("too many patterns", code="LIMIT")
    return tuple(patterns)


def _list_return(read: Reader, returns: _Returns) -> None:
    if not read.take_word(b"RETURN ("):
        raise SyntaxProblem("expected RETURN")
    first = True
    while not read.take(b")"):
        if not first:
            read.space()
        first = False
        word = read.keyword()
        if word == "STATUS":
            read.space()
            returns.status = _status_items(read)
        else:
            returns.options.add(_member(ListReturn, word, "a return option"))


def parse_lsub(tag: str, read: Reader) -> Lsub:
    read.space()
    reference = read.reference()
    read.space()
    pattern = read.list_mailbox()
    read.end()
    return Lsub(tag, reference, pattern)


def _member(words: type[_E], word: str, what: str) -> _E:
    try:
        return words(word)
    except ValueError:
        raise SyntaxProblem(f"expected {what}") from None


PARSERS: Mapping[str, Callable[[str, Reader], Command]] = {
    "SELECT": parse_select,
    "EXAMINE": parse_examine,
    "CREATE": parse_create,
    "DELETE": _named(Delete),
    "RENAME": parse_rename,
    "SUBSCRIBE": _named(Subscribe),
    "UNSUBSCRIBE": _named(Unsubscribe),
    "STATUS": parse_status,
    "LIST": parse_list,
    "LSUB": parse_lsub,
}

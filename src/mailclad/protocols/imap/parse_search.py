"""SEARCH and UID SEARCH (RFC 9051 §6.4.4; RFC 4731 RETURN, RFC 5182 ``$``; RFC 3501 keys).

In: a reader behind the command's name; out: a ``Search`` or ``SyntaxProblem``.  Nesting is
bounded by DEPTH, the number of keys by KEYS, the length by the line's limit.
"""

from collections.abc import Callable, Mapping
from functools import partial

from mailclad.protocols.imap.commands import Command, Search, SearchReturn
from mailclad.protocols.imap.flags import parse_keyword
from mailclad.protocols.imap.grammar import NUMBER64, Reader, SyntaxProblem
from mailclad.protocols.imap.responses import Condition
from mailclad.protocols.imap.search_keys import (
    AllKey,
    AndKey,
    DateKey,
    DateKind,
    DateTest,
    FlagKey,
    HeaderKey,
    NotKey,
    NumbersKey,
    OrKey,
    SearchKey,
    SizeKey,
    TextKey,
    TextPlace,
)

DEPTH = 100
"""Parentheses, NOT and OR within each other; ``OR OR OR …`` of a hundred senders fits."""

KEYS = 2_000
"""Keys in one search: each is a condition that the store looks at."""

CHARSETS = frozenset({"US-ASCII", "ASCII", "UTF-8", "UTF8"})


def _search(tag: str, read: Reader, *, by_uid: bool) -> Search:
    """``SEARCH [RETURN (...)] [CHARSET charset] key ...``."""
    read.space()
    returns = _returns(read)
    if read.take_word(b"CHARSET "):
        _charset(read)
    keys = _Keys(read)
    found = [keys.key(DEPTH)]
    while read.take(b" "):
        found.append(keys.key(DEPTH))
    read.end()
    if returns is None and read.rev2:
        returns = frozenset({SearchReturn.ALL})
    return Search(tag, _all_of(found), returns, by_uid)


def _returns(read: Reader) -> frozenset[SearchReturn] | None:
    if not read.take_word(b"RETURN ("):
        return None
    options: set[SearchReturn] = set()
    first = True
    while not read.take(b")"):
        if not first:
            read.space()
        first = False
        try:
            options.add(SearchReturn(read.keyword()))
        except ValueError:
            raise SyntaxProblem("expected a return option of SEARCH") from None
    read.space()
    return frozenset(options or {SearchReturn.ALL})


def _charset(read: Reader) -> None:
    charset = read.astring().decode("ascii", "replace").upper()
    if charset not in CHARSETS:
        known = "BADCHARSET (US-ASCII UTF-8)"
        raise SyntaxProblem("search in US-ASCII or UTF-8", Condition.NO, known)
    read.space()


def _all_of(keys: list[SearchKey]) -> SearchKey:
    return keys[0] if len(keys) == 1 else AndKey(tuple(keys))


class _Keys:
    """Reads keys and counts them; ``depth`` is how much deeper one may go."""

    def __init__(self, read: Reader) -> None:
        self.read = read
        self._left = KEYS

    def key(self, depth: int) -> SearchKey:
        self._left -= 1
        if depth < 0 or self._left < 0:
            raise SyntaxProblem("the search is too complicated", code="LIMIT")
        read = self.read
        if read.take(b"("):
            keys = [self.key(depth - 1)]
            while not read.take(b")"):
                read.space()
                keys.append(self.key(depth - 1))
            return _all_of(keys)
        if read.at_set():
            return NumbersKey(read.sequence_set(), by_uid=False)
        return self._named(read.keyword(), depth)

    def _named(self, name: str, depth: int) -> SearchKey:
        read = self.read
        if name in _PLAIN:
            return _PLAIN[name]
        if name in _WITH_ARGUMENT:
            read.space()
            return _WITH_ARGUMENT[name](read)
        if name == "NOT":
            read.space()
            return NotKey(self.key(depth - 1))
        if name == "OR":
            read.space()
            first = self.key(depth - 1)
            read.space()
            return OrKey(first, self.key(depth - 1))
        raise SyntaxProblem("there is no such search key")


_NOTHING = NotKey(AllKey())
_PLAIN: Mapping[str, SearchKey] = {
    "ALL": AllKey(),
    "ANSWERED": FlagKey("\\Answered"),
    "DELETED": FlagKey("\\Deleted"),
    "DRAFT": FlagKey("\\Draft"),
    "FLAGGED": FlagKey("\\Flagged"),
    "SEEN": FlagKey("\\Seen"),
    "UNANSWERED": NotKey(FlagKey("\\Answered")),
    "UNDELETED": NotKey(FlagKey("\\Deleted")),
    "UNDRAFT": NotKey(FlagKey("\\Draft")),
    "UNFLAGGED": NotKey(FlagKey("\\Flagged")),
    "UNSEEN": NotKey(FlagKey("\\Seen")),
    "NEW": _NOTHING,  # RFC 3501: \Recent is never set here
    "RECENT": _NOTHING,
    "OLD": AllKey(),
}


def _text(place: TextPlace, read: Reader) -> TextKey:
    return TextKey(place, read.text())


def _date(kind: DateKind, test: DateTest, read: Reader) -> DateKey:
    return DateKey(kind, test, read.date())


def _keyword(read: Reader) -> FlagKey:
    return FlagKey(parse_keyword(read))


def _header(read: Reader) -> HeaderKey:
    name = read.text().lower()
    read.space()
    return HeaderKey(name, read.text())


_WITH_ARGUMENT: Mapping[str, Callable[[Reader], SearchKey]] = {
    **{place.name: partial(_text, place) for place in TextPlace},
    **{test.name: partial(_date, DateKind.INTERNAL, test) for test in DateTest},
    **{f"SENT{test.name}": partial(_date, DateKind.SENT, test) for test in DateTest},
    "KEYWORD": _keyword,
    "UNKEYWORD": lambda read: NotKey(_keyword(read)),
    "HEADER": _header,
    "LARGER": lambda read: SizeKey(read.number(NUMBER64), larger=True),
    "SMALLER": lambda read: SizeKey(read.number(NUMBER64), larger=False),
    "UID": lambda read: NumbersKey(read.sequence_set(), by_uid=True),
}

PARSERS: Mapping[str, Callable[[str, Reader], Command]] = {
    "SEARCH": partial(_search, by_uid=False),
    "UID SEARCH": partial(_search, by_uid=True),
}

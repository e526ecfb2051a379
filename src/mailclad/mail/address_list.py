"""Address lists of header fields, as IMAP's ENVELOPE shows them (RFC 5322 §3.4, §4.4).

In comes the value of From, To and the like as it stands; out come display name, route,
local part and domain, unquoted, encoded words untouched.  Groups begin with an entry without
domain and end with an entry of nothing (RFC 9051 §7.5.2).  Lenient: a comment serves as
display name where there is no other, a missing domain or local part is the empty string,
a name may stand alone, commas may be missing or double.  Never raises; each octet is looked
at a bounded number of times, and comments nest without recursion.

Limits: ``MAX_ADDRESSES`` and ``MAX_FIELD_OCTETS`` a field; the rest of the field is not read.
"""

import re
from typing import NamedTuple

MAX_ADDRESSES = 1_000
"""Shown of one field.  More recipients than that are a list, and a list row of every client
would carry them all."""

MAX_FIELD_OCTETS = 64 * 1024
"""1,000 addresses of 64 octets."""


class ListedAddress(NamedTuple):
    """``domain`` None: a group begins, its name in ``local_part``; that None too: it ends."""

    name: bytes | None
    route: bytes | None
    local_part: bytes | None
    domain: bytes | None


GROUP_END = ListedAddress(None, None, None, None)

_ATEXT = rb"A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-"
_END = rb"[ \t]*+(?:\r?\n[ \t]++)?(?:,|\s*+\Z)"
_USUAL = re.compile(
    rb'[ \t\r\n]*+(?:"([^"\\\r\n]*+)"|([' + _ATEXT + rb" ]*+))[ \t\r\n]*+<([" + _ATEXT
    + rb"]++)@([A-Za-z0-9.-]++)>" + _END
)  # fmt: skip
"""``Name <local@domain>`` up to the comma: nineteen of twenty."""

_BARE = re.compile(rb"[ \t\r\n]*+([" + _ATEXT + rb"]++)@([A-Za-z0-9.-]++)" + _END)

_TOKEN = re.compile(
    rb'(\s++)|"((?:[^"\\]++|\\.)*+)"?'
    rb'|(=\?[^?\s]++\?[bBqQ]\?[^?]*+\?=|\[[^\]]*+\]?|[^\s"(\[<>,;:@]++)|(.)',
    re.DOTALL,
)
_COMMENT_MARK = re.compile(rb"\\.|[()]", re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)


def parse_address_list(value: bytes) -> list[ListedAddress]:
    """The addresses of a field, at most ``MAX_ADDRESSES`` entries and the end of a group."""
    value = value[:MAX_FIELD_OCTETS]
    found: list[ListedAddress] = []
    at = 0
    while at < len(value) and len(found) < MAX_ADDRESSES:
        if (match := _USUAL.match(value, at)) is not None:
            quoted, plain, local_part, domain = match.groups()
            name = plain.rstrip() if quoted is None else quoted
            found.append(ListedAddress(name or None, None, local_part, domain))
        elif (match := _BARE.match(value, at)) is not None:
            found.append(ListedAddress(None, None, match[1], match[2]))
        else:
            return _Reader(found).read(value, at)
        at = match.end()
    return found


Token = bytes | str
"""A word, unquoted, as bytes; a sign (``< > @ : ,``) or a blank as str."""


class _Reader:
    """Reads any list: gathers the tokens of one address, up to a comma, and makes it of them."""

    __slots__ = ("closed", "comment", "found", "in_group", "in_route", "opened", "tokens")

    def __init__(self, found: list[ListedAddress]) -> None:
        self.found = found
        self.in_group = False
        self._begin([])

    def _begin(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.opened = False  # "<" was seen
        self.in_route = False  # "<@" was seen, and not yet ":"
        self.closed = 0  # where the tokens go on behind ">"
        self.comment = b""

    def read(self, value: bytes, at: int) -> list[ListedAddress]:
        while at < len(value) and len(self.found) < MAX_ADDRESSES:
            match = _TOKEN.match(value, at)
            assert match is not None  # one of its branches takes any octet
            at = match.end()
            blank, quoted, word, sign = match.groups()
            if sign == b"(":
                self.comment, at = _skip_comment(value, at)
            elif sign is not None:
                self._sign(sign.decode("ascii"))
            elif blank is not None:
                self.tokens.append(" ")
            else:
                self.tokens.append(word if quoted is None else _unquoted(quoted))
        self._finish()
        if self.in_group:
            self.found.append(GROUP_END)
        return self.found

    def _sign(self, sign: str) -> None:
        if sign in ",;" and not self.in_route:
            self._finish()
            if sign == ";" and self.in_group:
                self.found.append(GROUP_END)
                self.in_group = False
        elif sign == ":" and not (self.opened or self.in_group):
            self.found.append(ListedAddress(None, None, _phrase(self.tokens), None))
            self.in_group = True
            self._begin([])
        else:
            self._address_sign(sign)

    def _address_sign(self, sign: str) -> None:
        if self.closed and sign in "<@":  # a comma is missing
            rest = self.tokens[self.closed :]
            del self.tokens[self.closed :]
            self._finish()
            self.tokens = rest
        if sign == "@":
            self.in_route = self.in_route or self.tokens[-1:] == ["<"]
        else:
            self.in_route = False
        self.opened = self.opened or sign == "<"
        self.tokens.append(sign)
        if sign == ">":
            self.closed = len(self.tokens)

    def _finish(self) -> None:
        address = _address(self.tokens, self.comment)
        if address is not None:
            self.found.append(address)
        self._begin([])


def _address(tokens: list[Token], comment: bytes) -> ListedAddress | None:
    if "<" in tokens:
        return _bracketed(tokens, comment)
    if "@" in tokens:
        return _bare(tokens, comment)
    words = _phrase(tokens)
    if b" " in words:  # a name, and the address was forgotten
        return ListedAddress(words, None, b"", b"")
    return ListedAddress(comment or None, None, words, b"") if words else None


def _bracketed(tokens: list[Token], comment: bytes) -> ListedAddress:
    """``name <@route:local@domain>``."""
    opened = tokens.index("<")
    name = _phrase(tokens[:opened])
    inside = tokens[opened + 1 :]
    if ">" in inside:
        inside = inside[: inside.index(">")]
    route = None
    if inside[:1] == ["@"] and ":" in inside:
        cut = inside.index(":")
        route, inside = _joined(inside[:cut]), inside[cut + 1 :]
    local_part, domain = _split(inside)
    return ListedAddress(name or comment or None, route, local_part, domain)


def _bare(tokens: list[Token], comment: bytes) -> ListedAddress:
    """``local@domain (name)``; words before it that do not touch it are a name too."""
    sign = tokens.index("@")
    while sign and tokens[sign - 1] == " ":
        sign -= 1
    first = sign
    while first and tokens[first - 1] != " ":
        first -= 1
    local_part, domain = _split(tokens[first:])
    return ListedAddress(_phrase(tokens[:first]) or comment or None, None, local_part, domain)


def _split(tokens: list[Token]) -> tuple[bytes, bytes]:
    """At the last ``@``; without one there is no domain."""
    if "@" not in tokens:
        return _joined(tokens), b""
    last = len(tokens) - 1 - tokens[::-1].index("@")
    return _joined(tokens[:last]), _joined(tokens[last + 1 :])


def _joined(tokens: list[Token]) -> bytes:
    """Without the blanks."""
    return b"".join([_octets(part) for part in tokens if part != " "])


def _phrase(tokens: list[Token]) -> bytes:
    """Words with a blank where blanks stood."""
    return b"".join([_octets(part) for part in tokens]).strip()


def _octets(token: Token) -> bytes:
    return token if isinstance(token, bytes) else token.encode("ascii")


def _unquoted(quoted: bytes) -> bytes:
    if b"\n" in quoted:
        quoted = quoted.replace(b"\r\n", b"").replace(b"\n", b"")
    return _QUOTED_PAIR.sub(rb"\1", quoted) if b"\\" in quoted else quoted


def _skip_comment(value: bytes, at: int) -> tuple[bytes, int]:
    """What a comment says, and where it ends; ``at`` is behind its parenthesis."""
    depth, start = 1, at
    for mark in _COMMENT_MARK.finditer(value, at):
        if mark[0] == b"(":
            depth += 1
        elif mark[0] == b")":
            depth -= 1
            if depth == 0:
                return _unquoted(value[start : mark.start()]).strip(), mark.end()
    return b"", len(value)

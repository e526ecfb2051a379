"""From a line to a command: one function a form of arguments, found by name in PARSERS.

RFC 2449 §3: a keyword, then arguments after single spaces.  In: the rest of the line
behind the keyword's space, or None where there was none.  Raises SyntaxProblem, whose text
never quotes the line.
"""

import re
from collections.abc import Callable, Mapping

from mailclad.base.secret import Secret
from mailclad.protocols.pop3 import commands
from mailclad.protocols.pop3.commands import Command
from mailclad.protocols.sasl.base64 import Base64Problem, decode_strict

Parser = Callable[[bytes | None], Command]

_NUMBER = re.compile(rb"[0-9]{1,10}")
_MECHANISM = re.compile(rb"[A-Za-z0-9_-]{1,20}")


class SyntaxProblem(Exception):
    """The client broke the grammar; answered -ERR, never logged as a fault."""


def parse_user(rest: bytes | None) -> commands.User:
    """Spaces belong to the name: a login name may have them, and no other argument follows."""
    if not rest:
        raise SyntaxProblem("USER takes a login name")
    try:
        return commands.User(rest.decode())
    except UnicodeDecodeError:
        raise SyntaxProblem("the login name is not UTF-8") from None


def parse_pass(rest: bytes | None) -> commands.Pass:
    """RFC 1939 §7: spaces are part of the password."""
    if not rest:
        raise SyntaxProblem("PASS takes a password")
    return commands.Pass(Secret(rest))


def parse_auth(rest: bytes | None) -> commands.Auth:
    """``AUTH [mechanism [initial-response]]``, RFC 5034 §4; ``=`` is an empty response."""
    if rest is None:
        return commands.Auth(None, None)
    name, space, text = rest.partition(b" ")
    if not _MECHANISM.fullmatch(name) or (space and not text):
        raise SyntaxProblem("AUTH takes a mechanism and at most one initial response")
    if not space:
        return commands.Auth(name.decode(), None)
    return commands.Auth(name.decode(), b"" if text == b"=" else _decoded(text))


def parse_auth_response(line: bytes) -> commands.AuthResponse:
    if line == b"*":
        return commands.AuthResponse(None, "cancelled")
    try:
        return commands.AuthResponse(_decoded(line))
    except SyntaxProblem as problem:
        return commands.AuthResponse(None, str(problem))


def parse_top(rest: bytes | None) -> commands.Top:
    number, space, lines = (rest or b"").partition(b" ")
    if not space:
        raise SyntaxProblem("TOP takes a message number and a count of lines")
    return commands.Top(_number(number), _number(lines))


def _one(command: Callable[[int], Command]) -> Parser:
    def parse(rest: bytes | None) -> Command:
        return command(_number(rest or b""))

    return parse


def _one_or_all(command: Callable[[int | None], Command]) -> Parser:
    def parse(rest: bytes | None) -> Command:
        return command(None if rest is None else _number(rest))

    return parse


def _bare(command: Callable[[], Command]) -> Parser:
    def parse(rest: bytes | None) -> Command:
        if rest is not None:
            raise SyntaxProblem("that command takes no argument")
        return command()

    return parse


def _number(text: bytes) -> int:
    if not _NUMBER.fullmatch(text):
        raise SyntaxProblem("a number is expected")
    return int(text)


def _decoded(text: bytes) -> bytes:
    try:
        return decode_strict(text)
    except Base64Problem:
        raise SyntaxProblem("the response is not base64") from None


PARSERS: Mapping[bytes, Parser] = {
    b"USER": parse_user,
    b"PASS": parse_pass,
    b"AUTH": parse_auth,
    b"STLS": _bare(commands.Stls),
    b"UTF8": _bare(commands.Utf8),
    b"STAT": _bare(commands.Stat),
    b"LIST": _one_or_all(commands.List),
    b"UIDL": _one_or_all(commands.Uidl),
    b"RETR": _one(commands.Retr),
    b"TOP": parse_top,
    b"DELE": _one(commands.Dele),
    b"RSET": _bare(commands.Rset),
    b"NOOP": _bare(commands.Noop),
    b"CAPA": _bare(commands.Capa),
    b"QUIT": _bare(commands.Quit),
}

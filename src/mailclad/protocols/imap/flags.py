"""Flags in commands (RFC 9051 §2.3.2, §9 "flag"): read, checked, spelt in one way.

``\\Recent`` is nobody's to set and is left out; other names with a backslash are refused,
as no standard has them.  Keywords keep their spelling.
"""

from mailclad.protocols.imap.commands import SYSTEM_FLAGS
from mailclad.protocols.imap.grammar import Reader, SyntaxProblem

KEYWORD_OCTETS = 100
"""A keyword's name; the longest that is registered with IANA has 22."""

_SYSTEM = {name.upper(): name for name in SYSTEM_FLAGS}
_RECENT = "\\RECENT"


def parse_flag_list(read: Reader) -> tuple[str, ...]:
    """``(flag ...)``, each flag once."""
    read.expect(b"(")
    flags: list[str] = []
    while not read.take(b")"):
        if flags:
            read.space()
        flags.append(_flag(read))
    return _distinct(flags)


def parse_flags(read: Reader) -> tuple[str, ...]:
    """A list, or flags without parentheses (STORE)."""
    if read.peek() == b"(":
        return parse_flag_list(read)
    flags = [_flag(read)]
    while read.take(b" "):
        flags.append(_flag(read))
    return _distinct(flags)


def parse_keyword(read: Reader) -> str:
    """A keyword only (SEARCH KEYWORD)."""
    keyword = read.flag()
    if keyword.startswith("\\"):
        raise SyntaxProblem("expected a keyword")
    return keyword


def _flag(read: Reader) -> str:
    flag = read.flag()
    if len(flag) > KEYWORD_OCTETS:
        raise SyntaxProblem("the keyword is too long", code="LIMIT")
    if not flag.startswith("\\"):
        return flag
    system = _SYSTEM.get(flag.upper())
    if system is None and flag.upper() != _RECENT:
        raise SyntaxProblem("there is no such system flag")
    return system or ""


def _distinct(flags: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flag for flag in flags if flag))

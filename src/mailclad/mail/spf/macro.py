"""Macros in SPF records: ``%{ir}.%{v}._spf.%{d2}`` (RFC 7208 §7).

In comes text of a stranger's record; out comes a ``MacroString`` checked against the grammar, or
SpfProblem.  Expanding takes the values as an argument and asks nobody.
Limits: a name is expanded from its right end and no further than is kept of it, a text for people
from its left end up to the length that is asked for; so the cost of expanding is bounded by that
length and one value, however many macros there are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mailclad.mail.spf.result import SpfProblem

NAME_OCTETS = 253
"""RFC 1035 §3.1's 255 in presentation form; longer names lose labels (RFC 7208 §7.3)."""
EXPLAIN_STRING_OCTETS = 2048
"""Before its macros are expanded; three lines of a reply show some 300 of it."""
ALL_PARTS = 9999
"""More digits than this has mean all parts; RFC 7208 §7.3 demands 127."""

_TOKEN = re.compile(
    r"[!-$&-~]+|%(?:[%_\-]|\{([slodiphcrtv])([0-9]*)(r?)([.\-+,/_=]*)\})",
    re.IGNORECASE | re.ASCII,
)
_SPACED_TOKEN = re.compile(rf"{_TOKEN.pattern}|\x20+", _TOKEN.flags)
_TOPLABEL = re.compile(r"[^ ]*\.(?![0-9]+\.?\Z)[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.?")
_NAME = re.compile(r"[ !-\-/-\[\]-~]{1,63}(?:\.[ !-\-/-\[\]-~]{1,63})+")
"""No backslash: it has a meaning in presentation form."""
_LITERAL = {"%%": "%", "%_": " ", "%-": "%20"}
_FOR_EXPLANATIONS = frozenset("crt")
_UNPRINTABLE = re.compile(r"[^ -~]")


@dataclass(frozen=True, slots=True)
class Macro:
    """``letter`` is in lower case; ``escaped`` if it was not.  ``keep`` counts from the right."""

    letter: str
    escaped: bool
    keep: int
    backwards: bool
    delimiters: str


@dataclass(frozen=True, slots=True)
class MacroString:
    """``letters`` are those of all macros; "%%", "%_" and "%-" count for ``ends_in_macro``."""

    parts: tuple[str | Macro, ...]
    letters: frozenset[str]
    ends_in_macro: bool


def parse_macro_string(text: str) -> MacroString:
    """RFC 7208 §7.1 macro-string."""
    return _parse(text, _TOKEN)


def parse_explanation(octets: bytes) -> MacroString:
    """RFC 7208 §7.1 explain-string."""
    if len(octets) > EXPLAIN_STRING_OCTETS or not octets.isascii():
        raise SpfProblem("the explanation is too long or not ASCII")
    return _parse(octets.decode(), _SPACED_TOKEN)


def parse_domain_spec(text: str) -> MacroString:
    """RFC 7208 §7.1 domain-spec: ends in a macro, or in a dot and a label that is no number."""
    string = _parse(text, _TOKEN)
    if not string.letters.isdisjoint(_FOR_EXPLANATIONS):
        raise SpfProblem("the macros c, r and t are for explanations only")
    if not string.ends_in_macro and _TOPLABEL.fullmatch(text) is None:
        raise SpfProblem("it does not end in a macro or in a dot and a top-level name")
    return string


def expand_name(string: MacroString, values: Mapping[str, str]) -> str:
    """A name to ask DNS for, cut at the left to what fits; see ``is_name``."""
    pieces: list[str] = []
    octets = 0
    for part in reversed(string.parts):
        pieces.append(part if isinstance(part, str) else _value(part, values))
        octets += len(pieces[-1])
        if octets > NAME_OCTETS + 1:
            break
    name = "".join(reversed(pieces)).removesuffix(".")
    if len(name) > NAME_OCTETS:
        return name[-NAME_OCTETS - 1 :].partition(".")[2]
    return name


def expand_text(string: MacroString, values: Mapping[str, str], limit: int) -> str:
    """Words for people: printable ASCII, at most ``limit`` octets."""
    pieces: list[str] = []
    octets = 0
    for part in string.parts:
        pieces.append(part if isinstance(part, str) else _value(part, values))
        octets += len(pieces[-1])
        if octets >= limit:
            break
    return _UNPRINTABLE.sub("?", "".join(pieces)[:limit])


def is_name(text: str) -> bool:
    """Whether DNS can be asked for it: two labels or more, none empty or too long (RFC 1035)."""
    return len(text) <= NAME_OCTETS and _NAME.fullmatch(text) is not None


def _parse(text: str, token: re.Pattern[str]) -> MacroString:
    parts: list[str | Macro] = []
    letters: set[str] = set()
    at, ends_in_macro = 0, False
    while at < len(text):
        found = token.match(text, at)
        if found is None:
            raise SpfProblem("it has a character, or a % sign, that has no meaning there")
        at, ends_in_macro = found.end(), text[at] == "%"
        if found[1] is None:
            parts.append(_LITERAL.get(found[0], found[0]))
        else:
            parts.append(_macro(found[1], found[2], found[3], found[4]))
            letters.add(found[1].lower())
    return MacroString(tuple(parts), frozenset(letters), ends_in_macro)


def _macro(letter: str, digits: str, reverse: str, delimiters: str) -> Macro:
    significant = digits.lstrip("0")
    if digits and not significant:
        raise SpfProblem("a macro keeps zero parts")
    keep = int(significant) if 0 < len(significant) <= len(str(ALL_PARTS)) else ALL_PARTS
    unique = "".join(dict.fromkeys(delimiters))
    return Macro(letter.lower(), letter.isupper(), keep, bool(reverse), unique)


def _value(macro: Macro, values: Mapping[str, str]) -> str:
    value = values[macro.letter]
    if macro.delimiters or macro.backwards or macro.keep < ALL_PARTS:
        first = macro.delimiters[:1] or "."
        for other in macro.delimiters[1:]:
            value = value.replace(other, first)
        parts = value.split(first)
        if macro.backwards:
            parts.reverse()
        value = ".".join(parts[-macro.keep :])
    return quote(value, safe="", errors="replace") if macro.escaped else value

"""Structured MIME fields: a value and its parameters (RFC 2045 §5.1, RFC 2183 §2, RFC 2231).

In comes the value of Content-Type, Content-Disposition or Content-Transfer-Encoding as it
stands; out come lower-case tokens and parameters.  Lenient: comments are dropped wherever
they stand, an unclosed quote ends with the value, a value without quotes may hold blanks,
what is not a parameter is skipped.  Never raises; linear in the octets.

Continuations (``name*0``, ``name*1*``) are joined.  A value with a character set stays in
the extended form of RFC 2231 §4, in one piece, under ``name*``: that is what mail programs
know how to read in BODYSTRUCTURE, and it is 7-bit.  RFC 9051 §7.5.2 would have UTF-8 there.
``decode_extended`` makes text of it.

Limits: ``MAX_PARAMETERS`` a field, ``MAX_FIELD_OCTETS`` of a field looked at.
"""

import re
from itertools import islice
from urllib.parse import unquote_to_bytes

from mailclad.mail.encoded_word import decode_charset

MAX_PARAMETERS = 200
"""Real fields have under ten; a file name in pieces can make it some thirty."""

MAX_FIELD_OCTETS = 64 * 1024
"""A longer value cannot be meant; its start is read."""

MAX_TOKEN_OCTETS = 127
"""Of a type and of a subtype (RFC 6838 §4.2)."""

Parameters = list[tuple[bytes, bytes]]

_TOKEN = re.compile(rb"\s*+([^\x00-\x20()<>@,;:\\\"/\[\]?=\x7f-\xff]++)")
_MEDIA_TYPE = re.compile(
    rb"\s*+([^\x00-\x20()<>@,;:\\\"/\[\]?=\x7f-\xff]{1,127}+)\s*+/"
    rb"\s*+([^\x00-\x20()<>@,;:\\\"/\[\]?=\x7f-\xff]{1,127}+)"
)
_PARAMETER = re.compile(
    rb'[;\n][ \t]*+([^\s;="]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)"?|([^;\r\n"]*+))', re.DOTALL
)
_SECTION = re.compile(rb"([^*]+)(?:\*(0|[1-9][0-9]{0,3}))?(\*)?")
_COMMENT_MARK = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|\\.|[()]', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_LINE_END = re.compile(rb"[\r\n]+")
_NOT_EXTENDED = re.compile(rb"[^A-Za-z0-9!#$&+.^_`{|}~-]")


def parse_media_type(value: bytes) -> tuple[str, Parameters] | None:
    """``text/plain`` and its parameters; None where there is no type (RFC 2045 §5.2)."""
    value = _clean(value)
    match = _MEDIA_TYPE.match(value)
    if match is None:
        return None
    kind, subtype = match.groups()
    return (kind + b"/" + subtype).lower().decode("ascii"), _parameters(value, match.end())


def parse_disposition(value: bytes) -> tuple[bytes, Parameters] | None:
    """``attachment`` or the like, and its parameters; None where there is none."""
    value = _clean(value)
    match = _TOKEN.match(value)
    if match is None:
        return None
    return match[1][:MAX_TOKEN_OCTETS].lower(), _parameters(value, match.end())


def parse_token(value: bytes) -> str:
    """The first word, in lower case: a transfer encoding; empty where there is none."""
    match = _TOKEN.match(_clean(value))
    return match[1][:MAX_TOKEN_OCTETS].lower().decode("ascii") if match else ""


def find_parameter(parameters: Parameters, name: bytes) -> bytes:
    """The first of that lower-case name; empty where there is none."""
    for found, value in parameters:
        if found == name:
            return value
    return b""


def find_text(parameters: Parameters, name: bytes) -> str:
    """A parameter for people, such as ``filename``, in whichever form it was sent."""
    extended = find_parameter(parameters, name + b"*")
    if extended:
        return decode_extended(extended)
    return decode_charset(find_parameter(parameters, name), "utf-8")


def decode_extended(value: bytes) -> str:
    """``utf-8'en'na%C3%AFve`` → text (RFC 2231 §4)."""
    charset, quote, rest = value.partition(b"'")
    _language, second, octets = rest.partition(b"'")
    if not quote or not second:
        return decode_charset(unquote_to_bytes(value), "utf-8")
    return decode_charset(unquote_to_bytes(octets), charset.decode("ascii", "replace"))


def without_comments(value: bytes) -> bytes:
    """Comments, however deep they nest, give way to a blank (RFC 5322 §3.2.2)."""
    kept: list[bytes] = []
    depth = start = 0
    for mark in _COMMENT_MARK.finditer(value):
        if mark[0] == b"(":
            if depth == 0:
                kept.append(value[start : mark.start()])
            depth += 1
        elif mark[0] == b")" and depth:
            depth -= 1
            start = mark.end()
    if depth == 0:
        kept.append(value[start:])
    return b" ".join(kept)


def _clean(value: bytes) -> bytes:
    value = value[:MAX_FIELD_OCTETS]
    return without_comments(value) if b"(" in value else value


def _parameters(value: bytes, start: int) -> Parameters:
    found: Parameters = []
    in_sections = False
    for match in islice(_PARAMETER.finditer(value, start), MAX_PARAMETERS):
        name, quoted, plain = match.groups()
        if quoted is None:
            text = plain.rstrip()
        else:
            text = _LINE_END.sub(b"", quoted) if b"\n" in quoted else quoted
            if b"\\" in text:
                text = _QUOTED_PAIR.sub(rb"\1", text)
        in_sections = in_sections or b"*" in name
        found.append((name.lower(), text))
    return _join_sections(found) if in_sections else found


def _join_sections(parameters: Parameters) -> Parameters:
    """RFC 2231 §3, §4.1: ``name*0``, ``name*1`` … to ``name`` or ``name*``, in order of sight.

    Sections behind a gap are dropped; of two with one number the first stands.
    """
    sections: dict[bytes, dict[int, tuple[bool, bytes]]] = {}
    for name, value in parameters:
        match = _SECTION.fullmatch(name)
        if match is None:
            sections.setdefault(name, {}).setdefault(0, (False, value))
            continue
        base, number, star = match.groups()
        key = base + b"*" if number is None and star else base
        sections.setdefault(key, {}).setdefault(int(number or 0), (star is not None, value))
    return [joined for name, parts in sections.items() if (joined := _joined(name, parts))]


def _joined(name: bytes, parts: dict[int, tuple[bool, bytes]]) -> tuple[bytes, bytes] | None:
    run: list[tuple[bool, bytes]] = []
    while (part := parts.get(len(run))) is not None:
        run.append(part)
    if not run:
        return None
    if not any(extended for extended, _ in run):
        return name, b"".join([value for _, value in run])
    pieces = [value if extended else _to_extended(value) for extended, value in run]
    if not run[0][0]:
        pieces.insert(0, b"''")
    return name if name.endswith(b"*") else name + b"*", b"".join(pieces)


def _to_extended(value: bytes) -> bytes:
    return _NOT_EXTENDED.sub(lambda match: b"%%%02X" % match[0][0], value)

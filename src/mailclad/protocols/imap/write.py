"""Writing strings and mailbox names: the inverse of ``grammar.Reader`` (RFC 9051 §9).

In: octets or text of any content; out: octets that a client reads back as the same.
"""

import re

from mailclad.protocols.imap import utf7

_ASTRING = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
_QUOTABLE = re.compile(rb"[\x20-\x7e]{0,1000}")  # longer ones are literals: easier to read past
_TEXT = re.compile(rb"[^\x00\r\n]*")


def write_string(octets: bytes | str) -> bytes:
    """Quoted where that can be, otherwise a literal."""
    raw = octets.encode() if isinstance(octets, str) else octets
    return _quote(raw) if _QUOTABLE.fullmatch(raw) else literal_start(len(raw)) + raw


def write_nstring(octets: bytes | None) -> bytes:
    return b"NIL" if octets is None else write_string(octets)


def write_astring(octets: bytes) -> bytes:
    if _ASTRING.fullmatch(octets) and octets.upper() != b"NIL":
        return octets
    return write_string(octets)


def write_mailbox(name: str, rev2: bool) -> bytes:
    """Modified UTF-7 for IMAP4rev1, UTF-8 in quotes for IMAP4rev2 (RFC 9051 §5.1)."""
    if not rev2:
        return write_astring(utf7.encode(name))
    raw = name.encode("utf-8", "replace")
    if raw.isascii() or not _TEXT.fullmatch(raw):
        return write_astring(raw)
    return _quote(raw)


def literal_start(octets: int) -> bytes:
    """What goes before this many octets."""
    return b"{%d}\r\n" % octets


def literal8_start(octets: int) -> bytes:
    """The same where they may hold NUL (RFC 3516 §4.2)."""
    return b"~{%d}\r\n" % octets


def _quote(raw: bytes) -> bytes:
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'

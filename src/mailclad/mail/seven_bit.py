"""A message as every server takes it: octets up to 127, lines up to 998 (RFC 2045 §6).

In comes a message; out comes the same message, its parts in quoted-printable or base64 where
they need it, so that nobody has to convert it on the way and break its signatures (RFC 6376
§5.3).  What the recipient's program shows is what it was, octet by octet.
Left as they are: headers; signed and encrypted multiparts with all that is in them (RFC 1847
§2.1); messages of the kinds that may not be encoded; what is no part, such as a preamble; and
parts whose header does not say what they are.  Never raises; linear.
Limits: those of ``mail.mime``; ``QUOTED_OCTETS``, ``DECODED_OCTETS``.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from mailclad.base.octets import Octets
from mailclad.mail.mime import scan
from mailclad.mail.parameters import parse_media_type
from mailclad.mail.parts import Part
from mailclad.mail.transfer import decode_transfer, is_known

MAX_LINE_OCTETS = 998
"""RFC 5322 §2.1.1, without the line end."""

QUOTED_OCTETS = 1024 * 1024
"""Larger text becomes base64, which takes no memory to speak of; nobody reads its source."""

DECODED_OCTETS = 32 * 1024 * 1024
"""A part whose encoding has lines that are too long is decoded in memory, if it is not larger."""

_COPIED_AT_ONCE = 256 * 1024
_ENCODED_AT_ONCE = 57 * 4096  # whole lines of base64
_IDENTITY = frozenset({"7bit", "8bit", "binary"})
_UNTOUCHED = frozenset({"multipart/signed", "multipart/encrypted", "message/global"})
_FIELD = re.compile(
    rb"^content-transfer-encoding[ \t]*:[^\n]*+\n(?:[ \t][^\n]*+\n)*+",
    re.IGNORECASE | re.MULTILINE,
)
_DESCRIBED = re.compile(
    rb"^(content-type|content-transfer-encoding)[ \t]*:", re.IGNORECASE | re.MULTILINE
)
_HIGH = bytes(range(128, 256))


def is_plain(octets: Octets, start: int, end: int) -> bool:
    """Whether every server takes these octets as they are."""
    return _has_short_lines(octets, start, end) and all(
        piece.isascii() and b"\0" not in piece and _ends_well(piece)
        for piece in _pieces(octets, start, end)
    )


def make_plain(octets: Octets) -> Iterator[bytes]:
    """The message in pieces; ``octets`` may be a mapped file."""
    at = 0
    for part, is_top in _leaves(scan(octets), is_top=True):
        header = octets[part.header_start : part.body_start]
        if is_plain(octets, part.body_start, part.body_end) or not _may_change(part, header):
            continue
        yield from _pieces(octets, at, part.header_start)
        yield from _encoded(octets, part, header, is_top)
        at = part.body_end
    yield from _pieces(octets, at, len(octets))


def _leaves(part: Part, *, is_top: bool) -> Iterator[tuple[Part, bool]]:
    """Parts that may be encoded; ``is_top``: its header is that of a message."""
    if part.media_type in _UNTOUCHED:
        return
    if not part.children:
        yield part, is_top
    elif part.transfer_encoding in _IDENTITY:
        for child in part.children:
            yield from _leaves(child, is_top=part.is_message)


def _may_change(part: Part, header: bytes) -> bool:
    """What is called a multipart and has no parts, and messages, stay (RFC 2045 §6.4).

    So do parts whose header was not read, being one too many.
    """
    said = {name.lower() for name in _DESCRIBED.findall(header)}
    if not said <= part.values.keys() or not _ends_well(header):
        return False
    media_type, _ = parse_media_type(part.values.get(b"content-type", b"")) or ("", [])
    if media_type.startswith(("multipart/", "message/")):
        return False
    encoding = part.transfer_encoding
    return encoding in _IDENTITY or (is_known(encoding) and part.octets <= DECODED_OCTETS)


def _encoded(octets: Octets, part: Part, header: bytes, is_top: bool) -> Iterator[bytes]:
    """Header and body; the message itself ends with a line end."""
    ends = b"\r\n" if part.body_end == len(octets) else b""
    start, end = part.body_start, part.body_end
    if part.transfer_encoding not in _IDENTITY:
        octets = decode_transfer(octets[start:end], part.transfer_encoding)
        start, end = 0, len(octets)
    elif part.media_type.startswith("text/") and end - start <= QUOTED_OCTETS:
        quoted = _quoted(octets[start:end])
        if quoted is not None:
            yield _header(header, part, b"quoted-printable", is_top)
            yield quoted
            if not quoted.endswith(b"\n"):
                yield b"=" * bool(ends) + ends
            return
    yield _header(header, part, b"base64", is_top)
    for at in range(start, end, _ENCODED_AT_ONCE):
        last = min(at + _ENCODED_AT_ONCE, end)
        lines = base64.encodebytes(octets[at:last]).replace(b"\n", b"\r\n")
        yield lines if last < end else lines[:-2] + ends


def _quoted(text: bytes) -> bytes | None:
    """In quoted-printable, but None where base64 is better or shorter."""
    high = len(text) - len(text.translate(None, _HIGH))
    if high * 6 > len(text) or b"\0" in text or not _ends_well(text):
        return None
    quoted = binascii.b2a_qp(text)
    if b"\n" not in text:  # else it makes line ends as it finds them
        quoted = quoted.replace(b"\n", b"\r\n")
    if b"=\r\n--" in quoted:  # it might be a boundary now
        return None
    return quoted


def _header(header: bytes, part: Part, encoding: bytes, is_top: bool) -> bytes:
    fields = _FIELD.sub(b"", header.removesuffix(b"\r\n"))
    added = b"Content-Transfer-Encoding: %b\r\n" % encoding
    if is_top and b"mime-version" not in part.values:
        added += b"MIME-Version: 1.0\r\n"
    return fields + added + b"\r\n"


def _pieces(octets: Octets, start: int, end: int) -> Iterator[bytes]:
    """CRLF is never cut in two."""
    while start < end:
        stop = min(start + _COPIED_AT_ONCE, end)
        if stop < end and octets[stop - 1 : stop] == b"\r":
            stop += 1
        yield octets[start:stop]
        start = stop


def _has_short_lines(octets: Octets, start: int, end: int) -> bool:
    most = MAX_LINE_OCTETS + 2
    while end - start > MAX_LINE_OCTETS:
        found = octets.rfind(b"\n", start, min(start + most, end))
        if found < 0:
            return False
        start = found + 1
    return True


def _ends_well(piece: bytes) -> bool:
    """Whether CR and LF come in pairs only."""
    return piece.count(b"\r\n") == piece.count(b"\r") == piece.count(b"\n")

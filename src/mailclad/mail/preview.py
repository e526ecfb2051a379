"""The first words of a message, for lists (RFC 8970, JMAP's ``preview``).

In come the octets and their parts, out goes one line of at most ``PREVIEW_CHARACTERS``.  The
first part of plain text that says something serves, else the first of HTML, stripped of
tags, styles and comments.  It is text, never markup: whoever puts it into a page escapes it.
Controls and characters that turn the direction of text are dropped.  Never raises; linear.
Limits: of a part only the first ``PLAIN_OCTETS`` or ``HTML_OCTETS`` are looked at.
"""

import html
import re
from collections.abc import Iterator

from mailclad.base.octets import Octets
from mailclad.mail.encoded_word import decode_charset
from mailclad.mail.parts import Part
from mailclad.mail.transfer import decode_transfer

PREVIEW_CHARACTERS = 200
"""RFC 8970 §3.1."""

PLAIN_OCTETS = (512, 4 * 1024)
HTML_OCTETS = (4 * 1024, 64 * 1024)
"""The second is looked at only if the first says too little: newsletters put long style sheets
first."""

MAX_TEXT_PARTS = 10
"""So many parts are tried; the rest of a digest is not."""

_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(style|script|head|title)\b.*?(?:</\1\b[^>]*+>?|\Z)|<[a-z/!?][^>]*+>?",
    re.IGNORECASE | re.DOTALL,
)
_ENTITY = re.compile(r"&(?:#x?[0-9a-f]{1,7}|[a-z][a-z0-9]{1,31});?", re.IGNORECASE)
_FILLER = "\u034f\u00ad\u200b\u2060\ufeff"
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSHOWN = dict.fromkeys(map(ord, _FILLER + _TURNS)) | dict.fromkeys((*range(32), 127), " ")
_ALONE = re.compile(r"(?:(?<=\s)|\A)[\u200c\u200d\u200e\u200f]+(?=\s|\Z)")


def preview(octets: Octets, part: Part) -> str:
    """What the message begins with; empty where nothing can be shown."""
    best = ""
    for count, text_part in enumerate(_text_parts(part)):
        if count == MAX_TEXT_PARTS or (best and text_part.media_type != "text/plain"):
            break
        is_html = text_part.media_type == "text/html"
        text = _first_words(octets, text_part, is_html)
        if text and not is_html:
            return text
        best = best or text
    return best


def _text_parts(part: Part) -> Iterator[Part]:
    """Plain text and HTML that is shown in the message, in order; not in attached messages."""
    if part.is_multipart:
        for child in part.children:
            yield from _text_parts(child)
    elif part.media_type in {"text/plain", "text/html"} and not _is_attachment(part):
        yield part


def _is_attachment(part: Part) -> bool:
    disposition = part.values.get(b"content-disposition")
    return disposition is not None and disposition.strip()[:10].lower() == b"attachment"


def _text(octets: Octets, part: Part, most: int) -> str:
    raw = octets[part.body_start : min(part.body_end, part.body_start + most)]
    if part.transfer_encoding not in {"7bit", "8bit"}:
        raw = decode_transfer(raw, part.transfer_encoding)
    cut = part.body_end - part.body_start > most
    text = decode_charset(raw, part.charset)
    return text.rstrip("\ufffd") if cut else text  # half a character at the cut


def _first_words(octets: Octets, part: Part, is_html: bool) -> str:
    line = ""
    for most in HTML_OCTETS if is_html else PLAIN_OCTETS:
        text = _text(octets, part, most)
        line = _one_line(_ENTITY.sub(_character, _MARKUP.sub(" ", text)) if is_html else text)
        if part.octets <= most or len(line) >= PREVIEW_CHARACTERS - 1:  # a blank may be cut
            break
    return line


def _character(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])


def _one_line(text: str) -> str:
    if text.isascii() and (line := " ".join(text.split())).isprintable():
        return line[:PREVIEW_CHARACTERS].rstrip()
    line = " ".join(_ALONE.sub("", text.translate(_UNSHOWN)).split())
    return line[:PREVIEW_CHARACTERS].rstrip()

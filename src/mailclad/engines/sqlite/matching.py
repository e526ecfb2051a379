"""Does a message hold a text?  Headers and bodies are decoded as people see them.

Comes in: what was prepared of the message, and a way to read ranges of it.  Compared
casefolded and NFC.  Trusts the offsets, which were made by our own scan.
"""

import re
from collections.abc import Callable, Iterator

from mailclad.mail.encoded_word import decode_charset, decode_text, fold_text
from mailclad.mail.headers import LISTED, split_fields
from mailclad.mail.parts import PartMap, unpack_parts
from mailclad.mail.transfer import decode_transfer

Read = Callable[[int, int], bytes]
"""The octets from a first offset up to a second."""

SEARCHED_OCTETS = 8 * 1024 * 1024
"""Of one part: longer texts are logs and dumps; their beginning is searched."""


_WORD = re.compile(rb"[!-9;-~]+")
"""What stands in a field as it does in its text; blanks do not, nor before the colon."""


class Needle:
    """The text looked for, in the forms in which it is compared."""

    __slots__ = ("_word", "octets", "text")

    def __init__(self, text: str) -> None:
        self.text = fold_text(text)
        # Lower-case ASCII can be found without decoding; other text cannot.
        self.octets = self.text.encode() if self.text.isascii() else None
        self._word = max(_WORD.findall(self.octets or b""), key=len, default=b"")

    def is_missing(self, header: bytes) -> bool:
        """Whether no field of it can hold the text, as far as can be told without decoding.

        Unfolding and decoding leave words of plain ASCII as they are.
        """
        plain = b"=?" not in header and header.isascii()
        return plain and self._word not in header.lower()


def matches_header(name: str, needle: Needle, fields: bytes, parts: bytes, read: Read) -> bool:
    """Whether a field of that name holds the text; where it is empty, whether there is one."""
    wanted = name.lower().encode(errors="replace")
    if wanted not in LISTED:
        whole = unpack_parts(parts)
        fields = read(whole.header_start, whole.body_start)
    if needle.is_missing(fields):
        return False
    values = [value for _, field, value in split_fields(fields) if field.lower() == wanted]
    return any(
        needle.text in fold_text(decode_text(value))
        for value in values
        if not needle.is_missing(value)
    )


def matches_body(needle: Needle, headers: bool, parts: bytes, read: Read) -> bool:
    """Whether a text part holds it or, with ``headers``, any header in the message."""
    whole = unpack_parts(parts)
    for part in _walk(whole):
        if headers and _header_holds(needle, read(part.header_start, part.body_start)):
            return True
        if _is_text(part) and _text_holds(needle, part, read):
            return True
    return False


def _walk(part: PartMap) -> Iterator[PartMap]:
    yield part
    for child in part.children:
        yield from _walk(child)


def _is_text(part: PartMap) -> bool:
    return not part.children and (part.media_type.startswith("text/") or not part.media_type)


def _header_holds(needle: Needle, header: bytes) -> bool:
    return not needle.is_missing(header) and any(
        needle.text in fold_text(f"{name.decode('latin-1')}: {decode_text(value)}")
        for field, name, value in split_fields(header)
        if not needle.is_missing(field)
    )


def _text_holds(needle: Needle, part: PartMap, read: Read) -> bool:
    end = min(part.body_end, part.body_start + SEARCHED_OCTETS)
    octets = decode_transfer(read(part.body_start, end), part.transfer_encoding)
    if needle.octets is not None and octets.isascii():
        return needle.octets in octets.lower()
    return needle.text in fold_text(decode_charset(octets, part.charset))

"""Text in header fields: encoded words and character sets (RFC 2047, RFC 2231 §5, RFC 6532).

In comes the value of a field as it stands, out goes text for people and for searches.
Lenient: words are decoded wherever they stand, characters split between words are put
together, an unknown character set is taken for UTF-8 and else for windows-1252.  Never
raises; linear in the octets.  Character sets come from a closed list: a name from a message
never makes Python look for a codec, and those that are no character sets, or slow
(punycode, idna), are not on it.
Limit: ``MAX_ENCODED_WORDS``; later words stay as they stand.
"""

import binascii
import re
import unicodedata
from encodings.aliases import aliases
from itertools import islice

MAX_ENCODED_WORDS = 1_000
"""In one field; a subject of 1,000 characters in Japanese needs some 60."""

_WORD = re.compile(rb"=\?([^?*\s]++)(?:\*[^?\s]*+)?\?([bBqQ])\?([^?]*+)\?=")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_NOT_NAME = re.compile(r"[^a-z0-9]+")
_CONTROLS = dict.fromkeys((*range(32), 127), " ")
_FALLBACK = "cp1252"

_NOT_CHARSETS = frozenset({
    "base64_codec", "bz2_codec", "hex_codec", "idna", "mbcs", "oem", "palmos", "punycode",
    "quopri_codec", "raw_unicode_escape", "rot_13", "undefined", "unicode_escape", "uu_codec",
    "zlib_codec",
})  # fmt: skip
_EXTRA = {
    "utf_8": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x_gbk": "gb18030",
    "ks_c_5601_1987": "cp949",
    "ks_c_5601": "cp949",
    "euc_kr": "cp949",
    "euckr": "cp949",
    "x_sjis": "cp932",
    "shift_jis": "cp932",
    "sjis": "cp932",
    "x_euc_jp": "euc_jp",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_1": "cp1252",
    "iso8859_1": "cp1252",
    "latin1": "cp1252",
    "latin_1": "cp1252",
    "l1": "cp1252",
    "x_cp1252": "cp1252",
    "windows_874": "cp874",
    "iso_8859_11": "cp874",
    "x_mac_roman": "mac_roman",
    "macintosh": "mac_roman",
    "utf_7": "utf_7",
    "unicode_1_1_utf_7": "utf_7",
    "koi8_r": "koi8_r",
    "koi8_u": "koi8_u",
}
"""Names that senders use, and the wider sets that they mean (as browsers take them)."""


def _charsets() -> dict[str, str]:
    known = {codec: codec for codec in aliases.values()} | aliases | _EXTRA
    return {name: codec for name, codec in known.items() if codec not in _NOT_CHARSETS}


_CHARSETS = _charsets()


def decode_charset(octets: bytes, charset: str) -> str:
    """Octets as text; what does not fit becomes U+FFFD."""
    if octets.isascii() and charset.lower() in {"utf-8", "us-ascii", "iso-8859-1", ""}:
        return octets.decode("ascii")
    name = _NOT_NAME.sub("_", charset.lower()[:64]).strip("_")
    codec = _CHARSETS.get(name)
    if codec is None or codec == "ascii":
        return _guess(octets)
    if codec in {"utf-8", "utf_8"}:
        return octets.decode("utf-8", "replace")
    text = octets.decode(codec, "replace")
    if codec == "utf_7":  # the one that lets lone surrogates through, which nothing can store
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def _guess(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode(_FALLBACK, "replace")


def decode_text(value: bytes) -> str:
    """A field's value for people: one line, encoded words decoded, blanks collapsed."""
    if value.isascii():
        text = _decode_words(value) if b"=?" in value else value.decode("ascii")
    else:
        text = _decode_words(value) if b"=?" in value else _guess(value)
    text = " ".join(text.split())
    return text if text.isprintable() else " ".join(text.translate(_CONTROLS).split())


def fold_text(text: str) -> str:
    """The form in which texts are compared: casefolded, NFC."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _decode_words(value: bytes) -> str:
    """RFC 2047 §6.2: blanks between two encoded words are not shown."""
    pieces: list[str] = []
    pending: list[bytes] = []  # octets of neighbouring words in one character set
    charset = b""
    end = 0
    for match in islice(_WORD.finditer(value), MAX_ENCODED_WORDS):
        between = value[end : match.start()]
        apart = not pending or bool(between.strip())
        if pending and (apart or match[1].lower() != charset):
            pieces.append(_decode_octets(pending, charset))
            pending = []
        if apart:
            pieces.append(_guess(between))
        charset = match[1].lower()
        pending.append(_word_octets(match[2], match[3]))
        end = match.end()
    if pending:
        pieces.append(_decode_octets(pending, charset))
    pieces.append(_guess(value[end:]))
    return "".join(pieces)


def _decode_octets(octets: list[bytes], charset: bytes) -> str:
    return decode_charset(b"".join(octets), charset.decode("ascii", "replace"))


def _word_octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"qQ":
        return binascii.a2b_qp(text.replace(b"\r", b"").replace(b"\n", b""), header=True)
    digits = _NOT_BASE64.sub(b"", text)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))

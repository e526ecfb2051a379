"""Mailbox names in modified UTF-7, as IMAP4rev1 writes them (RFC 3501 §5.1.3).

In and out: text and octets; ``decode`` is strict, so that a name has one spelling only and
``encode(decode(x)) == x``.  Linear in the name's length.
"""

import re
from base64 import b64decode, b64encode

_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_DIRECT = re.compile(rb"[\x20-\x25\x27-\x7e]*")
_OTHERS = re.compile(r"[^\x20-\x7e]+")


class Utf7Problem(ValueError):
    """Not modified UTF-7."""


def encode(name: str) -> bytes:
    return _OTHERS.sub(_shift, name.replace("&", "&-")).encode("ascii")


def _shift(found: re.Match[str]) -> str:
    packed = b64encode(found[0].encode("utf-16-be", "surrogatepass")).rstrip(b"=")
    return "&" + packed.replace(b"/", b",").decode() + "-"


def decode(octets: bytes) -> str:
    """The name; raises Utf7Problem where ``encode`` could not have made these octets."""
    if b"&" not in octets:
        return _direct(octets)
    pieces = _SHIFTED.split(octets)  # direct, shifted, direct, shifted, … direct
    name = "".join(
        _shifted(piece) if number % 2 else _direct(piece) for number, piece in enumerate(pieces)
    )
    if encode(name) != octets:
        raise Utf7Problem("mailbox name is not in shortest modified UTF-7")
    return name


def _direct(octets: bytes) -> str:
    if not _DIRECT.fullmatch(octets):
        raise Utf7Problem("mailbox name is not modified UTF-7")
    return octets.decode("ascii")


def _shifted(octets: bytes) -> str:
    if not octets:
        return "&"
    try:
        padded = octets.replace(b",", b"/") + b"=" * (-len(octets) % 4)
        return b64decode(padded, validate=True).decode("utf-16-be")
    except ValueError:
        raise Utf7Problem("mailbox name is not modified UTF-7") from None

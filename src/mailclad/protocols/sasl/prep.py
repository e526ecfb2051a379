"""SASLprep: one form for passwords that were typed on different keyboards.

RFC 4013 (RFC 5802 §2.2 and RFC 4616 §2 ask for it; RFC 8265's OpaqueString differs only in
keeping compatibility characters, so it comes to the same form here).  In: the password as
the client sent it.  Out: its octets in UTF-8, mapped, NFKC, with every prohibited character
refused.  Left out on purpose: the bidirectional check of RFC 3454 §6 and the refusal of
code points that Unicode 3.2 did not know; both would only refuse passwords that are safe.
"""

import re
import stringprep
import unicodedata

PASSWORD_OCTETS = 1_024
"""RFC 4616 §2 asks for 255; whoever needs more than this does not type it."""

_PLAIN = re.compile(rb"[\x20-\x7e]+")
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class PrepProblem(ValueError):
    """The text cannot be a password; the message says why, in words for its owner."""


def prepare_password(octets: bytes) -> bytes:
    if len(octets) > PASSWORD_OCTETS:
        raise PrepProblem(f"The password is longer than {PASSWORD_OCTETS:,} octets.")
    if _PLAIN.fullmatch(octets):
        return octets  # printable ASCII is its own form
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise PrepProblem("The password is not text in UTF-8.") from None
    return _prepare(text).encode()


def _prepare(text: str) -> str:
    """RFC 4013 §2.1 to §2.3."""
    mapped = "".join(map(_mapped, text))
    prepared = unicodedata.normalize("NFKC", mapped)
    if not prepared:
        raise PrepProblem("The password is empty.")
    if any(prohibited(letter) for letter in prepared for prohibited in _PROHIBITED):
        raise PrepProblem("The password holds a control character or one without a shape.")
    return prepared


def _mapped(letter: str) -> str:
    if stringprep.in_table_c12(letter):
        return " "
    return "" if stringprep.in_table_b1(letter) else letter

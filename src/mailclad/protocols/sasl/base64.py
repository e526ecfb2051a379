"""Base64 as SASL profiles demand it: nothing outside the alphabet, padding only at the end.

RFC 4648 §4 and §12, RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2.  In: the octets of one
line without its CRLF.  Out: the decoded octets.  Never skips a character it does not
know: a decoder that does lets two texts mean the same thing.
"""

import binascii


class Base64Problem(ValueError):
    """The text is not base64; the exchange ends."""


def decode_strict(text: bytes) -> bytes:
    """The octets; an empty text is no octets (``=`` is the protocol's own to read)."""
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise Base64Problem("not base64") from None
    if encode(octets) != text:  # binascii lets "AAAA====" and stray bits before "=" pass
        raise Base64Problem("not base64 as an encoder writes it")
    return octets


def encode(octets: bytes) -> bytes:
    return binascii.b2a_base64(octets, newline=False)

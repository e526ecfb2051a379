"""Content-Transfer-Encoding: octets as they were before it (RFC 2045 §6).

In comes a body and the name of its encoding in lower case.  Lenient: foreign octets in
base64 are skipped, missing padding is added, a wrong ``=XX`` stays as it is.  Never raises;
linear.
"""

import binascii
import re

_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
_KNOWN = _IDENTITY | {"base64", "quoted-printable"}
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")


def is_known(transfer_encoding: str) -> bool:
    """Whether ``decode_transfer`` can undo it; IMAP says UNKNOWN-CTE where it cannot."""
    return transfer_encoding in _KNOWN


def decode_transfer(octets: bytes, transfer_encoding: str) -> bytes:
    """The body without its encoding; unchanged where the encoding is unknown."""
    if transfer_encoding == "base64":
        return decode_base64(octets)
    if transfer_encoding == "quoted-printable":
        return binascii.a2b_qp(octets)
    return octets


def decode_base64(octets: bytes) -> bytes:
    """Several encodings one behind the other, each with its padding, are read as one."""
    digits = _NOT_BASE64.sub(b"", octets).rstrip(b"=")
    if b"=" not in digits:
        return _decode_run(digits)
    return b"".join([_decode_run(run) for run in digits.split(b"=") if run])


def _decode_run(digits: bytes) -> bytes:
    usable = len(digits) - (len(digits) % 4 == 1)
    return binascii.a2b_base64(digits[:usable] + b"=" * (-usable % 4))

"""The values of parameters of MAIL and RCPT (RFC 3461 §4, RFC 1870, RFC 6152, RFC 4954 §5 …).

RFC 4865 (HOLDFOR, HOLDUNTIL), RFC 2852 (BY), RFC 6710 (MT-PRIORITY).  In comes what stands behind
the equals sign, out comes a value, or ``SyntaxProblem`` with the reply that says what is wrong.
"""

import re
from datetime import UTC, datetime

from mailclad.mail.address import AddressProblem, parse_address
from mailclad.protocols.smtp.command import Body, DeliverBy, Notify, Return
from mailclad.protocols.smtp.reply import Reply

ENVELOPE_ID_OCTETS = 100
"""RFC 3461 §4.4."""
ORIGINAL_OCTETS = 500
"""RFC 3461 §4.2."""
SIZE_DIGITS = 20
"""RFC 1870 §3."""
HOLD_DIGITS = 9
"""RFC 4865 §3."""

_XTEXT = re.compile(r"(?:[!-*,-<>-~\x80-\U0010ffff]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")
_ORIGINAL = re.compile(r"([A-Za-z0-9\-]+);(.+)")
_HOLD_UNTIL = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII | re.IGNORECASE
)
_BY = re.compile(r"([+-]?\d{1,9});([NR])(T?)", re.ASCII | re.IGNORECASE)
_PRIORITY = re.compile(r"-?[1-9]|0", re.ASCII)


class SyntaxProblem(Exception):
    """Carries the reply; never leaves the engine."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(code, status, text)


def decode_xtext(text: str) -> str:
    """RFC 3461 §4; the octets that ``+XX`` stands for must make UTF-8."""
    if not _XTEXT.fullmatch(text):
        raise SyntaxProblem(501, "5.5.4", "A parameter's value is not written as xtext")
    octets = _HEXCHAR.sub(lambda pair: bytes([int(pair[1], 16)]), text.encode())
    try:
        decoded = octets.decode()
    except UnicodeDecodeError:
        raise SyntaxProblem(501, "5.5.4", "A parameter's value is not UTF-8") from None
    if not decoded.isprintable():
        raise SyntaxProblem(501, "5.5.4", "A parameter's value has control characters")
    return decoded


def read_size(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= SIZE_DIGITS):
        raise SyntaxProblem(501, "5.5.4", "SIZE is a number of octets")
    return int(value)


def read_body(value: str) -> Body:
    try:
        return Body(value.upper())
    except ValueError:
        raise SyntaxProblem(501, "5.5.4", "BODY is 7BIT, 8BITMIME or BINARYMIME") from None


def read_return(value: str) -> Return:
    try:
        return Return(value.upper())
    except ValueError:
        raise SyntaxProblem(501, "5.5.4", "RET is FULL or HDRS") from None


def read_envelope_id(value: str) -> str:
    if len(value) > ENVELOPE_ID_OCTETS:
        raise SyntaxProblem(501, "5.5.4", f"ENVID has at most {ENVELOPE_ID_OCTETS} characters")
    return decode_xtext(value)


def read_submitter(value: str) -> str:
    text = decode_xtext(value)
    if text == "<>":
        return ""
    try:
        return str(parse_address(text))
    except AddressProblem:
        raise SyntaxProblem(501, "5.5.4", "AUTH is <> or an address") from None


def read_notify(value: str) -> frozenset[Notify]:
    try:
        wanted = frozenset(Notify(word) for word in value.upper().split(","))
    except ValueError:
        raise SyntaxProblem(501, "5.5.4", "NOTIFY is NEVER, or SUCCESS, FAILURE, DELAY") from None
    if Notify.NEVER in wanted and len(wanted) > 1:
        raise SyntaxProblem(501, "5.5.4", "NOTIFY=NEVER stands alone")
    return wanted


def read_original(value: str) -> str:
    found = _ORIGINAL.fullmatch(value)
    if found is None or len(value) > ORIGINAL_OCTETS:
        raise SyntaxProblem(501, "5.5.4", "ORCPT is a type, a semicolon and an address as xtext")
    return f"{found[1]};{decode_xtext(found[2])}"


def read_hold_for(value: str) -> int:
    """Seconds (RFC 4865 §3)."""
    if not (value.isascii() and value.isdecimal() and len(value) <= HOLD_DIGITS and int(value)):
        raise SyntaxProblem(501, "5.5.4", "HOLDFOR is a number of seconds")
    return int(value)


def read_hold_until(value: str) -> int:
    """Seconds since 1970 (RFC 4865 §3, RFC 3339)."""
    try:
        if _HOLD_UNTIL.fullmatch(value):
            return int(datetime.fromisoformat(value.upper()).astimezone(UTC).timestamp())
    except ValueError:
        pass  # the 31st of February
    raise SyntaxProblem(501, "5.5.4", "HOLDUNTIL is a time as in 2026-12-31T08:00:00Z")


def read_by(value: str) -> DeliverBy:
    """RFC 2852 §4; who asks for the way (T) gets it where notices of success are asked for."""
    found = _BY.fullmatch(value)
    if found is None:
        raise SyntaxProblem(501, "5.5.4", "BY is seconds, a semicolon, and N or R")
    seconds, back = int(found[1]), found[2].upper() == "R"
    if back and seconds <= 0:
        raise SyntaxProblem(501, "5.5.4", "BY with R needs more than 0 seconds")
    return DeliverBy(seconds, give_up=back)


def read_priority(value: str) -> int:
    """RFC 6710 §7."""
    if _PRIORITY.fullmatch(value) is None:
        raise SyntaxProblem(501, "5.5.4", "MT-PRIORITY is a number from -9 to 9")
    return int(value)

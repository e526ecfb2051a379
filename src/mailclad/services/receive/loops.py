"""Messages that run in circles (RFC 5321 §6.3).

In comes a message as it was sent, without our own trace fields.  Two signs: many Received
fields, or a Delivered-To field with the very address it is for now, which only we write.
"""

from collections.abc import Sequence

from mailclad.base.octets import Octets
from mailclad.mail.address import Address, AddressProblem, parse_address
from mailclad.mail.headers import MAX_HEADER_OCTETS, find_body, split_fields
from mailclad.services.receive.refusal import ComesAgain, TooManyHops

MAX_RECEIVED = 50
"""RFC 5321 asks for at least 100 by whoever only counts; Postfix stops at 50, and no real way
has twenty."""

_USUAL_HEADER_OCTETS = 16 * 1024


def check_loops(octets: Octets, start: int, recipients: Sequence[Address]) -> None:
    """``start`` is where the sender's header begins; raises a Refusal."""
    header = _header(octets, start)
    folded = b"\n" + header.lower()
    if folded.count(b"\nreceived:") > MAX_RECEIVED:
        raise TooManyHops
    if b"\ndelivered-to:" in folded:
        places = [_base(address) for address in recipients]
        for _, name, value in split_fields(header):
            if name.lower() == b"delivered-to" and _place(value) in places:
                raise ComesAgain


def _base(address: Address) -> str:
    """Without what follows a plus sign, which may be another one each time round."""
    local_part, _, domain = address.normalised.rpartition("@")
    base = local_part if local_part.startswith('"') else local_part.partition("+")[0]
    return f"{base or local_part}@{domain}"


def _place(value: bytes) -> str | None:
    try:
        return _base(parse_address(value.strip().decode()))
    except (AddressProblem, UnicodeDecodeError):
        return None


def _header(octets: Octets, start: int) -> bytes:
    """The header's octets, copied; a longer one than usual costs a second copy."""
    header = octets[start : start + _USUAL_HEADER_OCTETS]
    if b"\r\n\r\n" not in header:
        header = octets[start : start + MAX_HEADER_OCTETS]
    return header[: find_body(header)]

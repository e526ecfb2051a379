"""Message-ID: the name that its writer gave a message (RFC 5322 §3.6.4).

In comes the field's value, or a whole message; out comes what stands between the angle
brackets, or the value as it stands where there are none.  Never raises; a stranger's text.
"""

import re

from mailclad.base.octets import Octets
from mailclad.mail.encoded_word import decode_text
from mailclad.mail.headers import find_body, first_values, split_fields

MAX_MESSAGE_ID_OCTETS = 998
"""A line (RFC 5322 §2.1.1)."""

_LOOKED_AT = 64 * 1024
"""Of a header; the field stands near its top, and nothing depends on it."""

_MESSAGE_ID = re.compile(rb"<([^<>]++)>")


def parse_message_id(value: bytes) -> str:
    match = _MESSAGE_ID.search(value)
    return decode_text((match[1] if match else value)[:MAX_MESSAGE_ID_OCTETS])


def find_message_id(octets: Octets, start: int = 0) -> str:
    """Of the message that begins at ``start``; "" where it has none."""
    header = octets[start : start + _LOOKED_AT]
    value = first_values(split_fields(header[: find_body(header)])).get(b"message-id")
    return parse_message_id(value) if value else ""

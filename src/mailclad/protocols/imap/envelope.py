"""ENVELOPE, rendered (RFC 9051 §7.5.2, RFC 3501 §7.4.2).

In come header values by lower-case name, out goes the parenthesised list.  Encoded words
stay as they stand in the header: clients decode them.  Octets above 127, UTF-8 (RFC 6532)
or not, go out as they are, in literals: both revisions allow them there, nothing is lost, and
no client that did not ask for UTF-8 sees it in a quoted string (RFC 6855 §3).  Folds and
controls become a blank, so that nothing but such octets and length needs a literal.

Where it leaves the letter: several To, Cc or Bcc fields are shown as one; an address without
domain has the empty string there, since NIL means a group.
Limits: ``mail.address_list``; ``MAX_ADDRESS_OCTETS`` for all lists of one message together.
"""

import re
from functools import lru_cache

from mailclad.mail.address_list import MAX_FIELD_OCTETS, parse_address_list
from mailclad.protocols.imap.write import write_string

MAX_ADDRESS_OCTETS = 256 * 1024
"""Address fields read of a message with all the messages in it, so that no header made for
it costs more than half a second."""

MAX_TEXT_OCTETS = 16 * 1024
"""Shown of a subject or another text; real ones stay under 1,000."""

REMEMBERED_FIELDS, REMEMBERED_OCTETS = 1_000, 200
"""Address fields of the last messages, rendered: people write to the same people."""

_FOLD = re.compile(rb"\r?\n[ \t]*+")
_CONTROLS = bytes(32 if octet < 32 or octet == 127 else octet for octet in range(256))
_PLAIN = re.compile(rb"[ !#-\[\]-~]{0,500}")


def write_text(value: bytes | None) -> bytes:
    """A header value as an nstring."""
    if value is None:
        return b"NIL"
    value = value.strip()
    if _PLAIN.fullmatch(value):
        return b'"%b"' % value
    value = _FOLD.sub(b" ", value[:MAX_TEXT_OCTETS]).translate(_CONTROLS)
    return write_string(value)


class EnvelopeWriter:
    """Renders the envelopes of one message and of the messages in it."""

    __slots__ = ("_octets_left",)

    def __init__(self) -> None:
        self._octets_left = MAX_ADDRESS_OCTETS

    def write(self, values: dict[bytes, bytes]) -> bytes:
        get = values.get
        from_ = self._addresses(get(b"from"))
        sender = self._addresses(get(b"sender"))
        reply_to = self._addresses(get(b"reply-to"))
        return b"(%b %b %b %b %b %b %b %b %b %b)" % (
            write_text(get(b"date")),
            write_text(get(b"subject")),
            from_,
            from_ if sender == b"NIL" else sender,
            from_ if reply_to == b"NIL" else reply_to,
            self._addresses(get(b"to")),
            self._addresses(get(b"cc")),
            self._addresses(get(b"bcc")),
            write_text(get(b"in-reply-to")),
            write_text(get(b"message-id")),
        )

    def _addresses(self, value: bytes | None) -> bytes:
        if value is None or not self._octets_left:
            return b"NIL"
        value = value[: min(MAX_FIELD_OCTETS, self._octets_left)]
        self._octets_left -= len(value)
        return _remembered(value) if len(value) <= REMEMBERED_OCTETS else _address_list(value)


def _address_list(value: bytes) -> bytes:
    found = parse_address_list(value)
    return b"(%b)" % b"".join([_address(*address) for address in found]) if found else b"NIL"


_remembered = lru_cache(REMEMBERED_FIELDS)(_address_list)


def _address(
    name: bytes | None, route: bytes | None, local_part: bytes | None, domain: bytes | None
) -> bytes:
    return b"(%b %b %b %b)" % (
        write_text(name),
        write_text(route) if route is not None else b"NIL",
        write_text(local_part),
        write_text(domain),
    )

"""A message → what is stored beside it: rendered once, at delivery (RFC 9051 §7.5.2).

In come the octets of a message, whole, in memory or mapped; out comes ``Prepared``: what every
list, search and partial fetch needs, so that nobody parses the message again.  SMTP, APPEND
and import alike call this.  Never raises on any octets; linear; trusts nothing in them.

``message_id`` is without its angle brackets, ``subject`` and the address texts are whole
fields, decoded and folded, an address list as its header has it.  ``fields`` holds the listed
fields in their order.
Limits: those of ``mail.mime``, ``mail.headers``, ``mail.address_list``; ``MAX_SEARCH_OCTETS``.
"""

from functools import lru_cache

from mailclad.base.octets import Octets
from mailclad.mail.date import parse_sent_date
from mailclad.mail.encoded_word import decode_text, fold_text
from mailclad.mail.headers import Field, join_listed
from mailclad.mail.message_id import parse_message_id
from mailclad.mail.mime import scan_fields
from mailclad.mail.parts import pack_parts
from mailclad.mail.prepared import PREPARED_VERSION, Prepared
from mailclad.mail.preview import preview
from mailclad.protocols.imap.body_structure import write_body
from mailclad.protocols.imap.envelope import REMEMBERED_FIELDS, REMEMBERED_OCTETS, EnvelopeWriter

MAX_SEARCH_OCTETS = 64 * 1024
"""Of a field, before decoding; a search by address must find the last of a thousand."""

_JOINED = (b"to", b"cc", b"bcc")


def prepare(octets: Octets) -> Prepared:
    """Everything that is stored beside the message."""
    part, fields = scan_fields(octets)
    if len(part.values) != len(fields):
        _join_repeated(part.values, fields)
    values = part.values
    envelopes = EnvelopeWriter()
    envelope = envelopes.write(values)
    body, body_structure = write_body(part, envelopes)
    date = values.get(b"date")
    sent = parse_sent_date(date) if date else None
    return Prepared(
        version=PREPARED_VERSION,
        octets=len(octets),
        envelope=envelope,
        body_structure=body_structure,
        body=body,
        fields=join_listed(fields),
        parts=pack_parts(part),
        preview=preview(octets, part),
        subject=_search_text(values.get(b"subject")),
        from_=_address_text(values.get(b"from")),
        to=_address_text(values.get(b"to")),
        cc=_address_text(values.get(b"cc")),
        bcc=_address_text(values.get(b"bcc")),
        message_id=parse_message_id(values.get(b"message-id", b"")),
        sent_at=sent.at if sent else None,
        sent_day=sent.day if sent else None,
    )


def _join_repeated(values: dict[bytes, bytes], fields: list[Field]) -> None:
    """A message should have one To field; where it has more, nobody is left out."""
    names = [name.lower() for _, name, _ in fields]
    for wanted in _JOINED:
        if names.count(wanted) > 1:
            found = [field[2] for field, name in zip(fields, names, strict=True) if name == wanted]
            values[wanted] = b",".join(found)


def _search_text(value: bytes | None) -> str:
    return fold_text(decode_text(value[:MAX_SEARCH_OCTETS])) if value else ""


_remembered = lru_cache(REMEMBERED_FIELDS)(_search_text)


def _address_text(value: bytes | None) -> str:
    return (_remembered if value and len(value) <= REMEMBERED_OCTETS else _search_text)(value)

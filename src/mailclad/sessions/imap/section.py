"""Which octets a section of FETCH means (RFC 9051 §6.4.5, §6.4.5.1, RFC 3516).

In: the section, the message's body and the map of its parts.  Out: a ``Text``, or None
where the message has no such part, which is answered NIL.  Part offsets were computed when
the message arrived; nothing is parsed here but a header whose fields are selected.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from mailclad.mail.headers import LISTED, select_fields
from mailclad.mail.parts import PartMap
from mailclad.mail.transfer import is_known
from mailclad.protocols.imap.sections import BinarySize, Section, What
from mailclad.sessions.imap.refusals import NotDecodable
from mailclad.sessions.imap.text import Decoded, Extent, Held, Text, part_of
from mailclad.store.interface import Body

_BLANK_LINE = b"\r\n"


def is_listed(section: Section) -> bool:
    """Whether its header fields were all kept apart when the message arrived."""
    return (
        section.what is What.HEADER_FIELDS
        and not section.numbers
        and LISTED.issuperset(section.fields)
    )


def listed_cut(section: Section) -> Callable[[bytes], bytes]:
    """Makes the octets of a section that ``is_listed`` from the fields that were kept."""
    find = _runs_of(section.fields).findall
    if section.partial is None:
        return lambda listed: b"".join(find(listed)) + _BLANK_LINE
    start, count = section.partial
    return lambda listed: (b"".join(find(listed)) + _BLANK_LINE)[start : start + count]


@lru_cache(maxsize=64)  # programs have a few sets each; a client cannot make us keep more
def _runs_of(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Finds fields of these names, as they stand in the header, neighbours together.

    Each match begins where the last one ended and skips whole lines: looking for the next
    field octet by octet would take three times as long.
    """
    initials = b"".join(sorted({name[:1] for name in names}))
    name = b"(?=[%b])(?:%b)[ \t]*+:" % (initials, b"|".join(map(re.escape, names)))
    other_line = b"(?!%b)(?:[^\n]++\n?|\n)" % name
    field = name + rb"[^\n]*+(?:\n[ \t][^\n]*+)*+\n?"
    # Atomic groups, not (…)*+: early releases of Python 3.11 (Debian 12) match that wrongly.
    return re.compile(b"(?>(?:%b)*)((?>(?:%b)*))" % (other_line, field), re.IGNORECASE)


def section_text(section: Section, body: Body, parts: PartMap | None) -> Text | None:
    """``parts`` may be None where only whole messages are asked for."""
    if parts is None or (section.what is None and not section.numbers):
        return part_of(Extent(body, 0, body.octets), section.partial)
    part = parts.find(section.numbers)
    if part is None:
        return None
    text = _decoded(body, part) if section.binary else _text(section, body, part)
    return text and part_of(text, section.partial)


def binary_size(item: BinarySize, body: Body, parts: PartMap) -> int:
    """How many octets BINARY would give; 0 where there is no such part."""
    part = parts.find(item.numbers)
    return 0 if part is None else _decoded(body, part).octets


def _text(section: Section, body: Body, part: PartMap) -> Text | None:
    if section.what is None:
        return Extent(body, part.body_start, part.octets)
    if section.what is What.MIME:
        return _header(body, part)
    if section.numbers:  # HEADER and TEXT are those of the message in this part
        if not part.is_message:
            return None
        part = part.children[0]
    if section.what is What.TEXT:
        return Extent(body, part.body_start, part.octets)
    header = _header(body, part)
    if section.what is What.HEADER:
        return header
    invert = section.what is What.HEADER_FIELDS_NOT
    fields = select_fields(header.whole(), frozenset(section.fields), invert)
    return Held(fields + _BLANK_LINE)


def _header(body: Body, part: PartMap) -> Extent:
    return Extent(body, part.header_start, part.body_start - part.header_start)


def _decoded(body: Body, part: PartMap) -> Text:
    if not is_known(part.transfer_encoding):
        raise NotDecodable
    encoded = Extent(body, part.body_start, part.octets)
    if part.transfer_encoding in {"base64", "quoted-printable"}:
        return Decoded(encoded, part.transfer_encoding)
    return encoded

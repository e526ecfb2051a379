"""What of a message's octets a FETCH asks for: ``BODY[1.2.HEADER]<0.100>`` and friends.

RFC 9051 §6.4.5 and §9 "section", "section-binary", "partial"; RFC 3501 for ``RFC822``,
``RFC822.HEADER`` and ``RFC822.TEXT``.  Values only: ``parse_message.py`` makes them, the
session reads the octets, ``label`` is what stands before them in the answer.
"""

from dataclasses import dataclass
from enum import Enum


class What(Enum):
    """Which text of the part; the whole of it where a section has none of these."""

    HEADER = b"HEADER"
    HEADER_FIELDS = b"HEADER.FIELDS"
    HEADER_FIELDS_NOT = b"HEADER.FIELDS.NOT"
    TEXT = b"TEXT"
    MIME = b"MIME"


@dataclass(frozen=True, slots=True)
class Section:
    """Octets of a message: ``numbers`` is the part, () the message itself.

    ``fields`` are header field names, lower case, in the order asked; ``partial`` is the
    first octet and how many; ``peek`` leaves \\Seen alone; ``binary`` asks for the octets
    with their transfer encoding undone.  ``label`` is ready for the answer, ``<origin>``
    included, for instance ``BODY[1.TEXT]<0>``.
    """

    label: bytes
    numbers: tuple[int, ...] = ()
    what: What | None = None
    fields: tuple[bytes, ...] = ()
    partial: tuple[int, int] | None = None
    peek: bool = False
    binary: bool = False


@dataclass(frozen=True, slots=True)
class BinarySize:
    """``BINARY.SIZE[1.2]``: how many octets BINARY would give (RFC 3516 §4.3)."""

    label: bytes
    numbers: tuple[int, ...]

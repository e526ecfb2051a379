"""FETCH answers, many messages at once (RFC 9051 §7.5.2).

Items are compiled once into columns and a template; rows are encoded hundreds at a time,
with no object per message: one ``%`` makes the whole block.  In: rows as the store gives
them, in the order of ``FetchPlan.columns``; out: octets.  Values that were rendered when
the message arrived (ENVELOPE, BODYSTRUCTURE, BODY) are copied as they are and trusted.

Messages whose octets are too long for a row are written in pieces: ``message_start``,
``FetchPlan.encode_items``, ``section_start``, the octets, ``MESSAGE_END``.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from mailclad.protocols.imap.commands import Attribute, FetchItem
from mailclad.protocols.imap.sections import BinarySize, Section
from mailclad.protocols.imap.write import literal8_start, literal_start

Row = tuple[Any, ...]

FLAG_TEXTS = 1_024
"""Combinations of flags whose text is kept; a mailbox has about twenty."""

DAY_TEXTS = 20_000
"""Days whose text is kept: 55 years, 1.5 MB; an APPEND may name any of 3.6 million."""

MESSAGE_END = b")\r\n"


class FlagText(dict[int, bytes]):
    """The text of a message's flags, by their bits; bit ``n`` is ``names[n]``."""

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self._names = [name.encode() for name in names]

    def __missing__(self, flags: int) -> bytes:
        text = b" ".join(name for bit, name in enumerate(self._names) if flags >> bit & 1)
        if len(self) < FLAG_TEXTS:
            self[flags] = text
        return text


class FetchPlan:
    """What to read and how to write it, for the items of one FETCH.

    ``columns`` says what a row holds: an int for UID, FLAGS (bits), INTERNALDATE (seconds
    since 1970 UTC), RFC822.SIZE and BINARY.SIZE; rendered octets for ENVELOPE,
    BODYSTRUCTURE and BODY; the octets, or None where there is no such part, for a Section.
    """

    __slots__ = ("_block", "_inner", "_line", "columns")

    def __init__(self, items: Sequence[FetchItem]) -> None:
        self.columns = tuple(items)
        self._inner = b" ".join(map(_hole, items))
        self._line = b"* %d FETCH (" + self._inner + MESSAGE_END
        self._block = (1, self._line)  # the line, repeated for so many rows

    def encode_rows(self, numbers: Sequence[int], rows: Sequence[Row], flags: FlagText) -> bytes:
        """The untagged FETCH of each row; ``numbers`` are their sequence numbers."""
        if not rows:
            return b""
        width = len(self.columns) + 1
        values: list[object] = [None] * (width * len(rows))
        values[0::width] = numbers
        for place, (item, column) in enumerate(
            zip(self.columns, zip(*rows, strict=True), strict=True), 1
        ):
            values[place::width] = _column(item, column, flags)
        if self._block[0] != len(rows):
            self._block = (len(rows), self._line * len(rows))
        return self._block[1] % tuple(values)

    def encode_items(self, row: Row, flags: FlagText) -> bytes:
        """What stands between the parentheses for one message; empty without items."""
        values: list[object] = []
        for item, cell in zip(self.columns, row, strict=True):
            values += _column(item, (cell,), flags)
        return self._inner % tuple(values)


def message_start(number: int) -> bytes:
    return b"* %d FETCH (" % number


def section_start(section: Section, octets: int) -> bytes:
    """What goes before this many octets of the section; binary ones may hold NUL."""
    start = literal8_start if section.binary else literal_start
    return section.label + b" " + start(octets)


def section_nil(section: Section) -> bytes:
    """The message has no such part."""
    return section.label + b" NIL"


def write_internal_date(seconds: int) -> bytes:
    """``07-Feb-1994 21:52:25 +0000``, without quotes."""
    return _DAY[seconds // 86_400] + _MINUTE[seconds // 60 % 1_440] + _SECOND[seconds % 60]


# --- columns ---------------------------------------------------------------------


class _DayText(dict[int, bytes]):
    def __missing__(self, day: int) -> bytes:
        named = date.fromordinal(min(max(day + _EPOCH, 1), date.max.toordinal()))
        text = b"%02d-%b-%04d " % (named.day, _MONTHS[named.month - 1], named.year)
        if len(self) >= DAY_TEXTS:
            self.clear()
        self[day] = text
        return text


_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun",
           b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")  # fmt: skip
_DAY = _DayText()
_MINUTE = [b"%02d:%02d:" % divmod(minute, 60) for minute in range(1_440)]
_SECOND = [b"%02d +0000" % second for second in range(60)]

_HOLES = {
    Attribute.UID: b"UID %d",
    Attribute.FLAGS: b"FLAGS (%b)",
    Attribute.INTERNALDATE: b'INTERNALDATE "%b"',
    Attribute.RFC822_SIZE: b"RFC822.SIZE %d",
}


def _hole(item: FetchItem) -> bytes:
    if isinstance(item, BinarySize):
        return _escape(item.label) + b" %d"
    if isinstance(item, Section):
        return _escape(item.label) + b" %b"
    return _HOLES.get(item, item.value + b" %b")


def _escape(label: bytes) -> bytes:
    return label.replace(b"%", b"%%")


def _column(item: FetchItem, column: Sequence[Any], flags: FlagText) -> Iterable[object]:
    if item is Attribute.FLAGS:
        return map(flags.__getitem__, column)
    if item is Attribute.INTERNALDATE:
        return _dates(column)
    if isinstance(item, Section):
        return map(_write_binary if item.binary else _write_text, column)
    return column


def _dates(column: Sequence[int]) -> list[bytes]:
    """``write_internal_date`` of each, without a call a row: a third of a list's time."""
    day, minute, second = _DAY, _MINUTE, _SECOND
    return [day[at // 86_400] + minute[at // 60 % 1_440] + second[at % 60] for at in column]


def _write_text(octets: bytes | None) -> bytes:
    return b"NIL" if octets is None else literal_start(len(octets)) + octets


def _write_binary(octets: bytes | None) -> bytes:
    return b"NIL" if octets is None else literal8_start(len(octets)) + octets

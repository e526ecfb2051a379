"""A message whose header or body is changed on its way in, written anew.

Comes in: a message, the fields that guards before have put above it, and changes in a filter's
words.  Goes out: fields to stand above it, and the message as it reads from now on, or None where
only fields above are new: then nothing is copied.  What was put above by others is counted,
but is not changed.  Fields that could end a header or begin another field are refused.
"""

import re
from dataclasses import dataclass

from mailclad.base.octets import NewSpool, Octets
from mailclad.mail.headers import MAX_HEADER_OCTETS, find_body, split_fields

_NAME = re.compile(rb"[!-9;-~]{1,200}")
_NOT_IN_VALUES = re.compile(rb"[\0\r]")
_BLANK_LINES = re.compile(rb"\n[ \t]*(?=\n|\Z)")
_NEW_LINE = re.compile(rb"\n(?![ \t])")
_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")
_PIECE_OCTETS = 256 * 1024


class BadField(ValueError):
    """This cannot stand in a header."""


def make_field(name: bytes, value: bytes, *, blank: bool = True) -> bytes:
    """A whole field; lines of the value may end as they like and go on as they like.

    ``blank``: one is put behind the colon.  Raises BadField.
    """
    if _NAME.fullmatch(name) is None:
        raise BadField("the name of a field has only visible ASCII characters and no colon")
    value = _NOT_IN_VALUES.sub(b"", value.replace(b"\r\n", b"\n"))
    value = _NEW_LINE.sub(b"\n\t", _BLANK_LINES.sub(b"", value))
    return name + (b": " if blank else b":") + value.replace(b"\n", b"\r\n") + b"\r\n"


def clean_body(octets: bytes) -> bytes:
    """A body from a filter: every line ends with CRLF, no octet is 0 (RFC 5321 §2.3.8)."""
    return _ANY_LINE_END.sub(b"\r\n", octets.replace(b"\0", b""))


@dataclass(slots=True, eq=False)
class _Entry:
    """``sent``: it came with the message.  Two that read alike are still two."""

    name: bytes
    octets: bytes
    sent: bool


class HeaderEdit:
    """The header of a message while it is changed.

    ``above`` are the fields that other guards have put before the message.  A field that was
    removed is still counted, as in Sendmail: filters go by the numbers that they were shown.
    """

    __slots__ = ("_above", "_changed", "_end", "_entries", "_tail")

    def __init__(self, above: bytes, header: bytes) -> None:
        fields = split_fields(header)
        others = split_fields(above)
        self._entries = [_Entry(name.lower(), field, False) for field, name, _ in others]
        self._above = list(self._entries)
        self._entries += [_Entry(name.lower(), field, True) for field, name, _ in fields]
        last = fields[-1][0] if fields else b""
        # What no field was made of, and fields beyond the limit; kept as it is.
        self._tail = header[header.rfind(last) + len(last) :] if last else header
        self._end = b"" if header else b"\r\n"
        self._changed = False

    def add(self, field: bytes) -> None:
        """Behind all others."""
        self._insert(len(self._entries), field)

    def insert(self, index: int, field: bytes) -> None:
        """Before the ``index``-th of all fields, counted from 0."""
        self._insert(min(index, len(self._entries)), field)

    def change(self, name: bytes, number: int, field: bytes) -> None:
        """The ``number``-th of this name, from 1; added where there is none; b"" removes it."""
        same = self._named(name)
        if number > len(same):
            if field:
                self.add(field)
            return
        self._put(same[max(number, 1) - 1], field)

    def remove(self, name: bytes, number: int = 0) -> None:
        """The ``number``-th of this name, from the end if it is negative; 0: all of them."""
        same = self._named(name)
        if number:
            at = number - 1 if number > 0 else len(same) + number
            same = same[at : at + 1] if at >= 0 else []
        for entry in same:
            self._put(entry, b"")

    def above(self) -> bytes:
        """What is new before the first field of the message."""
        new = [entry.octets for entry in self._top() if entry not in self._above]
        return b"".join(new)

    def header(self) -> bytes | None:
        """The message's own, with its blank line; None where it is as it was."""
        entries = self._entries[len(self._top()) :]
        if not self._changed and all(entry.sent for entry in entries):
            return None
        return b"".join([entry.octets for entry in entries]) + self._tail + self._end

    def _top(self) -> list[_Entry]:
        first = next((at for at, entry in enumerate(self._entries) if entry.sent), None)
        return self._entries[:first]

    def _named(self, name: bytes) -> list[_Entry]:
        return [entry for entry in self._entries if entry.name == name.lower()]

    def _insert(self, at: int, field: bytes) -> None:
        name = field.partition(b":")[0].lower()
        self._entries.insert(at, _Entry(name, field, False))

    def _put(self, entry: _Entry, field: bytes) -> None:
        if entry in self._above:
            return
        self._changed = self._changed or entry.sent
        entry.octets = field


def split_message(octets: Octets, start: int) -> tuple[bytes, int]:
    """The header with its blank line, if any, and where the body begins.

    A header longer than MAX_HEADER_OCTETS is cut there: the rest counts as body.
    """
    head = octets[start : start + MAX_HEADER_OCTETS]
    body = find_body(head)
    return head[:body], start + body


def rewritten(
    message: Octets, header: bytes, body: bytes | None, body_at: int, new_spool: NewSpool
) -> Octets:
    """The message with another header and perhaps another body."""
    spool = new_spool()
    try:
        spool.write(header)
        if body is not None:
            spool.write(body)
        else:
            for at in range(body_at, len(message), _PIECE_OCTETS):
                spool.write(message[at : at + _PIECE_OCTETS])
        return spool.view()
    finally:
        spool.close()

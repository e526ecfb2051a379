"""The MIME scanner: one pass over a message finds all its parts (RFC 2045, RFC 2046).

In come octets, whole, in memory or mapped; out comes the tree of parts with offsets, line
counts and the header fields that describe them.  Nothing is decoded or copied but headers.

Lenient, and the same for every reader of the message, who works with the offsets found here:

- Lines end with CRLF or LF; a bare CR ends nothing; NUL and 8-bit are octets like others.
- A header ends at the first blank line; without one, at the boundary that comes or at the end.
  Lines that are no fields are skipped, but where the first line is none there is no header.
- A boundary counts where a line holds it alone (RFC 2046 §5.1.1; blanks may follow).  So one
  boundary that begins like another is not taken for it.  An outer boundary ends whatever is
  open inside; a missing end is the end of what encloses.
- A multipart whose boundary is not given, or never comes, is one part of text/plain: its
  text is then shown instead of nothing.
- A part of a multipart/digest that gives no type is message/rfc822 (RFC 2046 §5.1.5).

Never raises on any octets.  Every octet is searched for line ends and boundaries once and
counted once, whatever the nesting: linear.
Limits, beyond which the rest is one opaque part (application/octet-stream) without
children: ``MAX_DEPTH``, ``MAX_PARTS``; ``mail.headers.MAX_HEADER_OCTETS`` and ``MAX_FIELDS``
count for the whole message, headers beyond them are not read.
"""

import re
from typing import NamedTuple

from mailclad.base.octets import Octets
from mailclad.mail.headers import (
    MAX_FIELDS,
    MAX_HEADER_OCTETS,
    Field,
    begins_with_field,
    first_values,
    split_fields,
)
from mailclad.mail.parameters import (
    Parameters,
    decode_extended,
    find_parameter,
    find_text,
    parse_media_type,
    parse_token,
)
from mailclad.mail.parts import Part

MAX_DEPTH = 50
"""Multiparts and messages inside each other; real mail has under ten, and programs that read
BODYSTRUCTURE by recursion take fifty."""

MAX_PARTS = 1_000
"""A digest of a busy mailing list has some 200."""

MAX_BOUNDARY_OCTETS = 200
"""RFC 2046 §5.1.1 allows 70; a few programs make longer ones."""

MAX_CHARSET_OCTETS = 64

MANY_DASHES = 64
"""Lines that begin with dashes and are no boundary, in one part; if there are more, a pattern
is made of the open boundaries: it takes longer to make than 64 lines to look at."""

_CHUNK = 256 * 1024
"""A mapped file is searched in pieces of this size, which are copied one at a time."""

_HEADER_END = re.compile(rb"\n\r?\n")
_HEADER_END_OR_DASHES = re.compile(rb"\n(?:\r?\n|--)")
_DASHES = re.compile(rb"\n--")
_LINE = re.compile(rb"--([^\n]*+)\n?")

_OPAQUE = "application/octet-stream"
_TEXT = "text/plain"
_MESSAGE_TYPES = frozenset({"message/rfc822", "message/global"})


def scan(octets: Octets) -> Part:
    """The message's parts; never raises."""
    return scan_fields(octets)[0]


def scan_fields(octets: Octets) -> tuple[Part, list[Field]]:
    """The message's parts, and its own header fields."""
    scanner = _Scanner(octets)
    part, _ = scanner.entity(0, 0, _TEXT)
    return part, scanner.first_fields or []


class _Boundary(NamedTuple):
    """Where a body ends: before the line end of a boundary line, or with the message.

    ``depth`` is that of the multipart whose boundary it is, 0 at the end of the message.
    """

    body_end: int
    next_line: int
    depth: int
    closing: bool


class _Scanner:
    """``_lines`` of the octets before ``_counted`` are counted; places only grow."""

    __slots__ = (
        "_boundaries", "_counted", "_fields_left", "_header_left", "_lines", "_octets", "_parts",
        "_patterns", "first_fields",
    )  # fmt: skip

    def __init__(self, octets: Octets) -> None:
        self._octets = octets
        self._boundaries: dict[bytes, int] = {}
        self._patterns: tuple[re.Pattern[bytes], re.Pattern[bytes]] | None = None
        self._counted = self._lines = self._parts = 0
        self._header_left = MAX_HEADER_OCTETS
        self._fields_left = MAX_FIELDS
        self.first_fields: list[Field] | None = None

    def entity(self, start: int, depth: int, default: str) -> tuple[Part, _Boundary]:
        """The message or part whose header begins at ``start``, and what ended it."""
        self._parts += 1
        if self._parts >= MAX_PARTS:
            self._boundaries.clear()  # this part takes all the rest
        body_start = self._find_body(start)
        values = self._read_header(start, body_start)
        lines_before = self._lines_to(body_start)
        part = _described(start, body_start, values, default)
        if depth >= MAX_DEPTH or self._parts >= MAX_PARTS:
            end = self._opaque(part)
        elif part.media_type in _MESSAGE_TYPES:
            inner, end = self.entity(body_start, depth + 1, _TEXT)
            part.children = (inner,)
        elif part.is_multipart:
            end = self._multipart(part, depth + 1)
        else:
            end = self._find_boundary(body_start)
        # the line end of a blank line may be that of the boundary too: it is the header's
        part.body_end = max(
            end.body_end, part.children[-1].body_end if part.children else body_start
        )
        part.lines = self._lines_to(part.body_end) - lines_before
        return part, end

    def _opaque(self, part: Part) -> _Boundary:
        if part.is_multipart or part.media_type in _MESSAGE_TYPES:
            part.media_type, part.charset, part.parameters = _OPAQUE, "", []
        return self._find_boundary(part.body_start)

    def _multipart(self, part: Part, depth: int) -> _Boundary:
        boundary = find_parameter(part.parameters, b"boundary").rstrip()
        if not boundary:
            boundary = find_text(part.parameters, b"boundary").encode().rstrip()
        children: list[Part] = []
        if 0 < len(boundary) <= MAX_BOUNDARY_OCTETS:
            outer = self._enter(boundary, depth)
            end = self._find_boundary(part.body_start)
            default = "message/rfc822" if part.media_type == "multipart/digest" else _TEXT
            while end.depth == depth and not end.closing and self._parts < MAX_PARTS:
                child, end = self.entity(end.next_line, depth, default)
                children.append(child)
            self._leave(boundary, outer)
            if end.depth == depth:  # what follows is an epilogue
                end = self._find_boundary(end.next_line)
        else:
            end = self._find_boundary(part.body_start)
        if children:
            part.children = tuple(children)
        else:
            part.media_type, part.charset, part.parameters = _TEXT, "", []
        return end

    def _enter(self, boundary: bytes, depth: int) -> int | None:
        """Opens a boundary; returns what ``_leave`` puts back."""
        outer = self._boundaries.get(boundary)
        self._boundaries[boundary] = depth
        self._patterns = None
        return outer

    def _leave(self, boundary: bytes, outer: int | None) -> None:
        self._boundaries.pop(boundary, None)
        if outer is not None and self._parts < MAX_PARTS:
            self._boundaries[boundary] = outer
        self._patterns = None

    def _find_body(self, start: int) -> int:
        """Behind the blank line; before the next boundary, or at the end, where there is none."""
        octets = self._octets
        if octets[start : start + 1] == b"\n":
            return start + 1
        if octets[start : start + 2] == b"\r\n":
            return start + 2
        if not begins_with_field(octets, start):
            return start
        pattern = _HEADER_END_OR_DASHES if self._boundaries else _HEADER_END
        tries = 0
        while (found := pattern.search(octets, start)) is not None:
            start = found.start() + 1
            if octets[start : start + 1] != b"-":
                return found.end()
            boundary = self._boundary_at(start)
            if boundary is not None:
                return boundary.body_end
            tries += 1
            if tries == MANY_DASHES:
                pattern = self._exact_patterns()[0]
        return len(octets)

    def _read_header(self, start: int, body_start: int) -> dict[bytes, bytes]:
        if start == body_start or not (self._header_left and self._fields_left):
            return {}
        header = self._octets[start : min(body_start, start + self._header_left)]
        fields = split_fields(header, self._fields_left)
        self._header_left -= len(header)
        self._fields_left -= len(fields)
        if self.first_fields is None:
            self.first_fields = fields
        return first_values(fields)

    def _find_boundary(self, line: int) -> _Boundary:
        """The first open boundary from the beginning of a line on."""
        octets = self._octets
        if self._boundaries:
            needle = b"\n--" + next(iter(self._boundaries)) if len(self._boundaries) == 1 else None
            at = line if octets[line : line + 2] == b"--" else _find_dashes(octets, line, needle)
            tries = 0
            while at >= 0:
                found = self._boundary_at(at)
                if found is not None:
                    return found
                tries += 1
                if tries < MANY_DASHES:
                    at = _find_dashes(octets, at, needle)
                else:
                    match = self._exact_patterns()[1].search(octets, at)
                    at = -1 if match is None else match.start() + 1
        return _Boundary(len(octets), len(octets), 0, True)

    def _exact_patterns(self) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
        """What finds the end of a header, and an open boundary, and nothing like one."""
        if self._patterns is None:
            boundaries = b"|".join([re.escape(boundary) for boundary in self._boundaries])
            line = rb"--(?:%b)[ \t\r\f\v]*+(?:--[ \t\r\f\v]*+)?(?:\n|\Z)" % boundaries
            self._patterns = re.compile(rb"\n(?:\r?\n|%b)" % line), re.compile(rb"\n" + line)
        return self._patterns

    def _boundary_at(self, line: int) -> _Boundary | None:
        """The open boundary that stands on this line, which begins with two dashes."""
        match = _LINE.match(self._octets, line)
        assert match is not None
        text = match[1].rstrip()
        depth = self._boundaries.get(text)
        closing = depth is None and text.endswith(b"--")
        if closing:
            depth = self._boundaries.get(text[:-2].rstrip())
        if depth is None:
            return None
        before = line - 1 if line else 0
        if self._octets[max(before - 1, 0) : before] == b"\r":
            before -= 1
        return _Boundary(before, match.end(), depth, closing)

    def _lines_to(self, place: int) -> int:
        """How many lines end before ``place``, which is not before the last one asked."""
        octets = self._octets
        while self._counted < place:
            chunk = octets[self._counted : min(place, self._counted + _CHUNK)]
            self._counted += len(chunk)
            # measured: twice as fast as count(), which looks at each octet
            self._lines += len(chunk) - len(chunk.replace(b"\n", b""))
        return self._lines


def _find_dashes(octets: Octets, line: int, needle: bytes | None) -> int:
    """Where the next line with two dashes (and this boundary) begins; -1 if none does."""
    if needle is None:
        match = _DASHES.search(octets, line)
        return -1 if match is None else match.start() + 1
    if isinstance(octets, bytes):
        return octets.find(needle, line) + 1 or -1
    while line < len(octets):
        at = octets[line : line + _CHUNK + len(needle)].find(needle)
        if at >= 0:
            return line + at + 1
        line += _CHUNK
    return -1


def _described(start: int, body_start: int, values: dict[bytes, bytes], default: str) -> Part:
    """A part as its header tells; where its body ends is not known yet."""
    media_type, charset = default, ""
    parameters: Parameters = []
    found = parse_media_type(value) if (value := values.get(b"content-type")) else None
    if found is not None:
        media_type, parameters = found
        given = find_parameter(parameters, b"charset") or find_parameter(parameters, b"charset*")
        charset = _charset(given) if given else ""
    value = values.get(b"content-transfer-encoding")
    encoding = (parse_token(value) if value else "") or "7bit"
    return Part(
        start, body_start, body_start, 0, media_type, encoding, charset, (), values, parameters
    )


def _charset(given: bytes) -> str:
    if b"'" in given:  # RFC 2231: a character set said in a character set
        return decode_extended(given[:MAX_CHARSET_OCTETS]).lower()
    return given[:MAX_CHARSET_OCTETS].decode("ascii", "replace").lower()

"""Octets of a stored message on their way to a client, in steps (RFC 9051 §6.4.5, RFC 3516).

A text knows how many octets it has before the first is read, as a literal announces them,
and gives them in pieces of at most ``STEP_OCTETS``, so that no large message is ever in
memory whole.  Undoing a transfer encoding reads the part twice: to count, then to send.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from mailclad.mail.transfer import decode_transfer
from mailclad.store.interface import Body

STEP_OCTETS = 256 * 1024
"""The store's blocks: a step costs one decompression when it begins where a block does."""

_LINE_TAIL = 1_024
"""A quoted-printable line is at most 76 octets (RFC 2045 §6.7); longer ones may be cut."""

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")


class Text(ABC):
    """``octets`` is how many there are."""

    __slots__ = ()
    octets: int

    @abstractmethod
    def pieces(self) -> Iterator[bytes]:
        """All of them, in order."""

    def whole(self) -> bytes:
        """In one piece; for those who know that there are few."""
        return b"".join(self.pieces())


class Held(Text):
    """Octets that are in memory already: selected header fields."""

    __slots__ = ("_held", "octets")

    def __init__(self, held: bytes) -> None:
        self._held = held
        self.octets = len(held)

    def pieces(self) -> Iterator[bytes]:
        yield self._held


class Extent(Text):
    """Octets as they lie in the message."""

    __slots__ = ("body", "octets", "start")

    def __init__(self, body: Body, start: int, octets: int) -> None:
        self.body = body
        self.start = start
        self.octets = octets

    def whole(self) -> bytes:
        return self.body.read(self.start, self.octets)

    def pieces(self) -> Iterator[bytes]:
        at, end = self.start, self.start + self.octets
        while at < end:
            step = min(end, at - at % STEP_OCTETS + STEP_OCTETS) - at
            yield self.body.read(at, step)
            at += step


class Decoded(Text):
    """A part's octets with their transfer encoding undone."""

    __slots__ = ("_encoded", "_transfer_encoding", "octets")

    def __init__(self, encoded: Extent, transfer_encoding: str) -> None:
        self._encoded = encoded
        self._transfer_encoding = transfer_encoding
        self.octets = sum(len(piece) for piece in self.pieces())

    def pieces(self) -> Iterator[bytes]:
        match self._transfer_encoding:
            case "base64":
                pieces = _base64_cuts(self._encoded.pieces())
            case "quoted-printable":
                pieces = _line_cuts(self._encoded.pieces())
            case _:
                pieces = self._encoded.pieces()
        for piece in pieces:
            yield decode_transfer(piece, self._transfer_encoding)


class Slice(Text):
    """``octets`` of another text, from ``start`` on: a partial FETCH of what is computed."""

    __slots__ = ("_start", "_text", "octets")

    def __init__(self, text: Text, start: int, octets: int) -> None:
        self._text = text
        self._start = start
        self.octets = octets

    def pieces(self) -> Iterator[bytes]:
        skip, left = self._start, self.octets
        for piece in self._text.pieces():
            wanted = piece[skip : skip + left]
            skip = max(0, skip - len(piece))
            left -= len(wanted)
            if wanted:
                yield wanted
            if not left:
                return


def part_of(text: Text, partial: tuple[int, int] | None) -> Text:
    """Cut to ``<start.octets>``; nothing is left where it begins behind the end."""
    if partial is None:
        return text
    start = min(partial[0], text.octets)
    octets = min(partial[1], text.octets - start)
    if isinstance(text, Extent):
        return Extent(text.body, text.start + start, octets)
    return Slice(text, start, octets)


def _base64_cuts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same digits, cut only between groups of four, counted from the last padding."""
    digits = b""
    for piece in pieces:
        digits += _NOT_BASE64.sub(b"", piece)
        padded = digits.rfind(b"=") + 1
        whole = len(digits) - (len(digits) - padded) % 4
        yield digits[:whole]
        digits = digits[whole:]
    yield digits


def _line_cuts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets, cut only at line ends where lines have any reasonable length."""
    rest = b""
    for piece in pieces:
        rest += piece
        cut = rest.rfind(b"\n") + 1
        if not cut and len(rest) > _LINE_TAIL:
            begun = rest.find(b"=", len(rest) - 2)  # of an =XX that may go on in the next
            cut = len(rest) if begun < 0 else begun
        yield rest[:cut]
        rest = rest[cut:]
    yield rest

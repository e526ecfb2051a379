"""Canonical forms of header fields and bodies, and the hashes of bodies (RFC 6376 §3.4, §3.7).

In come a message's octets; out go canonical fields, and SHA-256 digests of the body in the forms
that signatures name, all from one pass, in pieces of ``_PIECE_OCTETS`` so that a large message
is never held twice.  A bare LF counts as a line end (§5.3), as it does wherever this server
reads messages; a bare CR is an octet like others.  Never raises; linear in the octets.
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mailclad.base.octets import Octets

_PIECE_OCTETS = 1 << 18
"""Fits into a core's cache; a longer line makes a longer piece."""

_CRLF = b"\r\n"
_HALVINGS = 4
"""So many rounds of ``replace`` shorten runs of 16 blanks to one; longer ones are rare."""

_BLANKS = re.compile(rb"[ \t]+")
_SPACES = re.compile(rb"  +")
_LINE_ENDS_BACKWARDS = re.compile(rb"(?:\n\r)*")
_SIGNATURE_VALUE = re.compile(rb"((?:\A|;)[ \t\r\n]*+b[ \t\r\n]*+=)[^;]*+")

Form = tuple[bool, int | None]
"""Whether a body is taken relaxed, and how many octets of it (``l=``; None: all)."""


def end_lines(octets: bytes) -> bytes:
    """Every line end as CRLF."""
    if b"\n" not in octets.replace(_CRLF, b""):  # half the time of counting both
        return octets
    return octets.replace(_CRLF, b"\n").replace(b"\n", _CRLF)


def relax_field(name: bytes, value: bytes) -> bytes:
    """RFC 6376 §3.4.2; lines of the value end in CRLF."""
    value = _BLANKS.sub(b" ", value.replace(_CRLF, b"")).strip(b" ")
    return b"%b:%b\r\n" % (name.lower(), value)


def relax_usual_field(name: bytes, value: bytes) -> bytes:
    """The same, where no bare CR, VT or FF is in the value: those are no blanks in DKIM."""
    return b"%b:%b\r\n" % (name.lower(), b" ".join(value.split()))


def empty_signature(value: bytes) -> bytes:
    """A signature field's value with nothing behind ``b=`` (RFC 6376 §3.7)."""
    return _SIGNATURE_VALUE.sub(rb"\1", value, count=1)


@dataclass(frozen=True, slots=True)
class BodyDigests:
    """Of one canonical form: its octets in all, and the digest for each length asked for."""

    octets: int
    digests: dict[int | None, bytes]


def digest_body(octets: Octets, start: int, forms: Collection[Form]) -> dict[bool, BodyDigests]:
    """For simple (False) and relaxed (True), if asked for.

    A length beyond the canonical body has no digest.
    """
    digesters = [
        _Digester(relaxed, sorted({length for form, length in forms if form is relaxed and length
                                   is not None}))
        for relaxed in {form for form, _ in forms}
    ]  # fmt: skip
    for piece in _pieces(octets, start):
        for digester in digesters:
            digester.add(piece)
    return {digester.relaxed: digester.finish() for digester in digesters}


def _pieces(octets: Octets, start: int) -> Iterator[bytes]:
    """Whole lines; only the last piece may lack its line end."""
    end = len(octets)
    while start < end:
        cut = end
        if end - start > _PIECE_OCTETS:
            most = start + _PIECE_OCTETS
            cut = octets.rfind(b"\n", start, most) + 1 or octets.find(b"\n", most) + 1 or end
        yield end_lines(octets[start:cut])
        start = cut


class _Digester:
    """Takes pieces, holds back the line ends that may turn out to be the body's last."""

    def __init__(self, relaxed: bool, lengths: list[int]) -> None:
        self.relaxed = relaxed
        self._lengths = lengths
        self._sha256 = hashlib.sha256()
        self._digests: dict[int | None, bytes] = {}
        self._octets = 0
        self._held = 0

    def add(self, piece: bytes) -> None:
        if self.relaxed:
            piece = _relax_lines(piece)
        text = _text_octets(piece)
        if not text:
            self._held += len(piece) // 2
            return
        if self._held:
            self._write(_CRLF * self._held)
        self._write(piece[:text])
        self._held = (len(piece) - text) // 2

    def finish(self) -> BodyDigests:
        ends = not self.relaxed or self._octets > 0
        self._write(_CRLF if ends else b"")
        self._digests[None] = self._sha256.digest()
        return BodyDigests(self._octets, self._digests)

    def _write(self, octets: bytes) -> None:
        while self._lengths and self._lengths[0] <= self._octets + len(octets):
            length = self._lengths.pop(0)
            self._sha256.update(octets[: length - self._octets])
            octets = octets[length - self._octets :]
            self._octets = length
            self._digests[length] = self._sha256.digest()
        self._sha256.update(octets)
        self._octets += len(octets)


def _relax_lines(piece: bytes) -> bytes:
    piece = piece.replace(b"\t", b" ")
    for _ in range(_HALVINGS):
        if b"  " not in piece:
            break
        piece = piece.replace(b"  ", b" ")
    else:
        piece = _SPACES.sub(b" ", piece)
    piece = piece.replace(b" \r\n", _CRLF)
    return piece if piece.endswith(_CRLF) else piece.rstrip(b" ")


def _text_octets(piece: bytes) -> int:
    """How many octets stand before the line ends that it ends in."""
    text = len(piece.rstrip(_CRLF))
    ends = piece[text:]
    if len(ends) == 2 * ends.count(_CRLF):
        return text
    backwards = _LINE_ENDS_BACKWARDS.match(ends[::-1])  # bare CRs among them are text
    return len(piece) - (backwards.end() if backwards else 0)

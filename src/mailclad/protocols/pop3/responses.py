"""What a POP3 server says, and its bytes (RFC 1939 §3, RFC 2449 §8, RFC 3206).

A multi-line answer is ``Begin``, any number of ``Capabilities``, ``Listing`` or ``Piece``,
then ``End``; the connection puts in the dots.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One line; the text is for people, the code for programs."""

    good: bool
    text: str
    code: str | None = None

    def encode(self) -> bytes:
        code = f"[{self.code}] " if self.code else ""
        return f"{'+OK' if self.good else '-ERR'} {code}{self.text}\r\n".encode()


@dataclass(frozen=True, slots=True)
class Begin:
    """The first line of a multi-line answer."""

    text: str

    def encode(self) -> bytes:
        return f"+OK {self.text}\r\n".encode()


@dataclass(frozen=True, slots=True)
class Capabilities:
    names: Sequence[str]

    def encode(self) -> bytes:
        return "".join(f"{name}\r\n" for name in self.names).encode()


@dataclass(frozen=True, slots=True)
class Listing:
    """A batch of ``number value`` lines; ``uid_validity`` makes the values unique-ids."""

    rows: Sequence[tuple[int, int]]
    uid_validity: int | None = None

    def encode(self) -> bytes:
        if self.uid_validity is None:
            return b"".join([b"%d %d\r\n" % row for row in self.rows])
        template = b"%%d %d-%%d\r\n" % self.uid_validity
        return b"".join([template % row for row in self.rows])


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets of a message, cut anywhere."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The line with a single dot."""


class DotStuffer:
    """Doubles the dot at the start of a line, wherever the octets are cut (RFC 1939 §3).

    A bare LF counts as a line's end too: many clients read it so, and a message must not
    be able to end its own transmission for them.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = b"\r\n"  # the last octets so far: the first line starts here

    def stuff(self, octets: bytes) -> bytes:
        if not octets:
            return b""
        stuffed = octets.replace(b"\n.", b"\n..")
        if octets[:1] == b"." and self._last[-1:] == b"\n":
            stuffed = b"." + stuffed
        self._last = octets[-2:] if len(octets) > 1 else self._last[-1:] + octets
        return stuffed

    def end(self) -> bytes:
        """What ends the answer: the message's last line gets its CRLF if it has none."""
        return b".\r\n" if self._last == b"\r\n" else b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Whole:
    """A message that is in memory as a whole: ``Begin``, ``Piece`` and ``End`` at once."""

    octets: bytes

    def encode(self) -> bytes:
        dots = DotStuffer()
        begin = b"+OK %d octets\r\n" % len(self.octets)
        return b"".join((begin, dots.stuff(self.octets), dots.end()))


Response = Begin | Capabilities | Listing | Piece | End | Whole

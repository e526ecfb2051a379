"""Cutting the byte stream into commands: lines and literals, nothing more.

Framing and grammar are apart, so that a malformed command can be thrown away without ever
taking a literal's octets for commands, and so that every limit on memory is kept in this
one file.  RFC 9051 §4.3 and §9 "literal", RFC 7888 (non-synchronising literals), RFC 3516
(``~{n}``).

In: octets, and an ``Admit`` that is asked before a literal is taken.  Out: frames, or
``Refused`` when the command's end was found but it was not kept, ``Continue`` when the
client waits for leave to send, ``Overrun`` when the end cannot be found within limits and
only closing is left.  It never raises, whatever comes, even when a spool cannot be written.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mailclad.base.octets import NewSpool, Spool
from mailclad.protocols.imap.responses import Condition, Reply

Frame = tuple[bytes | Spool, ...]
"""Line, literal, line, literal, … line; a spool where ``Admit`` said so."""

_ANNOUNCED = re.compile(rb"\{([0-9]+)(\+?)\}$")
_CUT_ANNOUNCEMENT = re.compile(rb"[0-9]+\+?\}")
_ANNOUNCEMENT = 64  # end of a line too long that is looked at: more than any sensible one
_TAIL = _ANNOUNCEMENT + 1  # and its CR
_START = 300  # kept of a refused command: enough for its tag
_HUGE = 1 << 63  # RFC 9051 "number64" ends below; longer digits count as this
_HUGE_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Limits:
    """``line``: octets of all lines of one command together; ``literals``: how many in one
    command; ``swallowed``: octets of one refused command that are read past before the
    connection is closed instead.
    """

    line: int
    literals: int
    swallowed: int


BEFORE_LOGIN = Limits(line=8_192, literals=8, swallowed=65_536)
"""A stranger's: RFC 7162 §4 asks for 8,192 octets a line; LOGIN needs two literals."""

AFTER_LOGIN = Limits(line=65_536, literals=1_000, swallowed=134_217_728)
"""A line of 64 KiB holds a set of 10,000 UIDs (Dovecot has 64 KiB too); 1,000 messages in one
APPEND, together no longer than the longest message; a message twice as large as we take is
read past, so that its sender learns why."""


class Where(Enum):
    """Where an admitted literal goes."""

    MEMORY = "memory"
    SPOOL = "spool"


@dataclass(frozen=True, slots=True)
class Announced:
    """A literal that stands at the end of a line: the ``number``-th of its command, from 0.

    ``total`` are its octets and those of all before it in this command; ``waits``: they come only
    when they are invited.
    """

    first_line: bytes
    number: int
    octets: int
    total: int
    waits: bool = True


Admit = Callable[[Announced], "Where | Reply"]
"""Where the literal is to go, or the answer that refuses the command."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that was not kept; ``start`` is the beginning of its first line."""

    start: bytes
    reply: Reply


@dataclass(frozen=True, slots=True)
class Continue:
    """The client waits for leave to send a literal."""


@dataclass(frozen=True, slots=True)
class Overrun:
    """More was sent, or announced, than is worth reading past."""


_LINE_TOO_LONG = Reply(Condition.BAD, "the line is too long", "LIMIT")
_TOO_MANY_LITERALS = Reply(Condition.BAD, "too many literals in one command", "LIMIT")
_NO_SPACE = Reply(
    Condition.NO, "the server has no space for the message now, try again later", "UNAVAILABLE"
)


class Framer:
    __slots__ = (
        "_admit", "_announced", "_buffer", "_due", "_lines", "_new_spool", "_overrun",
        "_parts", "_refusal", "_searched", "_sink", "_swallowed", "limits",
    )  # fmt: skip

    def __init__(self, admit: Admit, new_spool: NewSpool, limits: Limits = BEFORE_LOGIN) -> None:
        self.limits = limits
        self._admit = admit
        self._new_spool = new_spool
        self._buffer = bytearray()
        self._searched = 0  # no line end before this place in the buffer
        self._due: int | None = None  # octets still to come, while in a literal
        self._sink: bytearray | Spool | None = None  # where they go; None: nowhere
        self._parts: list[bytes | Spool] = []
        self._refusal: Reply | None = None
        self._announced = self._lines = self._swallowed = 0  # octets of this command
        self._overrun = False

    @property
    def buffered(self) -> bool:
        """Whether octets have come that belong to no command yet."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        if self._due and not self._buffer:  # a message comes: do not copy it twice
            taken = data[: self._due]
            self._take(taken)
            data = data[len(taken) :]
        self._buffer += data

    def next(self) -> Frame | Refused | Continue | Overrun | None:
        """The next thing found, or None when more octets are needed."""
        while True:
            if self._due is not None and not self._take_literal():
                return None
            line = self._take_line()
            if self._overrun:
                return Overrun()
            if line is None:
                return None
            announced = _ANNOUNCED.search(line) if line.endswith(b"}") else None
            if announced is None:
                return self._finish(line)
            self._keep(line)
            found = self._start_literal(_octets(announced[1]), waits=not announced[2])
            if found is not None:
                return found

    def close(self) -> None:
        """Let go of what has been gathered."""
        self._drop()
        self._buffer.clear()
        self._searched, self._due = 0, None
        self._start_over()

    # --- lines -------------------------------------------------------------------

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            if self._lines + len(self._buffer) > self.limits.line + 1:  # its CR may be here
                self._cut_line()
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        if self._lines + len(line.removesuffix(b"\r")) > self.limits.line:
            return self._end_of_long_line(line)
        line = line.removesuffix(b"\r")
        self._lines += len(line)
        return line

    def _cut_line(self) -> None:
        """Forget all but the end of a line that is too long: it may announce a literal."""
        self._refuse_line(bytes(self._buffer[:_START]))
        self._swallow(max(0, len(self._buffer) - _TAIL))
        del self._buffer[:-_TAIL]
        if self._swallowed + len(self._buffer) > self.limits.swallowed:
            self._overrun = True

    def _end_of_long_line(self, line: bytes) -> bytes:
        self._refuse_line(line)
        self._swallow(len(line))
        line = line.removesuffix(b"\r")[-_ANNOUNCEMENT:]
        if _CUT_ANNOUNCEMENT.fullmatch(line):
            self._overrun = True  # a literal of unknown length follows
        return line

    def _refuse_line(self, start: bytes) -> None:
        self._lines = self.limits.line + 1  # whatever else comes of this command is too much
        self._refuse(_LINE_TOO_LONG, start)

    def _swallow(self, octets: int) -> None:
        """Count octets that are read past."""
        self._swallowed += octets
        if self._swallowed > self.limits.swallowed:
            self._overrun = True

    # --- literals ----------------------------------------------------------------

    def _start_literal(self, octets: int, *, waits: bool) -> Refused | Continue | Overrun | None:
        number, self._announced = len(self._parts) // 2, self._announced + octets
        if self._refusal is None:
            self._open_sink(Announced(self._first(), number, octets, self._announced, waits))
        if self._refusal is None:
            self._due = octets
            return Continue() if waits else None
        if waits:
            return self._refused()
        self._swallow(octets)  # they are on their way: wanted or not, they must be taken
        self._due = octets
        return Overrun() if self._overrun else None

    def _open_sink(self, announced: Announced) -> None:
        if announced.number >= self.limits.literals:
            self._refuse(_TOO_MANY_LITERALS)
            return
        where = self._admit(announced)
        if isinstance(where, Reply):
            self._refuse(where)
        elif where is Where.MEMORY:
            self._sink = bytearray()
        else:
            try:
                self._sink = self._new_spool()
            except OSError:
                self._refuse(_NO_SPACE)

    def _take_literal(self) -> bool:
        """Move what has come of the literal; whether it is complete."""
        assert self._due is not None
        if self._due and self._buffer:
            taken = bytes(self._buffer[: self._due])
            del self._buffer[: len(taken)]
            self._take(taken)
        if self._due:
            return False
        if self._sink is not None:
            part = bytes(self._sink) if isinstance(self._sink, bytearray) else self._sink
            self._parts.append(part)
        self._due = self._sink = None
        return True

    def _take(self, octets: bytes) -> None:
        assert self._due is not None
        self._due -= len(octets)
        if self._sink is None:
            return
        if isinstance(self._sink, bytearray):
            self._sink += octets
            return
        try:
            self._sink.write(octets)
        except OSError:
            self._swallow(self._due)
            self._refuse(_NO_SPACE)

    # --- the command as a whole --------------------------------------------------

    def _first(self) -> bytes:
        first = self._parts[0]
        assert isinstance(first, bytes)  # a frame begins with a line
        return first

    def _keep(self, line: bytes) -> None:
        if self._refusal is None:
            self._parts.append(line)

    def _finish(self, line: bytes) -> Frame | Refused:
        self._keep(line)
        if self._refusal is not None:
            return self._refused()
        frame = tuple(self._parts)
        self._start_over()
        return frame

    def _refuse(self, reply: Reply, start: bytes = b"") -> None:
        """From here on everything of this command is read past."""
        if self._refusal is not None:
            return
        self._refusal = reply
        start = self._first() if self._parts else start
        self._drop()
        self._parts = [start[:_START]]

    def _refused(self) -> Refused:
        assert self._refusal is not None
        refused = Refused(self._first(), self._refusal)
        self._start_over()
        return refused

    def _drop(self) -> None:
        for part in (*self._parts, self._sink):
            if part is not None and not isinstance(part, (bytes, bytearray)):
                part.close()
        self._sink = None

    def _start_over(self) -> None:
        self._parts, self._refusal = [], None
        self._announced = self._lines = self._swallowed = 0
        self._overrun = False


def _octets(digits: bytes) -> int:
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= _HUGE_DIGITS else _HUGE

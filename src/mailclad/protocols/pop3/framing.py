"""Cutting the byte stream into lines; the limits on what a client can make us hold.

RFC 2449 §4 (255 octets a command), RFC 5034 §4 (longer answers to challenges).  A line
ends with CRLF, or with a bare LF as people type it.  What is too long is thrown away up to
its end and reported once, so the next command is found where it begins.
"""

COMMAND_OCTETS = 255
"""RFC 2449 §4: at least 255, CRLF included; a longer one is nobody's command."""
RESPONSE_OCTETS = 12_288
"""RFC 4954 §4 has the same limit for SMTP; a PLAIN response needs about 1,000."""
DISCARDED_OCTETS = 64 * 1024
"""A line that goes on after this many octets is not a line: the connection ends."""

BEGINNING_OCTETS = 16
"""Enough of a line to tell that it is of another protocol."""


class LineTooLong(Exception):
    """The line was thrown away, its end included."""


class NeverEndingLine(Exception):
    """There is no end in sight."""


class Framer:
    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._discarded = 0

    @property
    def held(self) -> bytes:
        """What has come and was not taken."""
        return bytes(self._buffer)

    @property
    def beginning(self) -> bytes:
        """The first octets of the next line; nothing once it is being thrown away."""
        return b"" if self._discarded else bytes(self._buffer[:BEGINNING_OCTETS])

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def clear(self) -> None:
        self._buffer.clear()
        self._searched = self._discarded = 0

    def next_line(self, limit: int) -> bytes | None:
        """The next line without its end, or None: feed more.

        Raises LineTooLong or NeverEndingLine; ``limit`` includes the line's end.
        """
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._discard(limit)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        if self._discarded or len(line) + 1 > limit:
            self._discarded = 0
            raise LineTooLong
        return line.removesuffix(b"\r")

    def _discard(self, limit: int) -> None:
        if len(self._buffer) >= limit:
            self._discarded += len(self._buffer)
            self._buffer.clear()
        self._searched = len(self._buffer)
        if self._discarded > DISCARDED_OCTETS:
            raise NeverEndingLine

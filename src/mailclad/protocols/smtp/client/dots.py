"""A message on its way out through DATA: line ends made CR LF, dots stuffed (RFC 5321 §4.5.2).

In come pieces of any size, cut anywhere; out go the octets for the wire.  A CR or an LF alone
becomes CR LF, before dots are looked at: servers disagree on what a bare one means, and that is
how one message is smuggled inside another.  Nothing but ``finish`` ever writes the end of data.
An octet of value 0 is refused for the same reason: servers that leave it out would see a dot
alone on its line.  Holds one octet between pieces.
"""

import re

from mailclad.protocols.smtp.data import lines_end_well

_LINE_END = re.compile(rb"\r\n|\r|\n")


class NulOctet(Exception):
    """The message has an octet of value 0, which no server may be sent."""


class DotStuffer:
    """For one message."""

    __slots__ = ("_held", "_line_start")

    def __init__(self) -> None:
        self._held = b""
        self._line_start = True

    def feed(self, piece: bytes) -> bytes:
        """The octets to send for this piece; raises NulOctet."""
        if b"\0" in piece:
            raise NulOctet("the message has an octet of value 0")
        data = self._held + piece if self._held else piece
        self._held = b"\r" if data.endswith(b"\r") else b""
        if self._held:
            data = data[:-1]
        return self._stuff(data)

    def finish(self) -> bytes:
        """What is left, and the end of data."""
        held, self._held = self._held, b""
        left = self._stuff(held)
        return left + (b".\r\n" if self._line_start else b"\r\n.\r\n")

    def _stuff(self, data: bytes) -> bytes:
        if not data:
            return b""
        if not lines_end_well(data):
            data = _LINE_END.sub(b"\r\n", data)
        stuffed = data.replace(b"\r\n.", b"\r\n..")
        if self._line_start and data.startswith(b"."):
            stuffed = b"." + stuffed
        self._line_start = data.endswith(b"\r\n")
        return stuffed

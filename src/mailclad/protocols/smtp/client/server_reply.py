"""What a server answers, read from octets (RFC 5321 §4.2, RFC 2034, RFC 3463 §2).

In come octets from a stranger, cut anywhere; out come replies, or ``ReplyProblem`` in words for
a log.  A line may end with LF alone and may have nothing behind its code: both are seen and both
are clear.  What is not clear ends the conversation: a line without a code, another code in the
middle of a reply, or more than the limits below, so that a server makes us hold at most
``REPLY_OCTETS`` and one line.  Control characters never come out: texts end up in logs and
in messages for people.
"""

import re
from dataclasses import dataclass

LINE_OCTETS = 4_096
"""RFC 5321 §4.5.3.1.5 allows 512; servers that explain a refusal with addresses send 2,000."""
REPLY_LINES = 200
"""The longest EHLO replies have 40."""
REPLY_OCTETS = 64 * 1024
"""Of one reply, all lines: 200 lines of usual length come to a tenth."""
TEXT_CHARACTERS = 2_000
"""What is kept of a reply's text for logs and for people."""

_LINE = re.compile(rb"([2-5][0-5][0-9])(?:([ \-])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: +|$)", re.ASCII)


class ReplyProblem(Exception):
    """The octets are no SMTP reply; the text never quotes them."""


@dataclass(frozen=True, slots=True)
class ServerReply:
    """``lines`` are the texts behind the codes: Unicode without control characters."""

    code: int
    lines: tuple[str, ...]

    @property
    def status(self) -> str:
        """The enhanced status code, or "" where there is none that fits the code."""
        found = _STATUS.match(self.lines[0])
        return found[1] if found is not None and found[1][0] == str(self.code)[0] else ""

    @property
    def text(self) -> str:
        """All lines without their status codes, cut to ``TEXT_CHARACTERS``."""
        status = self.status
        lines = (line.removeprefix(status).lstrip(" ") if status else line for line in self.lines)
        return "\n".join(lines)[:TEXT_CHARACTERS]

    @property
    def is_positive(self) -> bool:
        """2xx; 3xx is an invitation, and right in two places only."""
        return 200 <= self.code < 300

    @property
    def is_refusal(self) -> bool:
        return self.code >= 400


class ReplyReader:
    """Cuts the octets from a server into replies."""

    __slots__ = ("_code", "_data", "_lines", "_octets")

    def __init__(self) -> None:
        self._data = bytearray()
        self._lines: list[str] = []
        self._octets = 0
        self._code = 0

    def feed(self, data: bytes) -> None:
        self._data += data

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, not even a part of a line."""
        return not self._data and not self._lines

    def next_reply(self) -> ServerReply | None:
        """The next reply that is whole; raises ReplyProblem."""
        while (end := self._data.find(b"\n")) >= 0:
            line = bytes(self._data[:end])
            del self._data[: end + 1]
            if self._take(line):
                reply = ServerReply(self._code, tuple(self._lines))
                self._lines, self._octets, self._code = [], 0, 0
                return reply
        self._check_line(len(self._data))
        return None

    def _take(self, line: bytes) -> bool:
        """Note one line; whether it was the reply's last."""
        self._check_line(len(line))
        self._octets += len(line)
        if self._octets > REPLY_OCTETS or len(self._lines) >= REPLY_LINES:
            raise ReplyProblem("the server's reply does not end")
        found = _LINE.fullmatch(line.removesuffix(b"\r"))
        if found is None:
            raise ReplyProblem("the server sent a line that is no SMTP reply")
        code = int(found[1])
        if self._lines and code != self._code:
            raise ReplyProblem("the server changed the code in the middle of a reply")
        self._code = code
        self._lines.append(_printable(found[3] or b""))
        return found[2] != b"-"

    def _check_line(self, octets: int) -> None:
        if octets > LINE_OCTETS:
            raise ReplyProblem("the server sent a line that does not end")


def _printable(text: bytes) -> str:
    decoded = text.decode("utf-8", "replace")
    if decoded.isprintable():
        return decoded
    return "".join(c if c.isprintable() else " " for c in decoded).rstrip(" ")

"""Octets that were received and are not yet read, and the lines among them.

A line is found by C and cut off once; what comes without an end is thrown away beyond the
limit, so that a client makes us hold one limit's worth and no more, and is not read for ever.
"""

from mailclad.protocols.smtp.limits import Limits
from mailclad.protocols.smtp.parameters import SyntaxProblem

_AUTH = b"AUTH "


class EndlessLine(SyntaxProblem):
    """Beyond what is read of a line that is too long: the connection ends."""


class Inbox:
    __slots__ = ("_at", "_data", "_limits", "_refusal", "_thrown")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._data = b""
        self._at = 0
        self._refusal: SyntaxProblem | None = None  # of the line that is being thrown away
        self._thrown = 0  # octets of that line

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def add(self, data: bytes) -> None:
        self._data = self._data[self._at :] + data if self else data
        self._at = 0

    def take_all(self) -> bytes:
        """Hand out everything that has come; the usual piece is handed on without a copy."""
        data = self._data[self._at :] if self._at else self._data
        self._data, self._at = b"", 0
        return data

    def starts_with(self, start: bytes) -> bool:
        return self._data.startswith(start, self._at)

    def take_line(self, *, response: bool) -> bytes | None:
        """Hand out the next line without its LF; None while none is whole.

        ``response`` says that an answer to an AUTH challenge is due.  Raises SyntaxProblem for
        a line that is too long, when its end has come, and EndlessLine when it does not come.
        """
        end = self._data.find(b"\n", self._at)
        octets = (end if end >= 0 else len(self._data)) - self._at
        if octets > self._limits.line or self._refusal is not None:
            self._hold_against_limit(octets, response=response)
        if end < 0:
            if self._refusal is not None:
                self._data, self._at = b"", 0
            return None
        line = self._data[self._at : end]
        self._at = end + 1
        if self._refusal is not None:
            refusal, self._refusal, self._thrown = self._refusal, None, 0
            raise refusal
        return line

    def _hold_against_limit(self, octets: int, *, response: bool) -> None:
        auth = response or self._data[self._at : self._at + len(_AUTH)].upper() == _AUTH
        limit = self._limits.auth_line if auth else self._limits.line
        if octets > limit and self._refusal is None:
            status = "5.5.6" if auth else "5.5.2"  # RFC 4954 §4
            self._refusal = SyntaxProblem(500, status, "The line is too long")
        if self._refusal is not None:
            self._thrown += octets
            if self._thrown > self._limits.endless:
                status = self._refusal.reply.status
                raise EndlessLine(500, status, "The line has no end; closing the connection")

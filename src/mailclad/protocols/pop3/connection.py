"""The server's side of one POP3 connection, without the network.

    bytes ──receive_data──▶ Framer ──▶ gate ──▶ parser ──next_event──▶ Command
    bytes ◀──data_to_send── out ◀── encode, dots ◀──send / reply── Response, Reply

RFC 1939, 2449, 2595 (STLS), 5034 (AUTH), 6856 (UTF8).  In: whatever a client sends.  Out:
commands that are well formed and due, ``UpgradeToTls``, ``Close``; everything else is
answered here.  Trusts nothing of the client; never raises on its bytes, never repeats them,
and neither reads nor judges a password before TLS.  An answer that breaks off ends the
connection without its final dot, so that no client takes the half for the whole.
Limits: see ``framing``, and how many mistakes end the connection.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from mailclad.base.in_clear import InClear
from mailclad.base.tls_policy import TlsFacts
from mailclad.protocols.pop3.commands import AuthResponse, Command, Stls
from mailclad.protocols.pop3.framing import (
    COMMAND_OCTETS,
    RESPONSE_OCTETS,
    Framer,
    LineTooLong,
    NeverEndingLine,
)
from mailclad.protocols.pop3.parse import PARSERS, SyntaxProblem, parse_auth_response
from mailclad.protocols.pop3.responses import Begin, DotStuffer, End, Piece, Reply, Response
from mailclad.protocols.sasl.base64 import encode

MISTAKES_BEFORE_LOGIN = 5
"""More is a program that speaks another protocol, or one that guesses."""
MISTAKES_AFTER_LOGIN = 50


class State(Enum):
    """RFC 1939 §3, with the steps of a login told apart."""

    AUTHORIZATION = "before login"
    NAMED = "before PASS"
    AUTHENTICATING = "within AUTH"
    TRANSACTION = "in the maildrop"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Gate:
    """When a command may come, and whether it needs TLS."""

    states: frozenset[State]
    secret: bool = False


OUTSIDE = frozenset({State.AUTHORIZATION, State.NAMED})
INSIDE = frozenset({State.TRANSACTION})

GATES: Mapping[bytes, Gate] = {
    b"USER": Gate(OUTSIDE, secret=True),
    b"PASS": Gate(frozenset({State.NAMED}), secret=True),
    b"AUTH": Gate(OUTSIDE, secret=True),
    b"STLS": Gate(OUTSIDE),
    b"UTF8": Gate(OUTSIDE),
    b"STAT": Gate(INSIDE),
    b"LIST": Gate(INSIDE),
    b"UIDL": Gate(INSIDE),
    b"RETR": Gate(INSIDE),
    b"TOP": Gate(INSIDE),
    b"DELE": Gate(INSIDE),
    b"RSET": Gate(INSIDE),
    b"NOOP": Gate(INSIDE),
    b"CAPA": Gate(OUTSIDE | INSIDE),
    b"QUIT": Gate(OUTSIDE | INSIDE),
}

TOO_LONG = "the line is too long"
NEEDS_TLS = "Logging in needs an encrypted connection: begin with STLS, or use port 995."

_FOREIGN = re.compile(
    rb"(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT|TRACE|PRI) |\x16\x03", re.IGNORECASE
)
"""HTTP (a page that makes a browser send mail commands), or TLS where STLS belongs."""


@dataclass(frozen=True, slots=True)
class UpgradeToTls:
    """Send what there is, then shake hands; nothing is read until ``tls_started``."""


@dataclass(frozen=True, slots=True)
class Close:
    """Send what there is, then close; ``why`` is for the log."""

    why: str


Event = Command | UpgradeToTls | Close


class ServerConnection:
    def __init__(self, *, tls: TlsFacts | None, starttls: bool) -> None:
        """``starttls`` is whether a certificate is ready for STLS."""
        self.state = State.AUTHORIZATION
        self.tls = tls
        self.starttls = starttls
        self.in_clear = InClear.NOTHING
        self._framer = Framer()
        self.octets_to_send = 0
        self._out: list[bytes] = []
        self._dots: DotStuffer | None = None  # within a multi-line answer
        self._mistakes = 0
        self._upgrading = False
        self._closing: str | None = None

    # --- in ---

    def receive_data(self, data: bytes) -> None:
        if self.state is not State.CLOSED:
            self._framer.feed(data)

    def receive_eof(self) -> None:
        self.close("the client closed the connection")

    def next_event(self) -> Event | None:
        """The next command that is due now, or None: feed more bytes.

        Everything the client got wrong is answered here and never becomes an event.
        """
        while self._closing is None and not self._upgrading:
            try:
                line = self._next_line()
            except LineTooLong:
                if self.state is State.AUTHENTICATING:
                    return AuthResponse(None, TOO_LONG)
                self._mistake(TOO_LONG)
                continue
            except NeverEndingLine:
                self.close("a line without end")
                break
            if line is None:
                break
            event = self._read(line)
            if event is not None:
                return event
        return self._end()

    def tls_started(self, facts: TlsFacts) -> None:
        """RFC 2595 §4: what the client said in the clear is forgotten."""
        self.tls = facts
        self.state = State.AUTHORIZATION
        self._upgrading = False
        self._framer.clear()

    # --- out ---

    def greet(self) -> None:
        """No name, no version, no timestamp: APOP is not offered."""
        self._write(b"+OK ready\r\n")

    def send(self, response: Response) -> None:
        """Part of a multi-line answer."""
        match response:
            case Begin():
                self._dots = DotStuffer()
                self._write(response.encode())
            case Piece(octets):
                assert self._dots is not None
                self._write(self._dots.stuff(octets))
            case End():
                assert self._dots is not None
                self._write(self._dots.end())
                self._dots = None
            case _:
                self._write(response.encode())

    def reply(self, reply: Reply) -> None:
        """The one line that answers a command; within a multi-line answer it ends all."""
        if self._dots is not None:
            self.close("an answer broke off")
            return
        self._write(reply.encode())

    def challenge(self, data: bytes) -> None:
        self._write(b"+ " + encode(data) + b"\r\n")

    def close(self, why: str) -> None:
        """After what has gathered is sent; the next event says so."""
        if self._closing is None:
            self._closing = why
        self._framer.clear()

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        self.octets_to_send = 0
        return data

    # --- between ---

    def _write(self, octets: bytes) -> None:
        self._out.append(octets)
        self.octets_to_send += len(octets)

    def _next_line(self) -> bytes | None:
        if self.state is State.AUTHENTICATING:
            return self._framer.next_line(RESPONSE_OCTETS)
        if self.state is not State.TRANSACTION and _FOREIGN.match(self._framer.beginning):
            self.close("not POP3")
            return None
        return self._framer.next_line(COMMAND_OCTETS)

    def _read(self, line: bytes) -> Event | None:
        if self.state is State.AUTHENTICATING:
            return parse_auth_response(line)
        keyword, space, rest = line.partition(b" ")
        keyword = keyword.upper()
        refusal = self._refusal(keyword)
        if refusal is not None:
            if refusal is NEEDS_TLS:
                self.in_clear = max(self.in_clear, _sign_in_in_clear(keyword, rest))
            self._mistake(refusal)
            return None
        try:
            command = PARSERS[keyword](rest if space else None)
        except SyntaxProblem as problem:
            self._mistake(str(problem))
            return None
        if isinstance(command, Stls):
            return self._upgrade()
        if self.tls is None:
            self.in_clear = max(self.in_clear, InClear.TALKED)
        return command

    def _refusal(self, keyword: bytes) -> str | None:
        gate = GATES.get(keyword)
        if gate is None:
            return "no such command"
        if gate.secret and self.tls is None:
            return NEEDS_TLS
        if self.state not in gate.states:
            return f"not {self.state.value}"
        if keyword == b"STLS":
            if self.tls is not None:
                return "the connection is encrypted already"
            if not self.starttls:
                return "encryption is not ready here"
        return None

    def _upgrade(self) -> UpgradeToTls | None:
        if self._framer.held:
            self.close("plaintext behind STLS")
            return None
        self._write(b"+OK begin TLS\r\n")
        self._upgrading = True
        return UpgradeToTls()

    def _mistake(self, why: str) -> None:
        """Answered -ERR; too many of them end the connection."""
        self._write(Reply(False, why).encode())
        self._mistakes += 1
        inside = self.state is State.TRANSACTION
        if self._mistakes >= (MISTAKES_AFTER_LOGIN if inside else MISTAKES_BEFORE_LOGIN):
            self.close("too many mistakes")

    def _end(self) -> Close | None:
        if self._closing is None or self.state is State.CLOSED:
            return None
        self.state = State.CLOSED
        return Close(self._closing)


def _sign_in_in_clear(keyword: bytes, rest: bytes) -> InClear:
    """Whether what holds a password came along; it is not looked at."""
    sent = bool(rest) if keyword == b"PASS" else keyword == b"AUTH" and len(rest.split()) > 1
    return InClear.SENT if sent else InClear.WANTED

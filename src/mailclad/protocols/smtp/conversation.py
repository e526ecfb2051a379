"""How far a conversation is, and what each answer changes (RFC 5321 §4.1.4).

    START ──hello──▶ READY ──MAIL──▶ MAIL ──RCPT──▶ RCPT ──end of the message──▶ READY
                       ▲                              └──BDAT──▶ CHUNKS ──BDAT LAST──▶ READY
                       └── RSET, hello, from anywhere ◀── SPOILT ◀── a chunk was refused

Only a positive answer moves it on, so it can never be further than what was said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from mailclad.protocols.smtp.command import (
    Auth,
    AuthResponse,
    Body,
    Chunk,
    Command,
    EndOfData,
    Hello,
    Mail,
    Rcpt,
    Rset,
    Verb,
    XClient,
)
from mailclad.protocols.smtp.limits import Limits
from mailclad.protocols.smtp.reply import Reply


class Role(Enum):
    """What a listener is for."""

    MX = "mx"
    SUBMISSION = "submission"
    LMTP = "lmtp"


class State(Enum):
    START = auto()
    READY = auto()
    MAIL = auto()
    RCPT = auto()
    CHUNKS = auto()
    SPOILT = auto()


@dataclass(slots=True)
class Conversation:
    """What is true so far; all but the first four is forgotten when TLS begins."""

    role: Role
    encrypted: bool
    starttls: bool
    xclient: bool = False
    state: State = State.START
    extended: bool = False
    authenticated: bool = False
    smtputf8: bool = False
    binary: bool = False
    tried_recipients: int = 0
    recipients: int = 0
    octets: int = 0

    def answered(self, command: Command, answer: Reply) -> None:
        """Take note of what a command was answered."""
        follow = _FOLLOW.get(type(command))
        if follow is not None:
            follow(self, command, answer)


def _hello(now: Conversation, command: Hello, answer: Reply) -> None:
    if answer.is_positive:
        now.state = State.READY
        now.extended = command.verb is not Verb.HELO


def _auth(now: Conversation, command: Auth | AuthResponse, answer: Reply) -> None:
    if answer.code == 235:
        now.authenticated = True


def _mail(now: Conversation, command: Mail, answer: Reply) -> None:
    if answer.is_positive:
        now.state = State.MAIL
        now.smtputf8 = command.smtputf8
        now.binary = command.body is Body.BINARY
        now.tried_recipients = now.recipients = now.octets = 0


def _rcpt(now: Conversation, command: Rcpt, answer: Reply) -> None:
    now.tried_recipients += 1
    if answer.is_positive:
        now.state = State.RCPT
        now.recipients += 1


def _chunk(now: Conversation, command: Chunk, answer: Reply) -> None:
    """A chunk that is answered instead of received was refused."""
    now.state = State.SPOILT


def _end_of_data(now: Conversation, command: EndOfData, answer: Reply) -> None:
    now.state = State.READY if command.last else State.SPOILT


def _rset(now: Conversation, command: Rset, answer: Reply) -> None:
    if now.state is not State.START:
        now.state = State.READY


def _xclient(now: Conversation, command: XClient, answer: Reply) -> None:
    """As after the greeting; a proxy speaks for one client in a connection."""
    now.xclient = False
    now.state = State.START
    now.extended = False


_FOLLOW: Mapping[type[Command], Callable[[Conversation, Any, Reply], None]] = {
    Hello: _hello,
    Auth: _auth,
    AuthResponse: _auth,
    Mail: _mail,
    Rcpt: _rcpt,
    Chunk: _chunk,
    EndOfData: _end_of_data,
    Rset: _rset,
    XClient: _xclient,
}


_ANOTHER_MESSAGE = "4.5.3"
"""Of a recipient who is to come in another message: no error (RFC 5321 §4.5.3.1.10)."""


class Tally:
    """What is held against a client, whatever it says next; each call tells if it is too much."""

    __slots__ = ("_errors", "_failed_logins", "_limits", "_transactions", "_unknown")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._errors = self._unknown = self._failed_logins = self._transactions = 0

    def error(self) -> bool:
        self._errors += 1
        return self._errors > self._limits.errors

    def unknown(self) -> bool:
        self._unknown += 1
        return self._unknown > self._limits.unknown

    def answered(self, command: Command, answer: Reply) -> bool:
        if answer.is_positive:
            if isinstance(command, EndOfData):
                self._errors = 0
            return False
        if answer.status == _ANOTHER_MESSAGE:
            return False
        if answer.code == 535:
            self._failed_logins += 1
            if self._failed_logins >= self._limits.failed_logins:
                return True
        return self.error()

    def transaction(self) -> bool:
        self._transactions += 1
        return self._transactions > self._limits.transactions

"""What a handler gives back: the reply or challenge and, if it changes, the next state."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mailclad.protocols.pop3.connection import ServerConnection
from mailclad.protocols.pop3.responses import Reply, Response
from mailclad.sessions.pop3.session import Session

Emit = Callable[[Response], Awaitable[None]]
"""Send part of a multi-line answer; waits while the client is slow to read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reply`` is None after a multi-line answer and beside a challenge."""

    reply: Reply | None = None
    become: Session | None = None
    challenge: bytes | None = None
    close: str | None = None


def ok(text: str) -> Outcome:
    return Outcome(Reply(True, text))


def err(text: str, code: str | None = None) -> Outcome:
    return Outcome(Reply(False, text, code))


def answer(connection: ServerConnection, outcome: Outcome) -> None:
    """Tell the connection what has come of a command."""
    if outcome.reply is not None:
        connection.reply(outcome.reply)
    if outcome.challenge is not None:
        connection.challenge(outcome.challenge)
    if outcome.become is not None:
        connection.state = outcome.become.state
    if outcome.close is not None:
        connection.close(outcome.close)

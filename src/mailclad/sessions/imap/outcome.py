"""What a handler gives back: the tagged reply and, if it changes, the next state."""

from dataclasses import dataclass
from typing import Protocol

from mailclad.protocols.imap.responses import Condition, Reply, Untagged
from mailclad.sessions.imap.session import Session


class Emit(Protocol):
    """Sends untagged responses; waits while the client is slow to read."""

    async def __call__(self, response: Untagged) -> None: ...

    async def raw(self, octets: bytes) -> None:
        """A piece of a response that is too long for one value."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """``become``: the next state; ``close``: the connection ends after the reply."""

    reply: Reply
    become: Session | None = None
    close: bool = False


@dataclass(frozen=True, slots=True)
class Challenged:
    """The exchange goes on: ``data`` goes to the client, whose answer is the next command."""

    data: bytes
    become: Session


@dataclass(frozen=True, slots=True)
class Idling:
    """News are sent as they come, until the client says DONE."""


Result = Outcome | Challenged | Idling


def ok(text: str, code: str | None = None) -> Outcome:
    return Outcome(Reply(Condition.OK, text, code))


def no(text: str, code: str | None = None) -> Outcome:
    return Outcome(Reply(Condition.NO, text, code))


def bad(text: str) -> Outcome:
    return Outcome(Reply(Condition.BAD, text))

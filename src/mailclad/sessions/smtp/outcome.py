"""What a handler gives back: replies, and what becomes of the session."""

from dataclasses import dataclass

from mailclad.base.octets import Spool
from mailclad.protocols.smtp.command import Chunk, Data
from mailclad.protocols.smtp.reply import Reply
from mailclad.sessions.smtp.session import Session


@dataclass(frozen=True, slots=True)
class Outcome:
    """``become``: the next state; ``close``: why the connection ends after the replies."""

    replies: tuple[Reply, ...]
    become: Session | None = None
    close: str | None = None


@dataclass(frozen=True, slots=True)
class Invited:
    """The message, or its next chunk, may come into the spool."""

    command: Data | Chunk
    spool: Spool


@dataclass(frozen=True, slots=True)
class Challenged:
    """The exchange goes on: ``data`` goes to the client, whose answer is the next command."""

    data: bytes
    become: Session


Result = Outcome | Invited | Challenged


def said(reply: Reply, become: Session | None = None) -> Outcome:
    return Outcome((reply,), become)

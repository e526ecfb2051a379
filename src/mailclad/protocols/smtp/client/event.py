"""What the client's engine tells its shell, as values."""

from dataclasses import dataclass

from mailclad.protocols.smtp.client.capabilities import Capabilities
from mailclad.protocols.smtp.client.outcome import MessageOutcome, Verdict
from mailclad.protocols.smtp.client.server_reply import ServerReply
from mailclad.protocols.smtp.command import UpgradeToTls


@dataclass(frozen=True, slots=True)
class Ready:
    """Hello is said: next is STARTTLS, a log-in, a message or QUIT."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class StartTlsRefused:
    """The conversation goes on in the clear, if its owner wants that."""

    reply: ServerReply


@dataclass(frozen=True, slots=True)
class LoggedIn:
    pass


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """``verdict.code`` is 0 where nothing was sent: not encrypted, or no common mechanism."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class SendBody:
    """Hand the message over with ``send_body``, then ``end_body``."""


@dataclass(frozen=True, slots=True)
class MessageDone:
    outcome: MessageOutcome


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event: close the connection.  ``problem`` is None after a proper QUIT."""

    problem: Verdict | None


Event = (
    Ready
    | UpgradeToTls
    | StartTlsRefused
    | LoggedIn
    | LoginRefused
    | SendBody
    | MessageDone
    | Ended
)

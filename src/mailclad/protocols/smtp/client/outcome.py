"""What became of a message: a fate for each recipient, and how a connection ended.

Made from a server's replies and from what we found out ourselves; then ``code`` is 0 and the
text is ours.  Every refusal and every delay has an enhanced status code (RFC 3463): the server's,
or the general one of its class, so that a report about it can always be written.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

from mailclad.mail.address import Address
from mailclad.protocols.smtp.client.server_reply import ServerReply


class Fate(StrEnum):
    """Of a recipient; DEFERRED is to be tried again, REFUSED never."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    REFUSED = "refused"


class Stage(StrEnum):
    """What was being done; MESSAGE is the message itself and its end."""

    CONNECT = "connect"
    GREETING = "greeting"
    HELLO = "hello"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    MESSAGE = "message"
    RSET = "RSET"
    IDLE = "between messages"
    QUIT = "QUIT"


class Unsendable(Enum):
    """Why a message is not even offered to this server; the value is for people."""

    EIGHT_BIT = "the message has 8-bit text and the server does not take it (8BITMIME)"
    BINARY = "the message is binary and is not sent that way"
    SMTPUTF8 = "the message needs SMTPUTF8, for an address or a header, and the server has not"
    TOO_LARGE = "the message is larger than the server takes"
    DELIVER_BY = "the sender wants it in time or not at all and the server does not promise it"
    REQUIRETLS = "the sender demands TLS to the end and the server does not promise it"
    SENDER = "the sender's address cannot be written in SMTP"
    NUL = "the message has an octet of value 0"


STATUS_OF = {
    Unsendable.EIGHT_BIT: "5.6.3",
    Unsendable.BINARY: "5.6.3",
    Unsendable.SMTPUTF8: "5.6.7",
    Unsendable.TOO_LARGE: "5.3.4",
    Unsendable.DELIVER_BY: "5.3.3",
    Unsendable.REQUIRETLS: "5.7.30",
    Unsendable.SENDER: "5.1.7",
    Unsendable.NUL: "5.6.0",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer, the server's or ours (``code`` 0), and when it came."""

    fate: Fate
    code: int
    status: str
    text: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class RecipientOutcome:
    """``verdict.stage`` is MESSAGE for those who got it, and for refusals of the message."""

    address: Address
    verdict: Verdict

    @property
    def fate(self) -> Fate:
        return self.verdict.fate


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """In the envelope's order.

    ``reports_passed_on`` is False where the server knows no RFC 3461: then a report that the
    sender asked for on success is ours to write (§5.2.2).  ``deadline_lost``: it knows no RFC
    2852 either, and the message has a deadline.
    """

    recipients: tuple[RecipientOutcome, ...]
    unsendable: Unsendable | None = None
    reports_passed_on: bool = False
    deadline_lost: bool = False


def judged(reply: ServerReply, stage: Stage) -> Verdict:
    """What a reply means; one that is neither 2xx nor a refusal is not for here."""
    fate = Fate.DELIVERED
    if reply.is_refusal:
        fate = Fate.DEFERRED if reply.code < 500 or _is_crowd(reply, stage) else Fate.REFUSED
    status = reply.status or f"{reply.code // 100}.0.0"
    return Verdict(fate, reply.code, status, reply.text, stage)


def ours(fate: Fate, status: str, text: str, stage: Stage) -> Verdict:
    """What we found out ourselves."""
    return Verdict(fate, 0, status, text, stage)


def _is_crowd(reply: ServerReply, stage: Stage) -> bool:
    """552 once meant "too many recipients" and is then a delay (RFC 5321 §4.5.3.1.10)."""
    return stage is Stage.RCPT and reply.code == 552 and reply.status in ("", "5.5.3")

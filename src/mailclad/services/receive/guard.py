"""Guards: what may judge a client and its messages on their way in, stage by stage.

A guard meets each connection of a listener and looks at it through a visit of its own, which
lives as long as the connection.  Guards are asked one after the other; the first refusal ends
the matter for this command.  A guard that cannot decide (a list that does not answer, a filter
that is down) lets mail pass or refuses it for the time being, as its settings say; it never
raises anything but ``Refused``.
"""

from dataclasses import dataclass
from typing import Protocol

from mailclad.base.octets import Octets
from mailclad.base.tls_policy import TlsFacts
from mailclad.mail.address import Address
from mailclad.protocols.smtp.command import Mail
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.refusal import Refusal
from mailclad.store.model import Account


class Refused(Refusal):
    """A guard's no: what the client is told, and whether the connection ends with it.

    ``keep``: the message is plausible mail that a rule turned away; where the administrator
    wants it, a copy goes into the recipients' Rejects mailbox, with the fields of ``opinion``
    and as that has replaced it.
    """

    def __init__(
        self,
        reply: Reply,
        *,
        close: bool = False,
        keep: bool = False,
        opinion: "Opinion | None" = None,
    ) -> None:
        super().__init__(reply.text)
        self.reply, self.close, self.keep = reply, close, keep
        self.opinion = opinion or NO_OPINION


@dataclass(frozen=True, slots=True)
class Client:
    """Who talks to us.  ``peer`` is an IP address, "" on a Unix socket; ``hello`` "" before it."""

    peer: str
    port: int
    host_name: str
    """What we call ourselves."""
    tls: TlsFacts | None = None
    hello: str = ""
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class MailFrom:
    """A transaction: ``mail.reverse_path`` is None for ``<>``."""

    client: Client
    identity: str
    mail: Mail
    recipients: tuple[Address, ...] = ()
    """Those accepted so far."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that has come whole; the sender's header begins at ``start``.

    ``recipients`` are those of the envelope as guards before have left them; ``fields`` are what
    these guards have put above the message.
    """

    octets: Octets
    start: int
    recipients: tuple[Address, ...]
    fields: bytes = b""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a guard thinks of a message that it does not refuse.

    ``fields`` are whole header fields to stand before the message; ``junk`` says in words why
    it belongs in Junk; ``replaced`` is the message as it reads from now on, without our trace
    fields; ``mail`` and ``recipients`` the envelope from now on.  With ``discard``, or without
    any recipient left, the sender is told that all is well, and nobody gets it.
    """

    fields: bytes = b""
    junk: str = ""
    discard: bool = False
    replaced: Octets | None = None
    recipients: tuple[Address, ...] | None = None
    mail: Mail | None = None


NO_OPINION = Opinion()


class Visit:
    """One connection as one guard sees it; each method may raise ``Refused``."""

    async def connected(self) -> None:
        """Before the greeting."""

    async def hello(self, client: Client) -> None:
        """After each HELO or EHLO, also the one inside TLS."""

    async def mail(self, sender: MailFrom) -> None:
        """MAIL, before it is answered."""

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        """RCPT of somebody who exists here (or, on submission, anywhere)."""

    def takes(self, recipient: Address) -> bool:
        """Whether the guard itself is who gets mail for an address of ours that nobody has.

        It must take that recipient out of the envelope in ``message``.
        """
        del recipient
        return False

    def refused(self, sender: MailFrom, recipient: Address) -> None:
        """RCPT of somebody who does not exist here, or is not for us to send to."""

    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        """The end of the data, before it is answered."""
        return NO_OPINION

    def reset(self) -> None:
        """The transaction is over without a message: RSET, hello, a lost connection."""

    def close(self) -> None:
        """The connection is over."""


class Guard(Protocol):
    """Made once in each worker."""

    def meet(self, client: Client) -> Visit: ...

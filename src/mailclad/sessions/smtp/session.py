"""What is known of a client, one class a state; a later state adds to an earlier one.

``Site`` lives as long as the worker, ``Session`` as long as the connection is in the clear or
encrypted, ``Greeted`` from hello on, ``Sending`` from MAIL to the end of the message.  A handler
never changes a session: it returns the next one (``Outcome.become``).  ``Transaction`` alone
gathers: it is one message's envelope, and ends with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool, Spool
from mailclad.base.tls_policy import TlsFacts
from mailclad.mail.address import Address
from mailclad.mail.trace import Stamp
from mailclad.protocols.smtp.command import Hello, Mail
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.limits import Limits
from mailclad.services.auth.authenticator import Authenticator, Exchange
from mailclad.services.receive.reception import Reception
from mailclad.services.submit.submission import Submission
from mailclad.store.model import Account, AccountId


@dataclass(frozen=True, slots=True)
class SubmissionDoor:
    """What only a submission listener has."""

    authenticator: Authenticator
    submission: Submission


@dataclass(frozen=True, slots=True)
class Site:
    """What all sessions of a listener share; ``submission`` is there on 465 and 587 alone."""

    role: Role
    host_name: str
    starttls: bool
    reception: Reception
    submission: SubmissionDoor | None
    new_spool: NewSpool
    clock: Clock
    new_identity: Callable[[], str]
    limits: Limits = Limits()


@dataclass(slots=True)
class Transaction:
    """One message on its way in: who sends it, who gets it, where it lies."""

    identity: str
    mail: Mail
    forward_paths: list[Address] = field(default_factory=list)
    accounts: list[tuple[AccountId, ...]] = field(default_factory=list)
    spool: Spool | None = None
    start: int = 0
    """Where the sender's own header begins, behind our trace fields."""

    def close(self) -> None:
        if self.spool is not None:
            self.spool.close()
            self.spool = None


@dataclass(frozen=True, slots=True)
class Session:
    """``peer`` is the client's IP address, "" on a Unix socket."""

    site: Site
    peer: str
    tls: TlsFacts | None

    def end(self) -> None:
        """Let go of what this state holds; the connection is over or the state left."""


@dataclass(frozen=True, slots=True)
class Greeted(Session):
    hello: Hello
    stamp: Stamp
    account: Account | None


@dataclass(frozen=True, slots=True)
class Authenticating(Greeted):
    """Between a challenge and the client's answer; an exchange given up is simply left behind."""

    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Sending(Greeted):
    transaction: Transaction

    def end(self) -> None:
        self.transaction.close()

    def greeted(self) -> Greeted:
        """The state without the message."""
        return Greeted(self.site, self.peer, self.tls, self.hello, self.stamp, self.account)

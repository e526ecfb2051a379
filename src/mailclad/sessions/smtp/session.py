"""What is known of a client, one class a state; a later state adds to an earlier one.

``Site`` lives as long as the worker, ``Session`` as long as the connection is in the clear or
encrypted, ``Greeted`` from hello on, ``Sending`` from MAIL to the end of the message.  A handler
never changes a session: it returns the next one (``Outcome.become``).  ``Transaction`` alone
gathers: it is one message's envelope, and ends with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool, Spool
from mailclad.base.tls_policy import TlsFacts
from mailclad.mail.trace import Stamp
from mailclad.protocols.smtp.command import Hello, Mail
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.limits import Limits
from mailclad.services.auth.authenticator import Authenticator, Exchange
from mailclad.services.receive.guard import Client, Guard, MailFrom, Visit
from mailclad.services.receive.incoming import Given
from mailclad.services.receive.networks import Networks
from mailclad.services.receive.reception import Reception
from mailclad.services.submit.submission import Submission
from mailclad.store.model import Account
from mailclad.store.trace import NoTrace, Trace


@dataclass(frozen=True, slots=True)
class SubmissionDoor:
    """What only a submission listener has."""

    authenticator: Authenticator
    submission: Submission


@dataclass(frozen=True, slots=True)
class Entrance:
    """Clients of ``own`` networks are no strangers, those of ``proxies`` may speak for others.

    ``greet_delay`` is how many seconds strangers are listened to before they are greeted.
    """

    own: Networks = Networks()
    proxies: Networks = Networks()
    greet_delay: float = 0.0


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
    guards: Sequence[Guard] = ()
    entrance: Entrance = Entrance()
    trace: Trace = NoTrace()

    def is_stranger(self, peer: str) -> bool:
        """Whether patience is asked of a client with this address."""
        return self.role is Role.MX and bool(peer) and peer not in self.entrance.own


@dataclass(slots=True)
class Transaction:
    """One message on its way in: who sends it, who gets it, where it lies."""

    identity: str
    mail: Mail
    recipients: list[Given] = field(default_factory=list)
    spool: Spool | None = None

    def close(self) -> None:
        if self.spool is not None:
            self.spool.close()
            self.spool = None


@dataclass(frozen=True, slots=True)
class Session:
    """``visits`` are the guards' looks at this client."""

    site: Site
    client: Client
    visits: tuple[Visit, ...]

    @property
    def tls(self) -> TlsFacts | None:
        return self.client.tls

    @property
    def account(self) -> Account | None:
        """Who has logged in."""
        return self.client.account

    def end(self) -> None:
        """Let go of what this state holds; the connection is over or the state left."""

    def leave(self) -> None:
        """The connection is over."""
        self.end()
        for visit in self.visits:
            visit.close()


def meet(site: Site, client: Client) -> Session:
    """The first state of a connection."""
    return Session(site, client, tuple([guard.meet(client) for guard in site.guards]))


@dataclass(frozen=True, slots=True)
class Greeted(Session):
    hello: Hello
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Authenticating(Greeted):
    """Between a challenge and the client's answer; an exchange given up is simply left behind."""

    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Sending(Greeted):
    transaction: Transaction

    def end(self) -> None:
        self.transaction.close()
        for visit in self.visits:
            visit.reset()

    def greeted(self) -> Greeted:
        """The state without the message."""
        return Greeted(self.site, self.client, self.visits, self.hello, self.stamp)

    def sender(self) -> MailFrom:
        """The transaction as guards see it."""
        transaction = self.transaction
        addresses = tuple([given.address for given in transaction.recipients])
        return MailFrom(self.client, transaction.identity, transaction.mail, addresses)

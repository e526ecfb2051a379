"""What is known of a client, one class a state; a later state adds to an earlier one.

RFC 9051 §3.  ``Site`` lives as long as the worker, ``Session`` as long as the connection,
the others as long as their state.  A handler never changes a session: it returns the next
one (``Outcome.become``).  Hundreds of thousands of these may exist: they have slots and
hold no copies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mailclad.base.clock import Clock
from mailclad.protocols.imap.connection import ServerConnection
from mailclad.protocols.imap.gates import State
from mailclad.services.auth.authenticator import Authenticator, Exchange
from mailclad.sessions.imap.view import MailboxView
from mailclad.store.interface import Store
from mailclad.store.model import Account, AccountId


@dataclass(frozen=True, slots=True)
class Site:
    """What all sessions of a worker share."""

    store: Store
    authenticator: Authenticator
    clock: Clock


@dataclass(frozen=True, slots=True)
class Session:
    """``wake`` makes the shell ask for news; ``peer`` is the client's IP address."""

    site: Site
    connection: ServerConnection
    peer: str
    wake: Callable[[], None]

    state: ClassVar[State] = State.NOT_AUTHENTICATED

    @property
    def store(self) -> Store:
        return self.site.store

    def end(self) -> None:
        """Let go of what this state holds; the connection is over or the state left."""


@dataclass(frozen=True, slots=True)
class Authenticating(Session):
    """Between a challenge and the client's answer."""

    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Authenticated(Session):
    owner: Account

    state: ClassVar[State] = State.AUTHENTICATED

    @property
    def account(self) -> AccountId:
        return self.owner.id


@dataclass(frozen=True, slots=True)
class Selected(Authenticated):
    """``unwatch`` ends the store's hints about this mailbox."""

    mailbox: str
    read_only: bool
    view: MailboxView
    unwatch: Callable[[], None]

    state: ClassVar[State] = State.SELECTED

    def end(self) -> None:
        self.unwatch()

    def closed(self) -> Authenticated:
        """The state without a mailbox."""
        return Authenticated(self.site, self.connection, self.peer, self.wake, self.owner)

"""What is known of a POP3 client, one class a state; a later state adds to an earlier one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsFacts
from mailclad.protocols.pop3.connection import State
from mailclad.services.auth.authenticator import Exchange, Use
from mailclad.sessions.pop3.maildrop import Maildrop
from mailclad.store.interface import Body, Claim, Row
from mailclad.store.model import (
    Account,
    AccountId,
    Column,
    ContentId,
    MailboxId,
    MailboxStat,
    Uid,
    UidSet,
)


class Authentication(Protocol):
    """Of the authenticator, what POP3 asks."""

    def mechanisms(self, tls: TlsFacts | None) -> tuple[str, ...]: ...
    async def password(
        self, login: str, password: Secret, use: Use, peer: str, tls: TlsFacts | None
    ) -> Account: ...
    def begin(self, mechanism: str, use: Use, peer: str, tls: TlsFacts) -> Exchange: ...


class Maildrops(Protocol):
    """Of the store, what POP3 asks."""

    async def stat(self, account: AccountId, name: str) -> MailboxStat: ...
    def fetch(
        self, mailbox: MailboxId, uids: UidSet, columns: Sequence[Column]
    ) -> AsyncIterator[list[Row]]: ...
    async def body(self, content: ContentId) -> Body: ...
    async def remove(self, mailbox: MailboxId, uids: UidSet) -> list[Uid]: ...
    def claim(self, account: AccountId) -> Claim: ...


@dataclass(frozen=True, slots=True)
class Session:
    """Before the login; ``failures`` counts refused logins."""

    authentication: Authentication
    maildrops: Maildrops
    peer: str
    tls: TlsFacts | None
    starttls: bool
    failures: int

    @property
    def state(self) -> State:
        return State.AUTHORIZATION

    def in_tls(self, facts: TlsFacts) -> "Session":
        """After STLS: everything the client said in the clear is forgotten."""
        return replace(Session(*fields(self)), tls=facts)

    def release(self) -> None:
        """Let go of what a session holds; the connection has ended."""


@dataclass(frozen=True, slots=True)
class Named(Session):
    """After USER."""

    login: str

    @property
    def state(self) -> State:
        return State.NAMED


@dataclass(frozen=True, slots=True)
class Authenticating(Session):
    """Within AUTH."""

    exchange: Exchange

    @property
    def state(self) -> State:
        return State.AUTHENTICATING


@dataclass(frozen=True, slots=True)
class Transaction(Session):
    """In the maildrop, which nobody else can have until ``release``."""

    account: Account
    maildrop: Maildrop
    claim: Claim

    @property
    def state(self) -> State:
        return State.TRANSACTION

    def release(self) -> None:
        self.claim.release()


Fields = tuple[Authentication, Maildrops, str, TlsFacts | None, bool, int]


def fields(session: Session) -> Fields:
    """What every later state begins with."""
    return (
        session.authentication,
        session.maildrops,
        session.peer,
        session.tls,
        session.starttls,
        session.failures,
    )


def before_login(session: Session, failures: int = 0) -> Session:
    """The same connection with nobody named."""
    return replace(Session(*fields(session)), failures=session.failures + failures)

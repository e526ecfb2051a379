"""USER, PASS and AUTH: from a stranger to the owner of a maildrop (RFC 1939 §7, RFC 5034).

Trusts the connection's gate for TLS.  USER's answer says nothing about the account.
Limit: refused logins, after which the connection ends.
"""

from mailclad.protocols.pop3.commands import Auth, AuthResponse, Pass, User
from mailclad.protocols.pop3.responses import Begin, Capabilities, End, Reply
from mailclad.services.auth.authenticator import (
    Authenticated,
    AuthenticationFailed,
    AuthenticationMalformed,
    AuthenticationUnavailable,
    Challenge,
    Exchange,
    MechanismUnknown,
    Use,
)
from mailclad.sessions.pop3.maildrop import COLUMNS, Maildrop
from mailclad.sessions.pop3.outcome import Emit, Outcome, err
from mailclad.sessions.pop3.refusals import TEMPORARY
from mailclad.sessions.pop3.session import (
    Authenticating,
    Named,
    Session,
    Transaction,
    before_login,
    fields,
)
from mailclad.store.model import ALL_UIDS, Account

FAILURES_BEFORE_CLOSE = 5
"""RFC 4954 §4 wants three at the least before a connection is dropped."""


async def user(session: Session, command: User, emit: Emit) -> Outcome:
    named = Named(*fields(session), command.login)
    return Outcome(Reply(True, "now the password"), become=named)


async def password(session: Named, command: Pass, emit: Emit) -> Outcome:
    try:
        account = await session.authentication.password(
            session.login, command.password, Use.POP3, session.peer, session.tls
        )
    except AuthenticationFailed as problem:
        return _failed(session, str(problem))
    except AuthenticationUnavailable as problem:
        return _unavailable(session, str(problem))
    return await _enter(session, account)


async def auth(session: Session, command: Auth, emit: Emit) -> Outcome:
    if command.mechanism is None:
        await emit(Begin("mechanisms follow"))
        await emit(Capabilities(session.authentication.mechanisms(session.tls)))
        await emit(End())
        return Outcome()
    assert session.tls is not None, "the gate has seen to it"
    try:
        exchange = session.authentication.begin(
            command.mechanism, Use.POP3, session.peer, session.tls
        )
    except MechanismUnknown:
        return err("no such mechanism; CAPA lists them")
    return await _step(session, exchange, command.initial)


async def auth_response(session: Authenticating, command: AuthResponse, emit: Emit) -> Outcome:
    if command.data is None:
        return Outcome(Reply(False, command.why), become=before_login(session))
    return await _step(session, session.exchange, command.data)


async def _step(session: Session, exchange: Exchange, data: bytes | None) -> Outcome:
    try:
        answer = await exchange.step(data)
    except AuthenticationFailed as problem:
        return _failed(session, str(problem))
    except AuthenticationUnavailable as problem:
        return _unavailable(session, str(problem))
    except AuthenticationMalformed as problem:
        return _failed(session, str(problem), None)
    match answer:
        case Challenge(octets):
            waiting = Authenticating(*fields(session), exchange)
            return Outcome(challenge=octets, become=waiting)
        case Authenticated(account):
            return await _enter(session, account)


async def _enter(session: Session, account: Account) -> Outcome:
    """Sole use first, then the snapshot: what it shows, nobody else can delete by POP3."""
    maildrops = session.maildrops
    claim = maildrops.claim(account.id)
    try:
        stat = await maildrops.stat(account.id, "INBOX")
        maildrop = Maildrop(stat.id, stat.uid_validity)
        if stat.messages:
            await maildrop.take(maildrops.fetch(stat.id, ALL_UIDS, COLUMNS))
    except BaseException:
        claim.release()
        raise
    inside = Transaction(*fields(session), account, maildrop, claim)
    return Outcome(Reply(True, "maildrop open"), become=inside)


def _failed(session: Session, text: str, code: str | None = "AUTH") -> Outcome:
    after = before_login(session, failures=1)
    close = "too many refused logins" if after.failures >= FAILURES_BEFORE_CLOSE else None
    return Outcome(Reply(False, text, code), become=after, close=close)


def _unavailable(session: Session, text: str) -> Outcome:
    return Outcome(Reply(False, text, TEMPORARY), become=before_login(session))

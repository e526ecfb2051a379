"""LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3; RFC 4959; mechanisms: services.auth).

The engine's gate lets neither through before TLS.  What went wrong is told in the same
words whether or not the account exists.
"""

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.responses import CAPABILITY_CODE, Condition, Reply
from mailclad.services.auth.authenticator import Challenge, Exchange, MechanismUnknown, Use
from mailclad.sessions.imap.outcome import Challenged, Emit, Outcome, Result, bad, no
from mailclad.sessions.imap.session import Authenticated, Authenticating, Session
from mailclad.store.model import Account

_WELCOME = Reply(Condition.OK, "logged in", CAPABILITY_CODE)


async def login(session: Session, command: commands.Login, emit: Emit) -> Outcome:
    account = await session.site.authenticator.password(
        command.login, command.password, Use.IMAP, session.peer, session.connection.tls
    )
    return _welcome(session, account)


async def authenticate(session: Session, command: commands.Authenticate, emit: Emit) -> Result:
    tls = session.connection.tls
    assert tls is not None  # the connection's gate has seen to it
    try:
        exchange = session.site.authenticator.begin(command.mechanism, Use.IMAP, session.peer, tls)
    except MechanismUnknown:
        return no("this mechanism is not offered; see CAPABILITY", "CANNOT")
    return await _step(session, exchange, command.initial)


async def authenticate_response(
    session: Authenticating, command: commands.AuthenticateResponse, emit: Emit
) -> Result:
    if command.data is None:
        return bad("authentication was given up")
    return await _step(session, session.exchange, command.data)


async def _step(session: Session, exchange: Exchange, response: bytes | None) -> Result:
    found = await exchange.step(response)
    if isinstance(found, Challenge):
        waiting = Authenticating(
            session.site, session.connection, session.peer, session.wake, exchange
        )
        return Challenged(found.data, waiting)
    return _welcome(session, found.account)


def _welcome(session: Session, account: Account) -> Outcome:
    become = Authenticated(session.site, session.connection, session.peer, session.wake, account)
    return Outcome(_WELCOME, become)

"""AUTH: log in to submit mail (RFC 4954).

The gate lets it through only inside TLS, on 465 and 587.  What was typed is seen by the
authenticator alone; nothing here keeps or logs it.
"""

from dataclasses import replace

from mailclad.protocols.smtp.command import Auth, AuthResponse
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.auth.authenticator import Challenge, Exchange, Use
from mailclad.sessions.smtp.outcome import Challenged, Result, said
from mailclad.sessions.smtp.session import Authenticating, Greeted

_LOGGED_IN = Reply(235, "2.7.0", "Logged in")


async def auth(session: Greeted, command: Auth) -> Result:
    door = session.site.submission
    assert door is not None, "the gate: only a submission listener has AUTH"
    assert session.tls is not None, "the gate: never before TLS"
    peer = session.client.peer
    exchange = door.authenticator.begin(command.mechanism, Use.SUBMISSION, peer, session.tls)
    return await _step(session, exchange, command.initial)


async def auth_response(session: Authenticating, command: AuthResponse) -> Result:
    return await _step(session, session.exchange, command.response)


async def _step(session: Greeted, exchange: Exchange, response: bytes | None) -> Result:
    site, client, visits = session.site, session.client, session.visits
    step = await exchange.step(response)
    if isinstance(step, Challenge):
        return Challenged(
            step.data, Authenticating(site, client, visits, session.hello, session.stamp, exchange)
        )
    known = replace(client, account=step.account)
    return said(_LOGGED_IN, Greeted(site, known, visits, session.hello, session.stamp))

"""Trying a name and a password at an IMAP server that proves who it is.

RFC 9051 §6.2, RFC 8314 §3.1.  Comes in: an endpoint, an IP address, a name and a password.  Goes
out: a ``SignInSeen``; nothing that server or network do raises.  Nothing is said under TLS, and
no password ever, before the certificate was verified for the host's name.  Limits: seconds for
all of it; octets as in ``protocols.probe``.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.protocols.probe.dialogue import Answer, Dialogue, DialogueProblem
from mailclad.protocols.probe.grammar import Question
from mailclad.protocols.probe.sign_in import Decided, ImapSignIn, steps
from mailclad.protocols.smtp.client.login import Login
from mailclad.servers.channel import Channel, ConnectionLost
from mailclad.servers.dial import dial
from mailclad.servers.tls import ClientTrust
from mailclad.servers.tls_client import TlsClient
from mailclad.servers.tls_failure import HandshakeFailed

SECONDS = 20.0
"""Servers let who gave a wrong password wait for some."""


@dataclass(frozen=True, slots=True)
class SignInSeen:
    """``decided`` is None where no password was sent; then ``offered`` may say why: there is no
    method in common.  It is None where the server did not come to prove who it is."""

    decided: Decided | None = None
    offered: tuple[str, ...] | None = None


async def sign_in_imap(
    endpoint: Endpoint, address: str, login: Login, trust: ClientTrust
) -> SignInSeen:
    tls = TlsClient(trust, TlsDemand(TlsLevel.VERIFY, (endpoint.host,)))
    channel: Channel | None = None
    try:
        async with asyncio.timeout(SECONDS):
            implicit = endpoint.tls is TlsMode.IMPLICIT
            channel = await dial(address, endpoint.port, tls, implicit=implicit)
            return await _talk(channel, Dialogue(endpoint.protocol), tls, login, implicit=implicit)
    except (TimeoutError, HandshakeFailed, ConnectionLost, OSError, DialogueProblem):
        return SignInSeen()
    finally:
        if channel is not None:
            with contextlib.suppress(ConnectionLost, TimeoutError):
                await channel.close()


async def _talk(
    channel: Channel, dialogue: Dialogue, tls: TlsClient, login: Login, *, implicit: bool
) -> SignInSeen:
    if not implicit:
        await _ask(channel, dialogue, Question.GREETING)
        if not (await _ask(channel, dialogue, Question.UPGRADE)).positive:
            return SignInSeen()
        await channel.start_tls()
        dialogue.tls_started()
    if tls.verdict().failure is not None:
        return SignInSeen()
    if implicit:
        await _ask(channel, dialogue, Question.GREETING)
    offered = (await _ask(channel, dialogue, Question.CAPABILITIES)).words or ()
    said = steps(login, offered)
    if not said:
        return SignInSeen(offered=offered)
    decided = await _try(channel, ImapSignIn(said))
    channel.write(dialogue.ask(Question.LEAVE))
    return SignInSeen(decided, offered)


async def _try(channel: Channel, sign_in: ImapSignIn) -> Decided:
    output: bytes | Decided = sign_in.begin()
    while not isinstance(output, Decided):
        if output:
            channel.write(output)
            await channel.drain()
        output = sign_in.receive(await _receive(channel))
    return output


async def _ask(channel: Channel, dialogue: Dialogue, question: Question) -> Answer:
    channel.write(dialogue.ask(question))
    await channel.drain()
    answer = dialogue.receive(b"")
    while answer is None:
        answer = dialogue.receive(await _receive(channel))
    return answer


async def _receive(channel: Channel) -> bytes:
    octets = await channel.receive()
    if octets is None:
        raise ConnectionLost("the server closed")
    return octets

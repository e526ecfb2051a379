"""SMTP to other servers: connects, comes to TLS as demanded, delivers, and keeps time.

RFC 5321 §4.5.3.2 (how long to wait), RFC 3207, RFC 7672 §2.2, RFC 8461 §5, RFC 8689 §4.2.1.

Comes in: an address that was looked up, what TLS is demanded, envelopes and bodies.  Goes out:
values.  What the network or the server does never raises: it is in the report and in the fates
of the recipients.  Where TLS or a name is demanded, no mail is said before the verdict; a
password is only given to a server that was authenticated.  A server that trickles makes no
progress: time runs until a reply is whole, and for each message in all.
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.tls_verdict import Failure, TlsDemand, TlsLevel, failed
from mailclad.protocols.smtp.client import event as events
from mailclad.protocols.smtp.client import outcome
from mailclad.protocols.smtp.client.connection import ClientConnection
from mailclad.protocols.smtp.client.envelope import Envelope
from mailclad.protocols.smtp.client.login import Login
from mailclad.protocols.smtp.client.outcome import (
    Fate,
    MessageOutcome,
    Stage,
    Unsendable,
    Verdict,
)
from mailclad.protocols.smtp.client.report import ConnectionReport, Delivery
from mailclad.protocols.smtp.client.transaction import refused_unsent
from mailclad.protocols.smtp.command import UpgradeToTls
from mailclad.servers.channel import Channel, ConnectionLost
from mailclad.servers.dial import dial
from mailclad.servers.tls import ClientTrust
from mailclad.servers.tls_client import TlsClient, handshake_failure
from mailclad.servers.tls_failure import HandshakeFailed

PIECE = 64 * 1024
"""Octets of a message read at a time; so much of it lies in memory, and as much stuffed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds; RFC 5321 §4.5.3.2 where it says any."""

    connect: float = 30
    """Hosts that are up answer in one; there may be other addresses to try."""
    greeting: float = 300
    command: float = 300
    data: float = 120
    """Until 354."""
    block: float = 180
    """Until the server has taken a piece of the message."""
    message: float = 600
    """From the end of the message to its reply: giving up early makes duplicates."""
    quit: float = 5
    """Nothing depends on this answer any more."""
    opening: float = 900
    """From the connection to its first message, in all: four replies that take their time."""
    whole: float = 3600
    """For one message in all: a thousand recipients, or 50 MB at 14 KB a second."""

    def for_reply(self, stage: Stage | None) -> float:
        match stage:
            case Stage.GREETING:
                return self.greeting
            case Stage.DATA:
                return self.data
            case Stage.MESSAGE:
                return self.message
            case _:
                return self.command


@dataclass(frozen=True, slots=True)
class Route:
    """Where to connect: an IP address, and with IMPLICIT a port such as 465.

    ``socks`` is the proxy that makes the connection for us, if any.
    """

    address: str
    port: int = 25
    source: str | None = None
    tls: TlsMode = TlsMode.STARTTLS
    socks: tuple[str, int] | None = None


class Body(Protocol):
    """The octets of a message; the store's are read this way."""

    @property
    def octets(self) -> int: ...

    def read(self, start: int, octets: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class HeldBody:
    """A message in memory."""

    held: bytes

    @property
    def octets(self) -> int:
        return len(self.held)

    def read(self, start: int, octets: int) -> bytes:
        return self.held[start : start + octets]


def is_public(address: str) -> bool:
    """Whether an address is one of the open Internet: what mail to strangers may go to."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour
        if inside is None and ip in _NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inside is None and ip not in _UNICAST:
            return False
        ip = inside or ip
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
"""RFC 4291 §2.4: all that was given out yet.  Python counts old private ranges as global."""


# Longer than other classes: the steps from a socket to a message, each of a few lines.
class OutboundConnection:
    """A connection that is open for messages, or its ``report`` says why it is not."""

    __slots__ = ("_channel", "_connection", "_patience", "_sent", "_tls", "report")

    def __init__(
        self,
        route: Route,
        hello_name: str,
        tls: TlsClient,
        patience: Patience = Patience(),
    ) -> None:
        implicit = route.tls is TlsMode.IMPLICIT
        self.report = ConnectionReport(route.address, route.port, tls.demand.level)
        self._connection = ClientConnection(hello_name, encrypted=implicit)
        self._channel: Channel | None = None
        self._tls = tls
        self._patience = patience
        self._sent = 0

    @property
    def is_open(self) -> bool:
        """Whether another message may be sent."""
        can = self.report.capabilities
        spent = can is not None and 0 < can.messages <= self._sent
        ended = self._channel is None or self._connection.ended is not None
        return self.report.problem is None and not ended and not spent

    @property
    def _is_authenticated(self) -> bool:
        verdict = self.report.verdict
        return verdict is not None and verdict.failure is None

    async def open(
        self, route: Route, login: Login | None, permits: Callable[[str], bool]
    ) -> None:
        """Come to where messages may be sent, or to a problem."""
        if not permits(route.address):
            self._fail(Stage.CONNECT, "4.4.4", "mail is not sent to this IP address")
            return
        try:
            async with asyncio.timeout(self._patience.opening):
                if await self._connect(route) and await self._ready(route):
                    await self._log_in(login)
        except TimeoutError:
            self._fail(Stage.HELLO, "4.4.2", "the server took too long until mail could be sent")
        if self.report.problem is not None:
            await self.close()

    async def send(self, envelope: Envelope, body: Body) -> MessageOutcome:
        """Deliver one message; raises only what ``body.read`` raises.

        Without a connection the report's problem is everybody's fate: REFUSED where the server's
        greeting was a refusal for ever, which another of the domain's servers may not repeat.
        """
        if self._channel is None:
            return refused_unsent(envelope, self.report.problem or _CLOSED)
        if envelope.require_tls and not self._is_authenticated:
            return refused_unsent(envelope, _NOT_AUTHENTICATED, Unsendable.REQUIRETLS)
        self._sent += 1
        self._connection.send(envelope)
        try:
            async with asyncio.timeout(self._patience.whole):
                return await self._carry(body)
        except TimeoutError:
            self._connection.fail("the message took too long")
            return await self._carry(body)

    async def close(self) -> None:
        """Say QUIT where somebody may listen, and close."""
        connection, channel, self._channel = self._connection, self._channel, None
        if channel is None:
            return
        if connection.ended is not None:
            self._problem(connection.ended.problem)
        try:
            if connection.is_idle:
                connection.quit()
                channel.write(connection.data_to_send())
                channel.set_deadline(self._patience.quit)
                while connection.ended is None:
                    await _feed(connection, channel)
                await channel.close()
        except (ConnectionLost, TimeoutError, HandshakeFailed):
            pass  # the mail is said: how the server takes leave changes nothing
        finally:
            channel.abort()

    # --- opening ---

    async def _connect(self, route: Route) -> bool:
        implicit = route.tls is TlsMode.IMPLICIT
        try:
            async with asyncio.timeout(self._patience.connect):
                self._channel = await dial(
                    route.address,
                    route.port,
                    self._tls,
                    implicit=implicit,
                    source=route.source,
                    socks=route.socks,
                )
        except HandshakeFailed as failure:
            self.report = replace(self.report, verdict=handshake_failure(failure))
            return self._fail(Stage.STARTTLS, "4.7.5", str(failure))
        except TimeoutError:
            return self._fail(Stage.CONNECT, "4.4.1", "the server did not answer in time")
        except (OSError, ConnectionLost) as problem:
            return self._fail(Stage.CONNECT, "4.4.1", f"no connection: {problem}")
        if route.socks is None:
            self.report = replace(self.report, local=self._channel.local_address)
        return True

    async def _ready(self, route: Route) -> bool:
        """Greet, and come to TLS."""
        if route.tls is TlsMode.IMPLICIT:
            return self._judge() and await self._greet()
        if not await self._greet():
            return False
        if self.report.level is TlsLevel.NONE:
            return True
        can = self.report.capabilities
        if can is None or "STARTTLS" not in can:
            return self._go_clear("the server does not offer STARTTLS")
        return await self._start_tls()

    async def _greet(self) -> bool:
        event = await self._event()
        if isinstance(event, events.Ready):
            self.report = replace(self.report, capabilities=event.capabilities)
        return isinstance(event, events.Ready)

    async def _start_tls(self) -> bool:
        self._connection.start_tls()
        event = await self._event()
        if isinstance(event, events.StartTlsRefused):
            return self._go_clear(f"the server refused STARTTLS: {event.reply.text}")
        if not isinstance(event, UpgradeToTls):
            verdict = failed(Failure.VALIDATION, "the connection ended at STARTTLS")
            self.report = replace(self.report, verdict=verdict)
            return False
        assert self._channel is not None
        try:
            await self._channel.start_tls()
        except (HandshakeFailed, ConnectionLost, OSError) as failure:
            self.report = replace(self.report, verdict=handshake_failure(failure))
            return self._fail(Stage.STARTTLS, "4.7.5", f"TLS failed: {failure}")
        fine = self._judge()
        self._connection.tls_started(say_hello=fine)
        return fine and await self._greet()

    def _judge(self) -> bool:
        """Look at the certificate before anything is said."""
        assert self._channel is not None
        verdict = self._tls.verdict()
        self.report = replace(self.report, tls=self._channel.tls, verdict=verdict)
        if verdict.failure is not None and self.report.level is TlsLevel.VERIFY:
            return self._fail(Stage.STARTTLS, "4.7.5", f"not authenticated: {verdict.reason}")
        return True

    def _go_clear(self, reason: str) -> bool:
        verdict = failed(Failure.STARTTLS_NOT_SUPPORTED, reason)
        self.report = replace(self.report, verdict=verdict)
        if self.report.level is TlsLevel.MAY:
            return True
        return self._fail(Stage.STARTTLS, "4.7.10", reason)

    async def _log_in(self, login: Login | None) -> None:
        if login is None:
            return
        if not self._is_authenticated:
            text = "a password is given to an authenticated server only"
            self._fail(Stage.AUTH, "4.7.0", text)
            return
        self._connection.log_in(login)
        event = await self._event()
        if isinstance(event, events.LoginRefused):
            # Whatever the server thinks of our password, no message is refused for it.
            self._problem(replace(event.verdict, fate=Fate.DEFERRED))

    def _fail(self, stage: Stage, status: str, text: str) -> bool:
        self._problem(outcome.ours(Fate.DEFERRED, status, text, stage))
        return False

    def _problem(self, problem: Verdict | None) -> None:
        """The first one counts."""
        if self.report.problem is None:
            self.report = replace(self.report, problem=problem)

    # --- talking ---

    async def _carry(self, body: Body) -> MessageOutcome:
        while not isinstance(event := await self._event(), events.MessageDone):
            if isinstance(event, events.SendBody):
                await self._send_body(body)
        return event.outcome

    async def _send_body(self, body: Body) -> None:
        connection, channel = self._connection, self._channel
        assert channel is not None
        at = 0
        while connection.is_taking_body and at < body.octets:
            try:
                piece = body.read(at, PIECE)
            except BaseException:
                connection.fail("the message could not be read")
                channel.abort()
                raise
            at += len(piece)
            connection.send_body(piece)
            if at < body.octets:
                await self._exchange(channel, self._patience.block, poll=True)
        connection.end_body()

    async def _event(self) -> events.Event:
        """What happens next; problems of the network become the engine's."""
        connection = self._connection
        seen = -1
        while (event := connection.next_event()) is None:
            channel = self._channel
            assert channel is not None
            seconds = None
            if connection.replies != seen:
                seen = connection.replies
                seconds = self._patience.for_reply(connection.waiting_for)
            await self._exchange(channel, seconds)
        if isinstance(event, events.Ended):
            self._problem(event.problem)
        return event

    async def _exchange(
        self, channel: Channel, seconds: float | None, *, poll: bool = False
    ) -> None:
        """Write what gathered, then take what comes, or with ``poll`` what is there."""
        connection = self._connection
        if seconds is not None:
            channel.set_deadline(seconds)
        try:
            channel.write(connection.data_to_send())
            with contextlib.suppress(ConnectionLost):  # a last reply may have come before
                await channel.drain()
            if poll:
                channel.nudge()
            await _feed(connection, channel)
        except ConnectionLost as lost:
            connection.fail(f"the connection broke: {lost}")
        except TimeoutError:
            connection.fail("the server did not answer in time")


_NOT_AUTHENTICATED = outcome.ours(
    Fate.REFUSED,
    "5.7.10",
    "the sender demands TLS to an authenticated server, and this one is not",
    Stage.MAIL,
)
_CLOSED = outcome.ours(Fate.DEFERRED, "4.4.2", "the connection is closed", Stage.IDLE)


async def _feed(connection: ClientConnection, channel: Channel) -> None:
    data = await channel.receive()
    if data is None:
        connection.receive_eof()
    elif data:
        connection.receive_data(data)


async def connect(
    route: Route,
    hello_name: str,
    demand: TlsDemand,
    trust: ClientTrust,
    *,
    permits: Callable[[str], bool],
    login: Login | None = None,
    patience: Patience = Patience(),
) -> OutboundConnection:
    """Open a connection for messages; the caller closes it in every case.

    ``permits`` says whether mail may go to an address; :func:`is_public` is the usual one.
    """
    made = OutboundConnection(route, hello_name, TlsClient(trust, demand), patience)
    try:
        await made.open(route, login, permits)
    except BaseException:  # cancelled
        await made.close()
        raise
    return made


async def deliver(made: OutboundConnection, messages: Iterable[tuple[Envelope, Body]]) -> Delivery:
    """Send a batch and close; what a connection that ended cannot take is deferred."""
    try:
        outcomes = [await made.send(envelope, body) for envelope, body in messages]
    finally:
        await made.close()
    return Delivery(made.report, tuple(outcomes))

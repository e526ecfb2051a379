"""Listeners: accept connections, bring them to TLS where the port is encrypted, run the shell.

RFC 8314 (implicit TLS), RFC 3207 and RFC 9051 §6.2.1 (STARTTLS, begun by the shell).

Comes in: listening sockets, made before the workers forked.  Goes out: one task per connection
that runs the protocol's shell on a Channel, and one log line when it ends.  An implicit-TLS
connection has no task until its handshake is done.  A shell's bug ends its connection only.
Limits: :mod:`admission`.
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Protocol, cast

import structlog

from mailclad.base.in_clear import InClear
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.protocols.tls.client_hello import FirstBytes, classify
from mailclad.servers.admission import Admission
from mailclad.servers.channel import Channel, ConnectionLost, Shell, ends
from mailclad.servers.first_octets import FirstOctets
from mailclad.servers.handshake import TlsServer
from mailclad.servers.own_checks import OwnChecks
from mailclad.servers.proxied import Proxied
from mailclad.servers.tls import ContextTable
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.servers.tls_transport import TlsTransport, start_tls
from mailclad.services.receive.networks import Networks

BACKLOG = 1024
"""Connections that wait in the kernel while the loop is busy: half a second of handshakes."""

REFUSALS_LOGGED_EACH_SECONDS = 10.0
"""A flood is told of in one line for so long, not in one for every connection."""

_SIGN_IN = frozenset({Service.IMAP, Service.POP3, Service.SUBMISSION})


class Witness(Protocol):
    """Is told what happens, for diagnoses and set-up pages; not of our own checks."""

    def arrived(self, channel: Channel, transport: TlsTransport) -> None:
        """On a port that is encrypted from the first octet."""

    def encrypted(self, channel: Channel) -> None:
        """A handshake is done."""

    def tried_in_clear(self, channel: Channel, what: InClear) -> None:
        """Somebody wanted to sign in without TLS, or left without it."""

    def failed(self, channel: Channel, failure: HandshakeFailed) -> None: ...

    def ended(self, channel: Channel) -> None:
        """The connection, whatever it was."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One service on one or more listening sockets."""

    service: Service
    tls: TlsMode
    sockets: tuple[socket.socket, ...]
    proxies: Networks = Networks()
    """Who says first for whom it speaks (PROXY protocol)."""
    forgiving: bool = False
    """With STARTTLS: a client that begins with TLS at once is understood."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a client may ask for by ALPN instead of the listener's own service."""

    service: Service
    shell: Shell
    witness: Witness | None = None


class Listener:
    """What ``listen()`` returns: drain it, then it is done."""

    __slots__ = (
        "_admission",
        "_arriving",
        "_by_alpn",
        "_draining",
        "_forgiving",
        "_half_open",
        "_log",
        "_mode",
        "_others",
        "_own_checks",
        "_proxies",
        "_refused",
        "_servers",
        "_shell",
        "_sign_in",
        "_tasks",
        "_tls",
        "_witness",
    )

    def __init__(
        self,
        listening: Listening,
        contexts: ContextTable | None,
        shell: Shell,
        admission: Admission,
        witness: Witness | None = None,
        own_checks: OwnChecks | None = None,
        by_alpn: Mapping[bytes, Spoken] = MappingProxyType({}),
    ) -> None:
        limits = admission.limits
        self._admission = admission
        self._mode = listening.tls
        self._forgiving = listening.forgiving and listening.tls is TlsMode.STARTTLS
        self._proxies = listening.proxies
        self._shell = shell
        self._sign_in = listening.service in _SIGN_IN
        self._witness = witness
        self._own_checks = own_checks
        self._by_alpn = by_alpn
        self._others: dict[Channel, Spoken] = {}
        self._tls: TlsServer | None = None
        if listening.tls is not TlsMode.NONE:
            assert contexts is not None, "an encrypted listener needs certificates"
            self._tls = TlsServer(
                contexts,
                listening.service,
                limits.handshake_seconds,
                limits.handshake_octets,
                {name: spoken.service for name, spoken in by_alpn.items()},
            )
        self._servers: list[asyncio.AbstractServer] = []
        self._tasks: dict[Channel, asyncio.Task[None]] = {}
        self._half_open: dict[Channel, asyncio.Transport] = {}
        self._arriving: set[asyncio.Transport] = set()
        self._draining = False
        self._refused = _Refused()
        self._log = structlog.get_logger().bind(
            service=str(listening.service), tls=str(listening.tls)
        )

    async def open(self, sockets: tuple[socket.socket, ...]) -> None:
        loop = asyncio.get_running_loop()
        for sock in sockets:
            if sock.family == socket.AF_UNIX:
                server: asyncio.AbstractServer = await loop.create_unix_server(
                    lambda: _Arrival(self), sock=sock, backlog=BACKLOG
                )
            else:
                server = await loop.create_server(
                    lambda: _Arrival(self), sock=sock, backlog=BACKLOG
                )
            self._servers.append(server)

    @property
    def connections(self) -> int:
        """How many connections stand, handshakes under way included."""
        return len(self._tasks) + len(self._half_open) + len(self._arriving)

    def stop_accepting(self) -> None:
        """Accept nothing more; the connections that stand go on as if nothing had happened."""
        for server in self._servers:
            server.close()

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, ask the shells to finish, wait, then drop what is left."""
        self._draining = True
        for server in self._servers:
            server.close()
        for transport in [*self._arriving, *self._half_open.values()]:
            transport.abort()
        for channel in list(self._tasks):
            channel.closing = True
            channel.nudge()
        if not self._tasks:
            return
        _, late = await asyncio.wait(list(self._tasks.values()), timeout=seconds)
        for channel in list(self._tasks):
            channel.abort()
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def close(self) -> None:
        """Drop everything at once."""
        await self.drain(0)

    # A connection's way: meet → (proxied) → admit → (handshake) → ready → (begin_tls) → ended

    def meet(self, tcp: asyncio.Transport) -> None:
        peer, _ = ends(tcp)
        if peer in self._proxies and not self._is_own_check(tcp):
            self._arriving.add(tcp)
            tcp.set_protocol(Proxied(tcp, self._admit, partial(self._arriving.discard, tcp)))
        else:
            self._admit(tcp, "", b"")

    def _admit(self, tcp: asyncio.Transport, source: str, received: bytes) -> None:
        """``source`` is the client's address where a proxy has told it."""
        self._arriving.discard(tcp)
        peer, local_port = ends(tcp)
        channel = Channel(self, source or peer, local_port)
        if self._is_own_check(tcp):
            channel.mark_own_check()
        implicit = self._mode is TlsMode.IMPLICIT
        if self._draining or self._is_refused(channel, handshake=implicit):
            tcp.abort()
            return
        if implicit:
            self._begin_encrypted(channel, tcp, received)
        elif self._forgiving:
            self._arriving.add(tcp)
            first = FirstOctets(
                partial(self._decide, channel, tcp), partial(self._left, channel, tcp)
            )
            tcp.set_protocol(first)
            if received:
                first.data_received(received)
        else:
            self._begin_in_clear(channel, tcp, received)

    def _begin_encrypted(self, channel: Channel, tcp: asyncio.Transport, received: bytes) -> None:
        assert self._tls is not None
        self._half_open[channel] = tcp
        transport = start_tls(self._tls, channel, tcp)
        if (witness := self._witness_of(channel)) is not None:
            witness.arrived(channel, transport)
        if received:
            transport.data_received(received)

    def _begin_in_clear(self, channel: Channel, tcp: asyncio.Transport, received: bytes) -> None:
        tcp.set_protocol(channel)
        channel.connection_made(tcp)
        if received:
            channel.data_received(received)

    def _decide(self, channel: Channel, tcp: asyncio.Transport, received: bytes) -> None:
        """On a forgiving port: by what the client has sent before any greeting."""
        self._arriving.discard(tcp)
        room = self._admission.handshakes < self._admission.limits.handshakes
        if room and classify(received) is FirstBytes.TLS:
            self._admission.handshakes += 1
            self._begin_encrypted(channel, tcp, received)
        else:
            self._begin_in_clear(channel, tcp, received)

    def _left(self, channel: Channel, tcp: asyncio.Transport) -> None:
        self._arriving.discard(tcp)
        self.ended(channel, None)

    def _is_own_check(self, tcp: asyncio.Transport) -> bool:
        return self._own_checks is not None and self._own_checks.has(tcp)

    def _is_refused(self, channel: Channel, *, handshake: bool) -> bool:
        reason = self._admission.refusal(channel.peer, handshake=handshake, sign_in=self._sign_in)
        if reason is not None and (count := self._refused.count()):
            self._log.warning(
                "connections refused", count=count, last_peer=channel.peer, reason=reason
            )
        return reason is not None

    def ready(self, channel: Channel) -> None:
        if self._half_open.pop(channel, None) is not None:
            self._admission.handshakes -= 1
            if not self._settle(channel):
                return
            self.encrypted(channel)
        channel.closing = self._draining
        self._tasks[channel] = asyncio.get_running_loop().create_task(self._run(channel))

    def encrypted(self, channel: Channel) -> None:
        if (witness := self._witness_of(channel)) is not None:
            witness.encrypted(channel)

    def tried_in_clear(self, channel: Channel, what: InClear) -> None:
        if (witness := self._witness_of(channel)) is not None:
            witness.tried_in_clear(channel, what)

    def _witness_of(self, channel: Channel) -> Witness | None:
        if channel.is_own_check:
            return None
        spoken = self._others.get(channel)
        return self._witness if spoken is None else spoken.witness

    def _settle(self, channel: Channel) -> bool:
        """What is spoken, by ALPN; False where too many have not signed in."""
        alpn = channel.tls.alpn if channel.tls is not None else None
        spoken = self._by_alpn.get(alpn) if alpn is not None else None
        if spoken is None:
            return True
        if self._admission.not_signed_in >= self._admission.limits.not_signed_in:
            channel.abort()
            return False
        self._admission.not_signed_in += 1
        self._others[channel] = spoken
        return True

    def begin_tls(self, channel: Channel, tcp: asyncio.Transport) -> TlsTransport:
        assert self._tls is not None, "STARTTLS is offered where certificates are"
        return start_tls(self._tls, channel, tcp)

    def signed_in(self, channel: Channel) -> None:
        tls = channel.tls
        if tls is not None:  # RFC 8314 §4: beside who signs in, by what it was protected
            self._log.info(
                "signed in",
                account=channel.account,
                peer=channel.peer,
                version=tls.version,
                suite=tls.suite,
                group=tls.group,
                alpn=tls.alpn,
                server_name=tls.server_name,
            )
        self._admission.not_signed_in -= self._sign_in or channel in self._others

    def met_tls(self, channel: Channel, data: bytes) -> None:
        if self._mode is TlsMode.STARTTLS and classify(data) is FirstBytes.TLS:
            problem = HandshakeFailed("TLS before STARTTLS", data, in_clear=True)
            self._tell_failure(channel, problem)

    def ended(self, channel: Channel, problem: Exception | None) -> None:
        self._admission.left(channel.peer)
        if (self._sign_in or channel in self._others) and not channel.is_signed_in:
            self._admission.not_signed_in -= 1
        if isinstance(problem, HandshakeFailed):
            self._tell_failure(channel, problem)
        if self._half_open.pop(channel, None) is not None:
            self._admission.handshakes -= 1
        if channel not in self._tasks:
            self._others.pop(channel, None)

    def _asked(self, failure: HandshakeFailed) -> Spoken | None:
        """What a client wanted to speak with whom no TLS came about."""
        hello = failure.hello if self._by_alpn else None
        asked = hello.alpn if hello is not None else ()
        return next((self._by_alpn[name] for name in asked if name in self._by_alpn), None)

    def _spoken(self, channel: Channel) -> tuple[Shell, structlog.stdlib.BoundLogger]:
        spoken = self._others.get(channel)
        if spoken is None:
            return self._shell, self._log
        return spoken.shell, self._log.bind(service=str(spoken.service))

    async def _run(self, channel: Channel) -> None:
        started = asyncio.get_running_loop().time()
        end = "closed"
        shell, said = self._spoken(channel)
        try:
            end = await shell(channel) or end
            if channel.tls is None and channel.in_clear is InClear.TALKED:
                self.tried_in_clear(channel, InClear.TALKED)
            await channel.close()
        except (ConnectionLost, HandshakeFailed) as lost:
            end = str(lost)
        except TimeoutError:
            end = "too slow or silent"
        except asyncio.CancelledError:
            end = "stopped"
            raise
        except Exception:
            end = "a fault of this server"
            said.exception("shell failed", peer=channel.peer)
        finally:
            channel.abort()
            del self._tasks[channel]
            if (witness := self._witness_of(channel)) is not None:
                witness.ended(channel)
            self._others.pop(channel, None)
            seconds = asyncio.get_running_loop().time() - started
            version = channel.tls.version if channel.tls is not None else None
            log = said.debug if channel.is_own_check else said.info
            log(
                "connection ended",
                peer=channel.peer,
                port=channel.local_port,
                version=version,
                seconds=round(seconds, 3),
                end=end,
                **({"account": channel.account} if channel.account else {}),
            )

    def _tell_failure(self, channel: Channel, problem: HandshakeFailed) -> None:
        asked = self._asked(problem)
        witness = self._witness if asked is None else asked.witness
        if witness is not None and not channel.is_own_check:
            witness.failed(channel, problem)
        said = self._log if asked is None else self._log.bind(service=str(asked.service))
        log = said.debug if channel.is_own_check else said.info
        log(
            "handshake failed",
            peer=channel.peer,
            port=channel.local_port,
            reason=problem.reason,
            began_with=str(problem.first_bytes),
            sent_alert=problem.sent_alert,
            received_alert=problem.received_alert,
        )


class _Arrival(asyncio.Protocol):
    """Takes a connection for the moment in which it is admitted or not."""

    __slots__ = ("_listener",)

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._listener.meet(cast("asyncio.Transport", transport))  # uvloop's is none by name


class _Refused:
    """How many were refused since the last line in the log."""

    __slots__ = ("_count", "_next")

    def __init__(self) -> None:
        self._count = 0
        self._next = 0.0

    def count(self) -> int:
        """Count one more; return how many to tell of, or 0 for: not yet."""
        self._count += 1
        now = asyncio.get_running_loop().time()
        if now < self._next:
            return 0
        self._next = now + REFUSALS_LOGGED_EACH_SECONDS
        count, self._count = self._count, 0
        return count


async def listen(
    listening: Listening,
    contexts: ContextTable | None,
    shell: Shell,
    admission: Admission,
    *,
    witness: Witness | None = None,
    own_checks: OwnChecks | None = None,
    by_alpn: Mapping[bytes, Spoken] = MappingProxyType({}),
) -> Listener:
    """Start to accept on these sockets; ``contexts`` may be None where there is no TLS."""
    listener = Listener(listening, contexts, shell, admission, witness, own_checks, by_alpn)
    await listener.open(listening.sockets)
    return listener

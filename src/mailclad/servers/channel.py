"""Channel: the connection as every shell sees it, in the clear or under TLS.

Comes in: bytes from a TCP or TLS transport, nudges from elsewhere in the process, time.
Goes out: ``receive()``, ``write()``, ``drain()``, ``start_tls()``, ``close()``.

One task talks on a channel; nothing here is a task.  What was received in the clear never
crosses into TLS: octets waiting when STARTTLS is answered end the connection (RFC 3207 §6,
RFC 9051 §6.2.1).  Reading stops while ``RECEIVE_BOUND`` octets wait unread, and a peer that
leaves ``UNSENT_BOUND`` octets unread loses the connection at the next write.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, cast

from mailclad.base.in_clear import InClear
from mailclad.base.tls_policy import TlsFacts
from mailclad.servers.farewell import Farewell
from mailclad.servers.tls_transport import TlsTransport

RECEIVE_BOUND = 64 * 1024
"""Octets that wait for ``receive()`` before reading stops; one more read may lie on top."""

UNSENT_BOUND = 1024 * 1024
"""Octets the peer may leave unread when more is written without ``drain()``: shells drain
after each batch, so more than this is a shell that pours into a peer that does not read."""

_TLS_HANDSHAKE = 22
"""The first octet of a TLS record with a ClientHello (RFC 8446 §5.1); no command begins so."""

_ENDED = 1
_LOST = 2
_NUDGED = 4
_READ_PAUSED = 8
_WRITE_PAUSED = 16
_OWN_CHECK = 32


class ConnectionLost(Exception):
    """The peer is gone, has reset the connection, or broke a rule that ends it at once."""


class ChannelOwner(Protocol):
    """Who made the channel; the listener is one."""

    def ready(self, channel: "Channel") -> None:
        """The connection stands; under implicit TLS: the handshake is done."""

    def signed_in(self, channel: "Channel") -> None:
        """Somebody has signed in on it."""

    def encrypted(self, channel: "Channel") -> None:
        """A handshake after STARTTLS is done."""

    def tried_in_clear(self, channel: "Channel", what: InClear) -> None:
        """The peer wanted to sign in without TLS, and was refused."""

    def met_tls(self, channel: "Channel", data: bytes) -> None:
        """The peer speaks TLS where the conversation begins in the clear."""

    def ended(self, channel: "Channel", problem: Exception | None) -> None:
        """The socket is gone; called once, also when ``ready`` never was."""

    def begin_tls(self, channel: "Channel", tcp: asyncio.Transport) -> asyncio.Transport:
        """Start the server's side of a handshake on this TCP transport."""


class Channel(asyncio.Protocol):
    """See the module.  ``closing`` says that the server stops: finish, say goodbye, return.

    ``said`` is what the peer calls itself: its host on port 25, its program where it says so.
    """

    __slots__ = (  # fifteen: two say who the peer is, one what it tried, for logs and watches
        "_deadline", "_flags", "_owner", "_problem", "_received", "_timer", "_transport",
        "_waiter", "account", "closing", "in_clear", "local_port", "peer", "said", "tls",
    )  # fmt: skip

    def __init__(self, owner: ChannelOwner, peer: str, local_port: int) -> None:
        self.peer = peer
        self.local_port = local_port
        self.tls: TlsFacts | None = None
        self.account = ""
        self.said = ""
        self.closing = False
        self.in_clear = InClear.NOTHING
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._received: bytes | bytearray = b""
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._flags = 0
        self._problem: Exception | None = None

    # What shells call

    async def receive(self) -> bytes | None:
        """Return what has come; b"" when nudged; None at the end of file.

        Raises TimeoutError when the deadline passed and ConnectionLost when the peer is gone.
        """
        while True:
            received = self._received
            if received:
                self._received = b""
                if self._flags & _READ_PAUSED:
                    self._resume()
                return received if type(received) is bytes else bytes(received)
            flags = self._flags
            if flags & _LOST:
                raise self._lost()
            if flags & _NUDGED:
                self._flags = flags & ~_NUDGED
                return b""
            if flags & _ENDED:
                return None
            await self._wait()

    @property
    def said_goodbye(self) -> bool:
        """Whether the peer ended the stream by close_notify, which nobody else can send."""
        transport = self._transport
        return transport is not None and bool(transport.get_extra_info("said_goodbye"))

    @property
    def local_address(self) -> str:
        """Our end's IP address; "" where it is lost already, or a Unix socket's."""
        transport = self._transport
        own = transport.get_extra_info("sockname") if transport is not None else None
        return str(own[0]) if isinstance(own, tuple) else ""

    def nudge(self) -> None:
        """Make the pending receive(), or else the next one with nothing to read, return b""."""
        self._flags |= _NUDGED
        self._wake()

    def set_deadline(self, seconds: float | None) -> None:
        """Restart the timer of receive() and drain(); bytes that come do not restart it."""
        if seconds is None:
            self._deadline = math.inf
            return
        self._deadline = asyncio.get_running_loop().time() + seconds
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None
            if self._waiter is not None:
                self._arm()

    def write(self, data: bytes) -> None:
        """Send, or keep until the peer takes it; await drain() after each batch."""
        transport = self._transport
        if transport is None or not data or transport.is_closing():
            return
        if self._flags & _WRITE_PAUSED and transport.get_write_buffer_size() > UNSENT_BOUND:
            self._problem = ConnectionLost("the peer does not read what we send")
            self.abort()
            return
        transport.write(data)

    async def drain(self) -> None:
        """Wait while the peer is slow; raises TimeoutError or ConnectionLost."""
        while self._flags & (_WRITE_PAUSED | _LOST) == _WRITE_PAUSED:
            await self._wait()
        if self._flags & _LOST:
            raise self._lost()

    async def start_tls(self, reply: bytes = b"") -> TlsFacts:
        """Send the reply that invites the handshake, then hold it; RFC 3207 §4.

        ``reply`` may instead be written just before, without awaiting anything in between:
        what comes after it must meet the handshake, not ``receive()``.  Plaintext that waits
        here already closes the connection, unanswered.  Raises HandshakeFailed.
        """
        assert self.tls is None, "TLS is on already: the engine's gate refuses a second STARTTLS"
        if self._received:
            self._received = b""
            self.abort()
            raise ConnectionLost("plaintext behind STARTTLS")
        transport = self._transport
        if self._flags & _ENDED or transport is None or transport.is_closing():
            self.abort()
            raise self._lost()
        self.write(reply)
        self._resume()
        self._transport = self._owner.begin_tls(self, transport)
        while self.tls is None:
            if self._flags & _LOST:
                raise self._problem if self._problem is not None else self._lost()
            await self._pause()
        return self.tls

    def signed_in(self, account: str) -> None:
        """Say that the peer has authenticated: it no longer counts against that limit."""
        if not self.account:
            self.account = account
            self._owner.signed_in(self)

    def note_in_clear(self, what: InClear) -> None:
        """Shells tell it after each round of commands; each sign-in is handed on once."""
        if what > self.in_clear:
            self.in_clear = what
            if what > InClear.TALKED:
                self._owner.tried_in_clear(self, what)

    @property
    def is_signed_in(self) -> bool:
        return bool(self.account)

    def mark_own_check(self) -> None:
        """This server itself looks whether TLS is as it should be, and will not say more."""
        self._flags |= _OWN_CHECK

    @property
    def is_own_check(self) -> bool:
        return bool(self._flags & _OWN_CHECK)

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """Give the transport and the unread bytes to a protocol that speaks for us from now on.

        It must call this channel's ``connection_lost`` when its own is called; meanwhile
        ``receive()`` tells of nudges and of the end.
        """
        transport = self._transport
        if transport is None or self._flags & _LOST:
            raise self._lost()
        received, self._received = bytes(self._received), b""
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if received:
            protocol.data_received(received)
        if self._flags & _ENDED:
            self._flags &= ~_ENDED  # told once, to the protocol: else who waits here never would
            if not protocol.eof_received():
                transport.close()
        self._resume()

    async def close(self, last: bytes = b"") -> None:
        """Send what is left, the last words, close_notify under TLS, and close.

        Ends by itself.  Last words that are handed over here share a packet with close_notify.
        """
        transport = self._transport
        if transport is None or self._flags & _LOST:
            return
        if isinstance(transport, TlsTransport):
            transport.close(last)
        else:
            self.write(last)
            Farewell(transport, self).start(peer_ended=bool(self._flags & _ENDED))
        while not self._flags & _LOST:
            await self._pause()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # What transports call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a TCP transport, or, a second time, the TLS transport that stands on it."""
        upgraded = self._transport is not None
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by name
        self.tls = transport.get_extra_info("tls_facts")
        if upgraded:
            self._owner.encrypted(self)
            self._wake()
        else:
            self._owner.ready(self)

    def data_received(self, data: bytes) -> None:
        received = self._received
        if not received:
            self._received = data
            if data[0] == _TLS_HANDSHAKE and self.tls is None:
                self._owner.met_tls(self, data)
        elif type(received) is bytearray:
            received += data
        else:
            self._received = bytearray(received) + data
        if len(self._received) > RECEIVE_BOUND and not self._flags & _READ_PAUSED:
            self._flags |= _READ_PAUSED
            if self._transport is not None and not self._transport.is_closing():
                self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._flags |= _ENDED
        self._wake()
        return True  # replies to what came before may still be written

    def pause_writing(self) -> None:
        self._flags |= _WRITE_PAUSED

    def resume_writing(self) -> None:
        self._flags &= ~_WRITE_PAUSED
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._flags |= _LOST
        if self._problem is None:
            self._problem = exc
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()
        self._owner.ended(self, self._problem)

    # Waiting

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _pause(self) -> None:
        """Wait until something happens, whatever the deadline."""
        assert self._waiter is None, "one task talks on a channel"
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _wait(self) -> None:
        """Wait until something happens; raises TimeoutError when the deadline has passed."""
        if self._deadline != math.inf:
            if asyncio.get_running_loop().time() >= self._deadline:
                raise TimeoutError("the peer was silent, or did not read, for too long")
            if self._timer is None:
                self._arm()
        await self._pause()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        """Wake the waiting task: _wait() compares the clock again and sets the timer anew."""
        self._timer = None
        self._wake()

    def _resume(self) -> None:
        self._flags &= ~_READ_PAUSED
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _lost(self) -> ConnectionLost:
        problem = self._problem
        if isinstance(problem, ConnectionLost):
            return problem
        return ConnectionLost(str(problem) if problem is not None else "the peer closed")


def ends(tcp: asyncio.BaseTransport) -> tuple[str, int]:
    """Return the peer's address and our port; "" and 0 on a Unix socket.

    An IPv4 address that an IPv6 socket accepted is told as such (RFC 4291 §2.5.5.2).
    """
    peer, own = tcp.get_extra_info("peername"), tcp.get_extra_info("sockname")
    if not isinstance(peer, tuple) or not isinstance(own, tuple):
        return "", 0
    address = str(peer[0])
    return address.removeprefix("::ffff:") if "." in address else address, int(own[1])


Shell = Callable[[Channel], Coroutine[Any, Any, str | None]]
"""A protocol's task for one connection; returns why it ended, for the log, or None."""

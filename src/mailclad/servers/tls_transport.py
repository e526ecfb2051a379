"""TlsTransport: TLS on any TCP transport of asyncio, for every protocol alike.

Comes in: ciphertext from a TCP transport (asyncio's or uvloop's), untrusted; plaintext from a
protocol.  Goes out: the reverse.  Implicit TLS from the first octet, or ``start_tls()`` on a
connection that has spoken in the clear.  It never passes a byte to the protocol before the
handshake is done, and never buffers without bound: reading stops when the protocol does not
consume, the protocol is told when the peer does not read, and what a peer can make TLS itself
answer is counted.  RFC 8446 §6.1 (close_notify), §4.6.3 (key updates).
"""

import asyncio
from typing import Any, Protocol, cast

from mailclad.base.tls_policy import TlsFacts
from mailclad.servers.farewell import Farewell
from mailclad.servers.tls import TlsSession
from mailclad.servers.tls_failure import HandshakeFailed, StreamBroken

CONTROL_OCTETS = 16 * 1024
"""What a peer may make us answer inside TLS over a connection's life, some 600 key updates:
honest peers ask once in gigabytes."""

WRITE_PIECE = 96 * 1024
"""Plaintext encrypted at a time: from 128 KiB on, memory is mapped anew for each piece (half the
speed, measured); with small ones the calls cost."""

ANSWER_EACH = 64 * 1024
"""After so much ciphertext, answers inside TLS are looked for even while plaintext comes: they
lie in memory until then."""

_PAUSED = 1  # the protocol does not want more
_ENDED = 2  # the peer has sent its last
_CLOSING = 4
_LOST = 8
_SAID_GOODBYE = 16  # by close_notify: nothing was cut off
_HEARD = 32


class Shake(Protocol):
    """One side of a handshake, ours as a server or ours as a client."""

    @property
    def seconds(self) -> float:
        """How long it may take."""
        ...

    @property
    def output(self) -> bytes:
        """What the last step wants to send."""
        ...

    @property
    def session(self) -> TlsSession | None:
        """The records to come, when the handshake is done."""
        ...

    def begin(self) -> bytes:
        """Say what is to be sent before anything came."""
        ...

    def take(self, data: bytes) -> bool:
        """Go on with these octets; True when done.  Raises HandshakeFailed."""
        ...

    def failed(self, reason: str) -> HandshakeFailed: ...

    def facts(self) -> TlsFacts: ...


class TlsSide(Protocol):
    """What makes handshakes: a listener's certificates, or a client's demand."""

    def handshake(self) -> Shake: ...


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """A protocol to the TCP transport below, a transport to the protocol above.

    The protocol above is told ``connection_made`` when the handshake is done, and
    ``connection_lost`` once in every case: with HandshakeFailed when it was not.
    """

    __slots__ = (
        "_answered", "_facts", "_failure", "_flags", "_handshake", "_protocol", "_session",
        "_taken", "_tcp", "_timer",
    )  # fmt: skip

    def __init__(self, side: TlsSide, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        self._handshake: Shake | None = side.handshake()
        self._tcp: asyncio.Transport | None = None
        self._session: TlsSession | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._facts: TlsFacts | None = None
        self._failure: Exception | None = None
        self._flags = 0
        self._taken = 0
        self._answered = 0

    # From below: the TCP transport's protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send or await a ClientHello; after STARTTLS ``start_tls`` calls this."""
        assert self._handshake is not None
        self._tcp = cast("asyncio.Transport", transport)  # uvloop's is none by name
        seconds = self._handshake.seconds
        self._send(self._handshake.begin())
        self._timer = asyncio.get_running_loop().call_later(seconds, self._too_late)

    def data_received(self, data: bytes) -> None:
        if self._flags & (_CLOSING | _LOST):
            return
        if self._handshake is not None:
            self._shake(self._handshake, data)
            return
        assert self._session is not None
        self._session.feed(data)
        self._taken += len(data)
        self._pump()

    def eof_received(self) -> bool:
        if self._handshake is not None:
            self._flags |= _ENDED
            self._fail(self._handshake.failed("the peer closed before the handshake was done"))
        elif not self._flags & (_ENDED | _CLOSING):
            self._peer_ended()
        return True

    def pause_writing(self) -> None:
        if self._facts is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._facts is not None:
            self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._handshake is not None:
            self._failure = self._handshake.failed(str(exc or "the connection was dropped"))
            self._handshake = None
        self._flags |= _LOST
        self._session = None
        self._tcp = None
        self._protocol.connection_lost(self._failure if self._failure is not None else exc)

    # The handshake

    @property
    def is_silent(self) -> bool:
        """Whether the peer is there and has sent nothing yet."""
        return not self._flags & (_HEARD | _CLOSING | _LOST)

    def _shake(self, shake: Shake, data: bytes) -> None:
        self._flags |= _HEARD
        try:
            done = shake.take(data)
        except HandshakeFailed as failure:
            self._send(shake.output)
            self._fail(failure)
            return
        self._send(shake.output)
        if done:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            session = self._session = shake.session
            assert session is not None
            self._facts = shake.facts()
            self._handshake = None
            self._protocol.connection_made(self)
            self._hand_over(session)
            # behind the task that the protocol may have begun: its greeting takes these along
            asyncio.get_running_loop().call_soon(self._send_waiting)

    def _send_waiting(self) -> None:
        if self._session is not None and not self._flags & (_CLOSING | _LOST):
            self._send(self._session.to_send())

    def _too_late(self) -> None:
        self._timer = None
        if self._handshake is not None and self._tcp is not None:
            seconds = self._handshake.seconds
            failure = self._handshake.failed(f"no handshake within {seconds:g} seconds")
            failure.late = True
            self._failure = failure
            self._handshake = None
            self._tcp.abort()

    def _fail(self, failure: HandshakeFailed) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._handshake = None
        self._part(failure)

    def _part(self, failure: Exception | None) -> None:
        """Let what was written arrive, then close."""
        assert self._tcp is not None
        self._failure = failure
        self._flags |= _CLOSING
        Farewell(self._tcp, self).start(peer_ended=bool(self._flags & _ENDED))

    # Decrypting

    def _pump(self) -> None:
        """Hand over what can be decrypted, and answer what is TLS's own."""
        session = self._session
        assert session is not None
        if not self._hand_over(session) or self._taken > ANSWER_EACH:
            self._answer(session)

    def _hand_over(self, session: TlsSession) -> bool:
        """Decrypt as long as the protocol takes it; whether there was anything."""
        delivered = False
        while not self._flags & (_PAUSED | _CLOSING | _LOST):
            try:
                piece = session.decrypt()
            except StreamBroken as problem:
                self._send(session.to_send())
                self._part(problem)
                break
            if piece is None:
                break
            if not piece:
                self._flags |= _SAID_GOODBYE
                if not self._flags & _ENDED:
                    self._peer_ended()
                break
            delivered = True
            self._protocol.data_received(piece)
        return delivered

    def _answer(self, session: TlsSession) -> None:
        """Send what TLS itself wants to say: key updates, a refusal to renegotiate."""
        self._taken = 0
        if self._flags & (_CLOSING | _LOST):
            return
        output = session.to_send()
        self._send(output)
        self._answered += len(output)
        if self._answered > CONTROL_OCTETS:
            self.abort()

    def _send(self, ciphertext: bytes) -> None:
        if ciphertext and self._tcp is not None and not self._tcp.is_closing():
            self._tcp.write(ciphertext)

    def _peer_ended(self) -> None:
        self._flags |= _ENDED
        if not self._protocol.eof_received():
            self.close()

    def _go_on(self) -> None:
        """Decrypt what waits, then read on, unless the protocol has had enough again."""
        if not self._flags & _PAUSED and not self.is_closing():
            self._pump()
        if not self._flags & _PAUSED and not self.is_closing():
            assert self._tcp is not None
            self._tcp.resume_reading()

    # From above: the protocol's transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send; what TCP does not take yet is kept, and the protocol is told."""
        session, tcp = self._session, self._tcp
        if session is None or tcp is None or self._flags & _CLOSING or tcp.is_closing():
            return
        if not data:  # nothing, as HTTP libraries write it, makes no record
            return
        if len(data) <= WRITE_PIECE:
            tcp.write(session.encrypt(data))
            return
        view = memoryview(data)
        for at in range(0, len(view), WRITE_PIECE):
            tcp.write(session.encrypt(view[at : at + WRITE_PIECE]))

    def close(self, last: bytes = b"") -> None:
        """Send what is left, short last words and close_notify in one write, then close."""
        if self._flags & (_CLOSING | _LOST) or self._tcp is None:
            return
        if self._session is None:
            self._tcp.abort()
            return
        words = self._session.encrypt(last) if last else b""
        self._send(words + self._session.goodbye())
        self._part(None)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._tcp is not None:
            self._tcp.abort()

    def is_closing(self) -> bool:
        return self._tcp is None or bool(self._flags & _CLOSING) or self._tcp.is_closing()

    def pause_reading(self) -> None:
        self._flags |= _PAUSED
        if not self.is_closing():
            assert self._tcp is not None
            self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Go on later: the caller may be in the middle of something."""
        self._flags &= ~_PAUSED
        asyncio.get_running_loop().call_soon(self._go_on)

    def is_reading(self) -> bool:
        return not self._flags & (_PAUSED | _CLOSING | _LOST)

    def get_write_buffer_size(self) -> int:
        return self._tcp.get_write_buffer_size() if self._tcp is not None else 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        assert self._tcp is not None
        return self._tcp.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert self._tcp is not None
        self._tcp.set_write_buffer_limits(high, low)

    def can_write_eof(self) -> bool:
        return False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """``tls_facts``, ``said_goodbye``, ``sslcontext`` (HTTP libraries ask), or TCP's."""
        if name == "tls_facts":
            return self._facts
        if name == "said_goodbye":
            return bool(self._flags & _SAID_GOODBYE)
        if name == "sslcontext":
            return self._facts if self._facts is not None else default
        return self._tcp.get_extra_info(name, default) if self._tcp is not None else default


def start_tls(side: TlsSide, protocol: asyncio.Protocol, tcp: asyncio.Transport) -> TlsTransport:
    """Go on under TLS with a connection that has spoken in the clear; nothing may be unread."""
    transport = TlsTransport(side, protocol)
    tcp.set_protocol(transport)
    transport.connection_made(tcp)
    return transport

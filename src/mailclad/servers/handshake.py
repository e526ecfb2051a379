"""A server's side of a handshake, without a transport: the ClientHello is read whole first.

RFC 8446 §4.1.2, RFC 6066 §3.  Comes in: octets from peers, untrusted.  Goes out: octets for the
peer, a session of :mod:`tls`, or a HandshakeFailed that says what happened.  A connection that
sends nothing or something else costs no TLS state.  Limits: octets and seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailclad.base.tls_policy import Service, TlsFacts
from mailclad.protocols.tls.client_hello import (
    MAX_HELLO_OCTETS,
    ClientHello,
    NeedMore,
    read_client_hello,
)
from mailclad.protocols.tls.server_flight import is_resumed, plain_alert, shows_certificate
from mailclad.servers.tls import ContextTable, TlsSession
from mailclad.servers.tls_failure import HandshakeFailed, received_alert
from mailclad.services.certificates.choose import normalise

HANDSHAKE_SECONDS = 10.0
"""From the first octet that may be sent to the end of the handshake; real ones take one second
over a bad mobile network, asyncio's own default of 60 lets an attacker hold six times as many."""

HANDSHAKE_OCTETS = MAX_HELLO_OCTETS
"""What a client may send until the handshake is done: one ClientHello and a Finished."""

_RECORD_HANDSHAKE = 22
_ALERT_DECODE_ERROR = b"\x15\x03\x03\0\2\2\x32"


@dataclass(frozen=True, slots=True)
class TlsServer:
    """What the handshakes of one listener share."""

    contexts: ContextTable
    service: Service
    handshake_seconds: float = HANDSHAKE_SECONDS
    handshake_octets: int = HANDSHAKE_OCTETS
    by_alpn: Mapping[bytes, Service] = field(default_factory=dict)
    """What else is spoken there, for who asks for it by ALPN."""

    def service_for(self, hello: ClientHello) -> Service:
        """Each has contexts of its own, so that no session crosses services."""
        asked = (self.by_alpn[name] for name in hello.alpn if name in self.by_alpn)
        return next(asked, self.service)

    def handshake(self) -> "Handshake":
        return Handshake(self)


class Handshake:
    """What lives only until the handshake is done or has failed; knows no transport."""

    __slots__ = ("flight", "hello", "needed", "output", "sent", "server", "session")

    def __init__(self, server: TlsServer) -> None:
        self.server = server
        self.flight = bytearray()
        self.needed = 1
        self.hello: ClientHello | None = None
        self.session: TlsSession | None = None
        self.sent = b""
        self.output = b""

    @property
    def seconds(self) -> float:
        return self.server.handshake_seconds

    def begin(self) -> bytes:
        """Say what is to be sent first: nothing, the client speaks first."""
        return b""

    def take(self, data: bytes) -> bool:
        """Go on with these octets; True when done.  ``output`` is to be sent, also when
        HandshakeFailed is raised: the alert is in it."""
        self.output = b""
        limit = self.server.handshake_octets
        room = limit - len(self.flight)
        part = data[:room]
        self.flight += part
        if self.session is None:
            self.session = self._begin(limit)
            if self.session is None:
                return False
            part = bytes(self.flight)
        self.session.feed(part)
        if not self._step(self.session):
            if len(self.flight) >= limit:
                raise self.failed(f"more than {limit} octets before the handshake was done")
            return False
        if len(data) > room:
            self.session.feed(data[room:])
        return True

    def failed(self, reason: str) -> HandshakeFailed:
        return HandshakeFailed(
            reason,
            bytes(self.flight),
            plain_alert(self.sent),
            received_alert(reason),
            certificate=self._shown(),
        )

    def _shown(self) -> str:
        """Which certificate the client has seen."""
        if self.session is None or not shows_certificate(self.sent):
            return ""
        return self.session.certificate_words()

    def _begin(self, limit: int) -> TlsSession | None:
        """Wait for a whole ClientHello, then choose the context by its server name."""
        if len(self.flight) < min(self.needed, limit):
            return None
        found = read_client_hello(bytes(self.flight))
        if isinstance(found, ClientHello):
            self.hello = found
            return self.server.contexts.begin(self.server.service_for(found), found)
        if isinstance(found, NeedMore) and found.octets <= limit:
            self.needed = found.octets
            return None
        if self.flight[0] == _RECORD_HANDSHAKE:
            self.output = self.sent = _ALERT_DECODE_ERROR
        too_long = f"a ClientHello of more than {limit} octets"
        raise self.failed(too_long if isinstance(found, NeedMore) else found.reason)

    def _step(self, session: TlsSession) -> bool:
        done, reason = session.handshake()
        if done:
            return True  # tickets wait in the session, to be sent together with a greeting
        self.output = session.to_send()
        self.sent += self.output
        if reason is not None:
            raise self.failed(reason)
        return False

    def facts(self) -> TlsFacts:
        """Say what was agreed; the handshake is done."""
        assert self.session is not None
        assert self.hello is not None
        name = self.hello.server_name
        return self.session.facts(
            server_name=normalise(name) if name is not None else None,
            resumed=self.hello.offers_resumption and is_resumed(self.sent),
            offer=self.hello.offer,
        )

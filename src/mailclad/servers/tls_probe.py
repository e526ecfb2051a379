"""Handshakes with odd settings, to see what a mail server does; without a transport.

RFC 8446 §6 (alerts), RFC 6066 §3 (SNI), RFC 7301 (ALPN), RFC 8996 (TLS 1.0 and 1.1 are dead: they
are offered here to find who lives on them).

Comes in: whose authorities are believed, octets of an untrusted server.  Goes out: octets for it,
and ``HandshakeSeen`` values.  No handshake fails for its certificate: all that is wrong with it
is noted.  Nothing that is said over these connections is worth protecting: no password, no
mail; our server and our deliveries use :mod:`tls`.  Limits: octets before the handshake is done,
certificates and octets of the chain that are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from OpenSSL import SSL, crypto

from mailclad.mail.endpoint import MailProtocol
from mailclad.mail.tls_verdict import ChainFault
from mailclad.protocols.tls.server_flight import plain_alert, requests_certificate
from mailclad.servers.tls import ClientSession, first_fault, note_fault
from mailclad.servers.tls_client import as_server_name
from mailclad.servers.tls_failure import CertificateUnusable, StreamBroken, received_alert
from mailclad.services.diagnose.facts import GREETING_OCTETS, HandshakeSeen, Way

HANDSHAKE_OCTETS = 128 * 1024
"""What a server may send before the handshake is done; OpenSSL itself takes chains of 100 KB."""

CHAIN_CERTIFICATES = 20
CHAIN_OCTETS = 64 * 1024
"""What is kept of a chain; three certificates of together 4 KB are usual."""

CERTIFICATE_REQUIRED = 116

_ANY = 0  # OpenSSL: no limit of versions
_LEGACY_SERVERS = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT, not exported
_TLS_RECORDS = frozenset({20, 21, 22, 23})
_ASKED = frozenset({40, 42, 43, CERTIFICATE_REQUIRED})
"""Alerts by which servers refuse who has shown no certificate when asked (TLS 1.2 has no own)."""


@dataclass(frozen=True, slots=True)
class _Settings:
    oldest: int
    newest: int
    ciphers: bytes


_EVERYTHING = b"ALL:COMPLEMENTOFALL:!aNULL:!eNULL@SECLEVEL=0"
_MODERN = b"DEFAULT@SECLEVEL=2"

_SETTINGS: Mapping[Way, _Settings] = MappingProxyType(
    {
        Way.OPEN: _Settings(SSL.TLS1_VERSION, _ANY, _EVERYTHING),
        Way.MODERN: _Settings(SSL.TLS1_2_VERSION, _ANY, _MODERN),
        Way.NO_NAME: _Settings(SSL.TLS1_VERSION, _ANY, _EVERYTHING),
        Way.DOMAIN: _Settings(SSL.TLS1_VERSION, _ANY, _EVERYTHING),
        Way.TLS12: _Settings(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION, _EVERYTHING),
        Way.TLS13: _Settings(SSL.TLS1_3_VERSION, SSL.TLS1_3_VERSION, _EVERYTHING),
        Way.OLD: _Settings(SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, _EVERYTHING),
        Way.RSA: _Settings(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION, b"aRSA@SECLEVEL=0"),
        Way.ECDSA: _Settings(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION, b"aECDSA@SECLEVEL=0"),
        Way.ALPN: _Settings(SSL.TLS1_2_VERSION, _ANY, _MODERN),
        Way.FOREIGN_ALPN: _Settings(SSL.TLS1_2_VERSION, _ANY, _MODERN),
    }
)
"""STRICT is not here: it is asked of the chain that MODERN was shown, without a connection."""

ALPN_NAMES: Mapping[MailProtocol, bytes] = MappingProxyType(
    {
        MailProtocol.IMAP: b"imap",
        MailProtocol.POP3: b"pop3",
        MailProtocol.SIEVE: b"managesieve",
        MailProtocol.HTTPS: b"http/1.1",
    }
)
"""IANA's; SMTP has none."""


class ProbeTrust:
    """What handshakes share: contexts by way, and the authorities that are believed.

    ``authorities`` is a PEM file; without it, what the system trusts.  Raises CertificateUnusable
    where there is no such file.
    """

    def __init__(self, authorities: Path | None = None) -> None:
        self._authorities = authorities
        self._contexts: dict[Way, SSL.Context] = {}
        self._context(Way.MODERN)

    def begin(self, way: Way, protocol: MailProtocol, server_name: str) -> "Attempt":
        """Start a handshake; ``server_name`` is sent where the way has one."""
        connection = SSL.Connection(self._context(way))
        name = None if way is Way.NO_NAME else as_server_name(server_name)
        if name is not None:
            connection.set_tlsext_host_name(name.encode("ascii"))
        alpn = _alpn(way, protocol)
        if alpn is not None:
            connection.set_alpn_protos([alpn])
        connection.set_connect_state()
        return Attempt(way, name, ClientSession(connection))

    def verify(self, chain: Sequence[bytes]) -> tuple[ChainFault, ...]:
        """What is wrong first with a chain that no handshake has shown, or has shown in part."""
        return _first(self._plain, chain)

    def verify_strictly(self, chain: Sequence[bytes]) -> tuple[ChainFault, ...]:
        """What strict programs find wrong first (X509_STRICT, PARTIAL_CHAIN)."""
        return _first(self._strict, chain)

    @cached_property
    def _plain(self) -> SSL.Context:
        return self._trusting()

    @cached_property
    def _strict(self) -> SSL.Context:
        context = self._trusting()
        _store(context).set_flags(
            crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN
        )
        return context

    def _context(self, way: Way) -> SSL.Context:
        if way not in self._contexts:
            self._contexts[way] = self._new_context(way)
        return self._contexts[way]

    def _new_context(self, way: Way) -> SSL.Context:
        settings = _SETTINGS[way]
        # only MODERN's faults count, and reading a system's authorities takes milliseconds
        context = self._trusting() if way is Way.MODERN else SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_cipher_list(settings.ciphers)
        context.set_min_proto_version(settings.oldest)
        context.set_max_proto_version(settings.newest)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_RENEGOTIATION)
        if way is not Way.MODERN:
            context.set_options(_LEGACY_SERVERS)
        context.set_verify(SSL.VERIFY_PEER, note_fault)
        return context

    def _trusting(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        try:
            if self._authorities is None:
                context.set_default_verify_paths()
            else:
                context.load_verify_locations(str(self._authorities))
        except SSL.Error as problem:
            text = f"{self._authorities}: there are no certificates (PEM) of authorities"
            raise CertificateUnusable(text) from problem
        return context


class Attempt:
    """One handshake, from its first octet until it is done, has failed or was given up."""

    __slots__ = ("_name", "_received", "_seen", "seconds", "session", "way")

    def __init__(self, way: Way, name: str | None, session: ClientSession) -> None:
        self.way = way
        self.session = session
        self._name = name
        self.seconds = 0.0
        self._received = bytearray()
        self._seen: HandshakeSeen | None = None

    @property
    def is_over(self) -> bool:
        return self._seen is not None

    def begin(self) -> bytes:
        """The ClientHello."""
        return self._step()

    def take(self, octets: bytes) -> bytes:
        """Go on with these; returns what is to be sent, also where it failed: the alert."""
        self._received += octets
        self.session.feed(octets)
        output = self._step()
        if not self.is_over and len(self._received) > HANDSHAKE_OCTETS:
            self.give_up("the server's handshake does not end")
        return output

    def encrypt(self, octets: bytes) -> bytes:
        """Raises StreamBroken."""
        try:
            return self.session.encrypt(octets)
        except SSL.Error as problem:
            raise StreamBroken(str(problem)) from None

    def give_up(self, reason: str, *, silent: bool = False) -> None:
        """The peer closed, or says nothing more."""
        if self._seen is None:
            self._seen = replace(self._failed(reason), silent=silent and not self._received)

    def read_failed(self, broken: StreamBroken) -> None:
        """The first read under TLS found that the server is not content (TLS 1.3)."""
        alert = received_alert(str(broken))
        self._seen = replace(
            self.seen,
            received_alert=alert,
            client_certificate_demanded=alert == CERTIFICATE_REQUIRED,
        )

    @property
    def seen(self) -> HandshakeSeen:
        """What came of it."""
        assert self._seen is not None, "the handshake is over"
        return replace(self._seen, seconds=self.seconds)

    def _step(self) -> bytes:
        done, reason = self.session.handshake()
        if done:
            self._seen = self._done()
        elif reason is not None:
            self._seen = self._failed(reason)
        return self.session.to_send()

    def _done(self) -> HandshakeSeen:
        facts = self.session.facts(self._name, resumed=False)
        return HandshakeSeen(
            self.way,
            self._name,
            done=True,
            version=facts.version,
            suite=facts.suite,
            group=facts.group,
            alpn=(facts.alpn or b"").decode("ascii", "replace"),
            chain=self._chain(),
            faults=self._faults(),
        )

    def _failed(self, reason: str) -> HandshakeSeen:
        received = bytes(self._received)
        alert = plain_alert(received) or received_alert(reason)
        is_tls = received[:1] and received[0] in _TLS_RECORDS
        return HandshakeSeen(
            self.way,
            self._name,
            done=False,
            reason=reason,
            received_alert=alert,
            first_octets=b"" if is_tls else received[:GREETING_OCTETS],
            chain=self._chain(),
            faults=self._faults(),
            client_certificate_demanded=alert in _ASKED and requests_certificate(received),
        )

    def _faults(self) -> tuple[ChainFault, ...]:
        """Each once; only where authorities are believed."""
        return tuple(dict.fromkeys(self.session.faults)) if self.way is Way.MODERN else ()

    def _chain(self) -> tuple[bytes, ...]:
        chain = self.session.chain()[:CHAIN_CERTIFICATES]
        while sum(map(len, chain)) > CHAIN_OCTETS:
            chain = chain[:-1]
        return chain


def _alpn(way: Way, protocol: MailProtocol) -> bytes | None:
    match way:
        case Way.ALPN:
            return ALPN_NAMES.get(protocol)
        case Way.FOREIGN_ALPN:
            return b"imap" if protocol is MailProtocol.HTTPS else b"http/1.1"
        case _:
            return None


def _first(context: SSL.Context, chain: Sequence[bytes]) -> tuple[ChainFault, ...]:
    fault = first_fault(_store(context), chain)
    return () if fault is None else (fault,)


def _store(context: SSL.Context) -> crypto.X509Store:
    """The store dies with its context."""
    store = context.get_cert_store()
    assert store is not None
    return store

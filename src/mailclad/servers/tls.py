"""TLS without a transport: contexts, handshakes, records.

RFC 8446, RFC 5246; RFC 9325 (versions, suites, no renegotiation, no compression, no 0-RTT);
RFC 7301 §3.2 (a foreign ALPN name is refused by alert 120); RFC 8737 §3 (answers to ACME
authorities); RFC 6066 §3 (SNI, lenient: a name that we do not have gets the default certificate,
RFC 7672 §8.1); RFC 9266 and RFC 5929 §4 (channel bindings).

As a client: any certificate is taken and what is wrong with it noted (RFC 5280 §6), because what
a connection demands is decided by :mod:`tls_client`.

Comes in: certificates as plain data; octets from peers, untrusted.  Goes out: octets for the
peer, plaintext, ``TlsFacts``.  :mod:`handshake` reads the ClientHello before OpenSSL sees an
octet, :mod:`tls_transport` puts it on asyncio.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL, crypto

from mailclad.base.tls_offer import Offer
from mailclad.base.tls_policy import ACME_TLS, ALPN, CIPHERS_TLS12, Service, TlsFacts
from mailclad.mail.tls_verdict import ChainFault
from mailclad.protocols.tls.client_hello import ClientHello
from mailclad.servers.tls_failure import CertificateUnusable, StreamBroken
from mailclad.services.certificates.chain import CertificateChain, KeyKind
from mailclad.services.certificates.choose import Bundle, by_name, choose, normalise
from mailclad.services.certificates.shown import words_of

SESSION_SECONDS = 24 * 3600
"""How long a session may be resumed: programs that poll hourly gain, stolen ticket keys age."""

_RECORD = 16 * 1024  # plaintext octets, at most (RFC 8446 §5.1)
_RECORD_OVERHEAD = 32  # at most 29 in TLS 1.2, 22 in TLS 1.3
_WAITING = 1024  # octets of tickets and key updates that may lie before the first record
_MODE_ENABLE_PARTIAL_WRITE = 1  # pyOpenSSL's default, not exported; costs a call per record

_IANA_SUITES: Mapping[str, str] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}
"""TLS 1.2 suites of our policy; those of TLS 1.3 are called as IANA does already."""

_GROUPS = {"x25519": "X25519", "x448": "X448", "prime256v1": "secp256r1"}
"""Where OpenSSL's spelling differs from IANA's."""

_X509_V_ERR_UNSPECIFIED = 1

_PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey


class _AlpnRefused(Exception):
    """Raised in OpenSSL's callback: nothing else makes it send alert 120."""


Challenged = Callable[[str], CertificateChain | None]
"""The certificate that answers an authority's challenge for a name, at once."""


class ContextTable:
    """Which OpenSSL context serves a name; made before the workers fork, swapped while live.

    A connection begins on its service's front context, which never changes and has no
    certificate: the ticket keys in it are what all workers share.  It is then moved to the
    context of the name, whose session id context is its own per service and names, so that
    no session crosses services or virtual hosts, while a renewed certificate keeps them.
    """

    __slots__ = ("_challenged", "_fronts", "_live", "certificates")

    def __init__(
        self, certificates: Sequence[CertificateChain], services: Iterable[Service] = tuple(ALPN)
    ) -> None:
        self._fronts = {service: _new_context() for service in services}
        self._live: Mapping[Service, _Names] = {}
        self._challenged: Challenged = lambda _name: None
        self.certificates: tuple[CertificateChain, ...] = ()
        self.swap(certificates)

    @property
    def services(self) -> tuple[Service, ...]:
        return tuple(self._fronts)

    def swap(self, certificates: Sequence[CertificateChain]) -> None:
        """Serve these from now on, the first one also for unknown names.

        Raises CertificateUnusable and keeps what was served before.
        """
        if not certificates:
            raise CertificateUnusable("there is no certificate to serve")
        index = by_name(certificates)
        first = certificates[0]
        default: Bundle = index[first.names[0]] if first.names else (first,)
        self._live = {
            service: _Names(service, index, default) for service in self._fronts
        }  # one assignment: a handshake sees the old table or the new one
        self.certificates = tuple(certificates)

    def answer_challenges(self, challenged: "Challenged") -> None:
        """From now on; each worker says so for itself, by what it has open."""
        self._challenged = challenged

    def begin(self, service: Service, hello: ClientHello) -> "TlsSession":
        """Return a server's side of a handshake with whoever says this."""
        answer = self._answer(service, hello)
        if answer is not None:
            # Ticket keys and all for one connection: nobody can resume it.
            connection = SSL.Connection(_certified_context((answer,), (ACME_TLS,)))
        else:
            connection = SSL.Connection(self._fronts[service])
            connection.set_context(self._live[service].find(hello.server_name))
        connection.set_accept_state()
        return TlsSession(connection)

    def _answer(self, service: Service, hello: ClientHello) -> CertificateChain | None:
        """RFC 8737 §3; who asks for a name without a challenge meets the usual ALPN (alert)."""
        if service is not Service.HTTPS or hello.alpn != (ACME_TLS,):
            return None
        name = normalise(hello.server_name or b"")
        return self._challenged(name) if name is not None else None


class _Names:
    """One service's contexts by name."""

    __slots__ = ("_by_name", "_default")

    def __init__(self, service: Service, index: Mapping[str, Bundle], default: Bundle) -> None:
        made: dict[Bundle, SSL.Context] = {}
        for bundle in (default, *index.values()):
            if bundle not in made:
                made[bundle] = _serving_context(service, bundle)
        self._by_name = {name: made[bundle] for name, bundle in index.items()}
        self._default = made[default]

    def find(self, server_name: bytes | None) -> SSL.Context:
        name = normalise(server_name) if server_name is not None else None
        found = choose(self._by_name, name) if name is not None else None
        return self._default if found is None else found


def _policy_context(method: int) -> SSL.Context:
    context = SSL.Context(method)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS_TLS12)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.clear_mode(_MODE_ENABLE_PARTIAL_WRITE)
    return context


def _new_context() -> SSL.Context:
    context = _policy_context(SSL.TLS_SERVER_METHOD)
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # tickets only: no memory per session
    context.set_timeout(SESSION_SECONDS)
    context.set_session_id(b"mailclad")
    return context


def _serving_context(service: Service, bundle: Bundle) -> SSL.Context:
    context = _certified_context(bundle, ALPN[service])
    names = sorted({name for certificate in bundle for name in certificate.names})
    context.set_session_id(hashlib.sha256("\n".join((service, *names)).encode()).digest())
    return context


def _certified_context(bundle: Bundle, protocols: tuple[bytes, ...]) -> SSL.Context:
    context = _new_context()
    context.set_alpn_select_callback(_alpn_choice(protocols))
    ordered = sorted(bundle, key=lambda one: one.kind is KeyKind.RSA)  # EC first
    for certificate in ordered:
        try:
            _use_chain(context, certificate.chain_pem)
            context.use_privatekey(_private_key(certificate))
            context.check_privatekey()
        except (SSL.Error, ValueError, TypeError) as problem:
            text = f"{certificate.source}: TLS cannot use it: {problem}"
            raise CertificateUnusable(text) from problem
    leaves = (x509.load_pem_x509_certificate(one.chain_pem) for one in ordered)
    context.set_app_data(tuple(leaves))
    return context


def _private_key(certificate: CertificateChain) -> _PrivateKey:
    key = load_pem_private_key(certificate.key_pem.reveal(), None)
    if not isinstance(key, _PrivateKey):
        raise TypeError(f"a key of kind {type(key).__name__} is not for certificates on the web")
    return key


def _use_chain(context: SSL.Context, chain_pem: bytes) -> None:
    """Load a leaf and its own intermediates, which pyOpenSSL reads from a file only."""
    descriptor = os.memfd_create("chain")
    with os.fdopen(descriptor, "wb") as file:
        file.write(chain_pem)
        file.flush()
        context.use_certificate_chain_file(f"/proc/self/fd/{descriptor}")


def _alpn_choice(ours: tuple[bytes, ...]) -> Callable[[SSL.Connection, list[bytes]], bytes]:
    def choice(_connection: SSL.Connection, offered: list[bytes]) -> bytes:
        for name in ours:
            if name in offered:
                return name
        raise _AlpnRefused

    return choice


class TlsSession:
    """One connection's records; what it wants to send is fetched with to_send()."""

    __slots__ = ("_ssl",)

    def __init__(self, ssl: SSL.Connection) -> None:
        self._ssl = ssl

    def feed(self, ciphertext: bytes) -> None:
        self._ssl.bio_write(ciphertext)

    def handshake(self) -> tuple[bool, str | None]:
        """Go one step: whether it is done, and why it failed."""
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return False, None
        except _AlpnRefused:
            return False, "the client asks for another protocol (ALPN)"
        except SSL.Error as problem:
            return False, _reason(problem)
        return True, None

    def decrypt(self) -> bytes | None:
        """Return the next plaintext; None: feed more; b"": the peer said close_notify.

        Raises StreamBroken; the alert for the peer is then to be sent.
        """
        try:
            return self._ssl.recv(_RECORD)
        except SSL.WantReadError:
            return None
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as problem:
            raise StreamBroken(_reason(problem)) from problem

    def encrypt(self, plaintext: bytes | bytearray | memoryview) -> bytes:
        size = len(plaintext)
        room = size + _RECORD_OVERHEAD * (size // _RECORD + 1) + _WAITING
        self._ssl.sendall(plaintext)
        output = self._ssl.bio_read(room)
        if len(output) == room:  # more than that lay before it
            output += self.to_send()
        return output

    def goodbye(self) -> bytes:
        """Return what ends the stream: close_notify."""
        with contextlib.suppress(SSL.Error):  # a broken stream has nothing to say any more
            self._ssl.shutdown()
        return self.to_send()

    def to_send(self) -> bytes:
        """Return everything that OpenSSL wants to send by itself."""
        output = b""
        while True:
            try:
                piece = self._ssl.bio_read(_RECORD)
            except SSL.WantReadError:
                return output
            output += piece
            if len(piece) < _RECORD:
                return output

    def facts(
        self, server_name: str | None, *, resumed: bool, offer: Offer | None = None
    ) -> TlsFacts:
        ssl = self._ssl
        suite = ssl.get_cipher_name() or ""
        group = ssl.get_group_name()
        return TlsFacts(
            version=ssl.get_protocol_version_name(),
            suite=_IANA_SUITES.get(suite, suite),
            group=_GROUPS.get(group, group) if group is not None else None,
            alpn=ssl.get_alpn_proto_negotiated() or None,
            server_name=server_name,
            resumed=resumed,
            exporter=self.exporter,
            end_point=self.end_point,
            offer=offer,
        )

    def exporter(self) -> bytes | None:
        """tls-exporter, RFC 9266 §2; None below TLS 1.3, where it may not be unique."""
        if self._ssl.get_protocol_version() < SSL.TLS1_3_VERSION:
            return None
        return self._ssl.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")

    def end_point(self) -> bytes:
        """tls-server-end-point, RFC 5929 §4.1: a hash of the certificate that was shown."""
        certificate = self._shown()
        name = getattr(certificate.signature_hash_algorithm, "name", "sha256")
        if name in {"md5", "sha1"}:
            name = "sha256"
        return hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest()

    def certificate_words(self) -> str:
        """Say which certificate was shown: whose, from whom, until when."""
        return words_of(self._shown())

    def _shown(self) -> x509.Certificate:
        """Return our certificate; of two, the suite tells in TLS 1.2, OpenSSL in TLS 1.3."""
        certificates: tuple[x509.Certificate, ...] = self._ssl.get_context().get_app_data()
        if len(certificates) > 1:  # EC, RSA
            suite = _IANA_SUITES.get(self._ssl.get_cipher_name() or "")
            if suite is not None:
                return certificates["_RSA_" in suite]
            used = self._ssl.get_certificate(as_cryptography=True)
            if used is not None:
                return used
        return certificates[0]


class ClientTrust:
    """What connections to other servers share: our policy, and whose word we take.

    ``authorities`` is a PEM file; without it, what the system trusts.  No handshake fails for
    its certificate: what is wrong with it is noted, and judged when the handshake is done.
    Raises CertificateUnusable where there is no such file.
    """

    __slots__ = ("_context",)

    def __init__(self, authorities: Path | None = None) -> None:
        context = self._context = _policy_context(SSL.TLS_CLIENT_METHOD)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        try:
            if authorities is None:
                context.set_default_verify_paths()
            else:
                context.load_verify_locations(str(authorities))
        except SSL.Error as problem:
            text = f"{authorities}: there are no certificates (PEM) of authorities to be read"
            raise CertificateUnusable(text) from problem
        context.set_verify(SSL.VERIFY_PEER, note_fault)

    def begin(self, server_name: str | None, protocols: Sequence[bytes] = ()) -> "ClientSession":
        """Return the client's side of a handshake; ``protocols`` are offered by ALPN."""
        connection = SSL.Connection(self._context)
        if protocols:
            connection.set_alpn_protos(list(protocols))
        if server_name is not None:
            connection.set_tlsext_host_name(server_name.encode("ascii"))
        connection.set_connect_state()
        return ClientSession(connection)


class RsaOnly(ClientTrust):
    """A client that knows RSA certificates alone, as those before 2012 did, and trusts nobody."""

    __slots__ = ()

    def __init__(self) -> None:
        context = self._context = _policy_context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(b"ECDHE+aRSA+AESGCM")


def note_fault(
    connection: SSL.Connection, _certificate: crypto.X509, code: int, depth: int, fine: int
) -> bool:
    if not fine:
        connection.get_app_data().append(ChainFault(code, depth))
    return True


class ClientSession(TlsSession):
    """Our side of a connection to another server; ``faults`` come with the handshake."""

    __slots__ = ("faults",)

    def __init__(self, ssl: SSL.Connection) -> None:
        super().__init__(ssl)
        self.faults: list[ChainFault] = []
        ssl.set_app_data(self.faults)

    def chain(self) -> tuple[bytes, ...]:
        """Return the certificates as the server sent them, DER, its own first."""
        shown = self._ssl.get_peer_cert_chain() or ()
        return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in shown)

    def _shown(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.chain()[0])


def path_fault(chain: Sequence[bytes], anchor: bytes) -> ChainFault | None:
    """Say why no path leads from a chain's first certificate to an anchor, trusted as it is."""
    (store := crypto.X509Store()).set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    return first_fault(store, chain, anchor)


def first_fault(
    store: crypto.X509Store, chain: Sequence[bytes], *also: bytes
) -> ChainFault | None:
    """Say what is wrong first with a chain, by a store's flags and anchors, and these."""
    try:
        for anchor in also:
            store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, anchor))
        leaf, *others = (crypto.load_certificate(crypto.FILETYPE_ASN1, one) for one in chain)
        crypto.X509StoreContext(store, leaf, others).verify_certificate()
    except crypto.X509StoreContextError as problem:
        return ChainFault(*problem.errors[:2])
    except (crypto.Error, ValueError):  # no certificate, or none at all
        return ChainFault(_X509_V_ERR_UNSPECIFIED, 0)
    return None


def _reason(problem: SSL.Error) -> str:
    """OpenSSL's own words for what went wrong first."""
    queue = problem.args[0] if problem.args and isinstance(problem.args[0], list) else []
    return queue[0][2] if queue else str(problem) or type(problem).__name__

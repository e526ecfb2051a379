"""Which chains our listeners are to show, and whether the contexts of this process do.

RFC 6066 §3 (SNI).  Comes in: the certificates that are served.  Goes out: for each name what may
be shown, as values that travel between processes; or what is wrong with our own contexts, asked
by handshakes in memory.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.base.tls_policy import Service
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.servers.handshake import TlsServer
from mailclad.servers.tls import ClientTrust, ContextTable, RsaOnly
from mailclad.servers.tls_client import TlsClient
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.choose import by_name

WILD = "mailclad-check"
"""Stands for the asterisk of a wildcard."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Which chains may be shown for a name, as digests; ``default`` where no name is given."""

    by_name: Mapping[str, frozenset[bytes]]
    default: frozenset[bytes]

    @classmethod
    def of(cls, certificates: Sequence[CertificateChain]) -> "Expected":
        """Of what is served; addresses are no names to ask for (RFC 6066 §3)."""
        index = by_name(certificates)
        first = certificates[0]
        bundle = index[first.names[0]] if first.names else (first,)
        named = {
            name.replace("*", WILD): frozenset(map(_digest_of, several))
            for name, several in index.items()
            if not _is_address(name)
        }
        return cls(named, frozenset(map(_digest_of, bundle)))

    def has_several(self, name: str | None) -> bool:
        """Whether clients that know RSA alone are shown another one (EC and RSA)."""
        return len(self.default if name is None else self.by_name[name]) > 1

    def wrong(self, name: str | None, chain: Iterable[bytes]) -> str:
        """What is wrong with a chain that was shown for this name, or empty."""
        known = self.default if name is None else self.by_name[name]
        return "" if _digest(chain) in known else "shows another certificate"


def asked_for(what: object, name: str | None) -> str:
    return f"{what}, asked for {name or 'no name'},"


def client_for(trust: ClientTrust, name: str | None) -> TlsClient:
    """Asks for this name, and takes whatever is shown."""
    return TlsClient(trust, TlsDemand(TlsLevel.ENCRYPT, () if name is None else (name,)))


def look_inside(contexts: ContextTable, trust: ClientTrust, expected: Expected) -> str:
    """Ask the contexts of this process themselves; what is wrong, or empty.

    A name for each set of certificates is enough: names of one set share their contexts.
    """
    names = {chains: name for name, chains in expected.by_name.items()}
    for name in (None, *names.values()):
        for service in contexts.services:
            for client in (trust, RsaOnly()) if expected.has_several(name) else (trust,):
                try:
                    shown = _chain_in_memory(contexts, client, service, name)
                    wrong = expected.wrong(name, shown)
                except HandshakeFailed as problem:
                    wrong = f"breaks the handshake off: {problem.reason}"
                if wrong:
                    return f"{asked_for(service, name)} {wrong}"
    return ""


def _chain_in_memory(
    contexts: ContextTable, trust: ClientTrust, service: Service, name: str | None
) -> tuple[bytes, ...]:
    client = client_for(trust, name)
    shake = client.handshake()
    server = TlsServer(contexts, service).handshake()
    flight = shake.begin()
    while True:
        done = server.take(flight)
        if shake.take(server.session.to_send() if done and server.session else server.output):
            return client.chain()
        flight = shake.output


def _digest_of(certificate: CertificateChain) -> bytes:
    chain = x509.load_pem_x509_certificates(certificate.chain_pem)
    return _digest([one.public_bytes(Encoding.DER) for one in chain])


def _digest(chain: Iterable[bytes]) -> bytes:
    return hashlib.sha256(b"".join(chain)).digest()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""A foreign client and our handshake, joined in memory: no sockets, no loop."""

import contextlib
import ssl
from dataclasses import dataclass

from mailclad.base.tls_policy import Service, TlsFacts
from mailclad.servers.handshake import Handshake, TlsServer
from mailclad.servers.tls import ContextTable, TlsSession
from mailclad.services.certificates.chain import CertificateChain
from tests.servers.loopback import NAME, client_context


@dataclass
class Pair:
    """Both ends of a connection after its handshake."""

    client: ssl.SSLObject
    to_client: ssl.MemoryBIO
    from_client: ssl.MemoryBIO
    session: TlsSession
    facts: TlsFacts

    def to_server(self, data: bytes) -> bytes | None:
        self.client.write(data)
        self.session.feed(self.from_client.read())
        return self.session.decrypt()

    def to_us(self, data: bytes) -> bytes:
        self.to_client.write(self.session.encrypt(data))
        return self.client.read(len(data) + 1)


def shake(
    contexts: ContextTable,
    client: ssl.SSLContext,
    service: Service = Service.IMAP,
    name: str | None = NAME,
    session: ssl.SSLSession | None = None,
) -> Pair:
    """Shake hands; raises HandshakeFailed, or what the client raises."""
    down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up, server_hostname=name, session=session)
    answering = Handshake(TlsServer(contexts, service))
    done = False
    while not done:
        with contextlib.suppress(ssl.SSLWantReadError):
            asking.do_handshake()
        done = answering.take(up.read())
        down.write(answering.output)
    assert answering.session is not None
    down.write(answering.session.to_send())
    asking.do_handshake()
    with contextlib.suppress(ssl.SSLWantReadError):
        asking.read(1)
    return Pair(asking, down, up, answering.session, answering.facts())


def careless(version: ssl.TLSVersion | None = None, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Make a client that believes everything: to look at what it is shown."""
    context = client_context(None, version, alpn)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shown(
    contexts: ContextTable, name: str | None, context: ssl.SSLContext | None = None
) -> bytes:
    """Return the certificate that a client is shown for this name."""
    certificate = shake(contexts, context or careless(), name=name).client.getpeercert(True)
    assert certificate is not None
    return certificate


def leaf_der(chain: CertificateChain) -> bytes:
    end = "-----END CERTIFICATE-----\n"
    return ssl.PEM_cert_to_DER_cert(chain.chain_pem.decode().partition(end)[0] + end)

"""What OpenSSL finds wrong with a chain: real handshakes in memory, all codes and depths."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from mailclad.mail.tls_verdict import ChainFault
from mailclad.servers.tls import path_fault
from mailclad.services.diagnose.evidence import Verifiers

STRICT = crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN


def verifiers(store: Sequence[bytes]) -> Verifiers:
    return Verifiers(verify=_verify(store), leads_to=path_fault)


def _verify(store: Sequence[bytes]) -> Callable[[Sequence[bytes]], tuple[ChainFault, ...]]:
    anchors = crypto.X509Store()
    for one in store:
        anchors.add_cert(_load(one))

    def verify(chain: Sequence[bytes]) -> tuple[ChainFault, ...]:
        try:
            leaf, *others = map(_load, chain)
            crypto.X509StoreContext(anchors, leaf, others).verify_certificate()
        except crypto.X509StoreContextError as problem:
            code, depth, _ = problem.errors
            return (ChainFault(code, depth),)
        except crypto.Error:
            return (ChainFault(1, 0),)
        return ()

    return verify


def faults(
    chain: Sequence[bytes], key_pem: bytes, store: Sequence[bytes], flags: int = 0
) -> tuple[ChainFault, ...]:
    """As a client of today meets them."""
    seen: list[ChainFault] = []

    def note(_: SSL.Connection, __: crypto.X509, code: int, depth: int, fine: int) -> bool:
        if not fine:
            seen.append(ChainFault(code, depth))
        return True

    client = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client.set_cipher_list(b"DEFAULT:@SECLEVEL=2")
    client.set_verify(SSL.VERIFY_PEER, note)
    anchors = client.get_cert_store()
    assert anchors is not None
    for one in store:
        anchors.add_cert(_load(one))
    if flags:
        anchors.set_flags(flags)
    _shake_hands(SSL.Connection(client), SSL.Connection(_server(chain, key_pem)))
    return tuple(dict.fromkeys(seen))


def _server(chain: Sequence[bytes], key_pem: bytes) -> SSL.Context:
    server = SSL.Context(SSL.TLS_SERVER_METHOD)
    server.set_cipher_list(b"ALL:@SECLEVEL=0")
    leaf, *others = map(x509.load_der_x509_certificate, chain)
    server.use_certificate(leaf)
    for one in others:
        server.add_extra_chain_cert(one)
    server.use_privatekey(load_pem_private_key(key_pem, None))  # type: ignore[arg-type]
    return server


def _shake_hands(client: SSL.Connection, server: SSL.Connection) -> None:
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(8):
        for one, other in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                one.do_handshake()
            with suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(1 << 16))


def _load(der: bytes) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, der)

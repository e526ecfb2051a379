"""How a server of the zoo does TLS: the worst of two decades can be had.

RFC 8446, RFC 6066 §3, RFC 7301.  Only for the zoo: our own servers use ``servers/tls.py``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

from mailclad.testing.zoo.certificates import CertificateZoo, ZooCertificate

TLS1_0, TLS1_1 = SSL.TLS1_VERSION, SSL.TLS1_1_VERSION
TLS1_2, TLS1_3 = SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION
_NEWEST = 0
HANDSHAKE_FAILURE = 40

USUAL = b"ECDHE+AESGCM:ECDHE+CHACHA20@SECLEVEL=0"


@dataclass(frozen=True, slots=True)
class Terms:
    """``certificate`` and ``beside`` (a second one of the other kind) are names in the zoo.

    ``alpn``: names it knows, and refuses others by alert; None: it does not know ALPN.
    ``agrees_to_any``: takes the first name offered.  ``unnamed``: the certificate for clients that
    give no name.  ``refuses_name``: the alert for whoever gives one.
    ``refuses_unnamed``: a handshake_failure for whoever gives none.
    """

    certificate: str = "ok"
    beside: str = ""
    oldest: int = TLS1_2
    newest: int = _NEWEST
    ciphers: bytes = USUAL
    alpn: tuple[bytes, ...] | None = None
    agrees_to_any: bool = False
    unnamed: str = ""
    refuses_name: int | None = None
    refuses_unnamed: bool = False
    demands_certificate: bool = False

    def alert(self, *, named: bool) -> int | None:
        """For whom it does not like."""
        if named:
            return self.refuses_name
        return HANDSHAKE_FAILURE if self.refuses_unnamed else None

    def context(self, zoo: CertificateZoo, *, named: bool) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_cipher_list(self.ciphers)
        context.set_min_proto_version(self.oldest)
        context.set_max_proto_version(self.newest)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        shown = self.certificate if named or not self.unnamed else self.unnamed
        _use(context, [zoo.certificates[name] for name in (shown, self.beside) if name])
        if self.agrees_to_any:
            context.set_alpn_select_callback(lambda _, offered: offered[0])
        elif self.alpn is not None:
            context.set_alpn_select_callback(_choice(self.alpn))
        if self.demands_certificate:
            demand = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
            context.set_verify(demand, lambda *_: True)
        return context


class AlpnRefused(Exception):
    """Raised in OpenSSL's callback: it sends alert 120."""


def _choice(ours: Sequence[bytes]) -> Callable[[SSL.Connection, list[bytes]], bytes]:
    def choose(_connection: SSL.Connection, offered: list[bytes]) -> bytes:
        for name in ours:
            if name in offered:
                return name
        raise AlpnRefused

    return choose


def _use(context: SSL.Context, certificates: Sequence[ZooCertificate]) -> None:
    """Of two certificates the links go out once: OpenSSL sends them with either."""
    for certificate in certificates:
        context.use_certificate(x509.load_der_x509_certificate(certificate.chain[0]))
        key = load_pem_private_key(certificate.key_pem, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        context.use_privatekey(key)
    first, *others = certificates
    extra = [link for one in others for link in one.chain[1:] if link not in first.chain[1:]]
    for link in (*first.chain[1:], *extra):
        context.add_extra_chain_cert(x509.load_der_x509_certificate(link))

"""Certificates made for tests: authorities, leaves and what can be wrong with them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailclad.base.secret import Secret
from mailclad.services.certificates.chain import CertificateChain, KeyKind

NOW = datetime.now(UTC)


@dataclass
class Made:
    """A certificate with its key; ``chain`` is itself and what it sends along."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    above: "list[Made]" = field(default_factory=list)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain(self) -> list[bytes]:
        return [self.der, *(one.der for one in self.above)]

    @property
    def key_digest(self) -> str:
        """As TLSA records with selector 1 and matching type 1 have it."""
        info = self.certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(info).hexdigest()

    def served(self) -> CertificateChain:
        """As our servers take it."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return CertificateChain(
            names=("mail.test",),
            chain_pem=b"".join([self.pem, *(one.pem for one in self.above)]),
            key_pem=Secret(key),
            kind=KeyKind.RSA if isinstance(self.key, rsa.RSAPrivateKey) else KeyKind.EC,
            not_before=NOW,
            not_after=NOW,
            source="a test",
        )


def make(
    common_name: str,
    names: Iterable[str] = (),
    issuer: Made | None = None,
    *,
    authority: bool = False,
    days: int = 30,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    sends: Iterable[Made] | None = None,
    key: rsa.RSAPrivateKey | None = None,
) -> Made:
    """``sends`` is what goes along in the handshake; the issuers if it is not given."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    ends = NOW + timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(NOW, ends) - timedelta(days=1))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    certificate = builder.sign(issuer.key if issuer else own, SHA256())
    above = list(sends) if sends is not None else [issuer, *issuer.above] if issuer else []
    return Made(certificate, own, above)

"""Certificates of every kind for tests: a root, an intermediate authority, leaves."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def store(self, directory: Path, name: str, *chain: "Issued") -> tuple[Path, Path]:
        """Write the certificate with a chain, and the key; return both paths."""
        certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
        certificate.write_bytes(self.pem + b"".join(one.pem for one in chain))
        key.write_bytes(self.key_pem)
        key.chmod(0o600)
        return certificate, key


def of_unknown_curve(pem: bytes) -> bytes:
    """The first certificate or key in PEM, on a curve that nobody has."""
    name = pem.partition(b"-----BEGIN ")[2].partition(b"-----")[0].decode()
    body = pem.partition(b"-----\n")[2].partition(b"-----END")[0]
    p256, none = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030163")
    der = base64.b64decode(body).replace(p256, none)
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN {name}-----\n{lines}-----END {name}-----\n".encode()


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def issue(
    name: str,
    by: Issued | None = None,
    *,
    ca: bool = False,
    hosts: Sequence[str] = (),
    key: Key | None = None,
    begins: datetime = NOW - timedelta(days=1),
    ends: datetime = NOW + timedelta(days=60),
    garbage: x509.ObjectIdentifier | None = None,
) -> Issued:
    """Issue a certificate; without an issuer it signs itself."""
    key = key if key is not None else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = subject if by is None else by.certificate.subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if hosts:
        names = [x509.DNSName(host) for host in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if garbage is not None:
        unreadable = x509.UnrecognizedExtension(garbage, b"\xff")
        builder = builder.add_extension(unreadable, critical=False)
    signer = key if by is None else by.key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else SHA256()
    return Issued(builder.sign(signer, algorithm), key)

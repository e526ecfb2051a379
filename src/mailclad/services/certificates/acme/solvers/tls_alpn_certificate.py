"""The certificate that answers a tls-alpn-01 challenge: nobody but the authority looks at it.

RFC 8737 §3, RFC 8738 §6 (IP addresses).  Comes in: the name, the key authorization, the time.
Goes out: certificate and key as one text in PEM, kept until the authority has looked; and this
text as a ``CertificateChain``.  Its key is made for it and thrown away with it.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailclad.base.secret import Secret
from mailclad.services.certificates.chain import CertificateChain, KeyKind

HOLDS = timedelta(days=7)
"""To both sides of now: clocks differ, and nobody judges these dates."""

ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")

_OCTET_STRING_OF_32 = b"\x04\x20"


def asked_name(identifier: str) -> str:
    """What the authority will send as server name for this identifier."""
    try:
        return ip_address(identifier).reverse_pointer
    except ValueError:
        return identifier.lower()


def make_answer(identifier: str, key_authorization: str, now: int) -> str:
    """Certificate and key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    today = datetime.fromtimestamp(now, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - HOLDS)
        .not_valid_after(today + HOLDS)
        .add_extension(x509.SubjectAlternativeName([_general_name(identifier)]), critical=True)
        .add_extension(_proof(key_authorization), critical=True)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (certificate.public_bytes(Encoding.PEM) + secret).decode("ascii")


def read_answer(answer: str) -> CertificateChain:
    """The text of ``make_answer`` as what TLS is given."""
    pem = answer.encode("ascii")
    certificate = x509.load_pem_x509_certificate(pem)
    return CertificateChain(
        names=(),  # served for one question only, never chosen by name
        chain_pem=pem,
        key_pem=Secret(pem),
        kind=KeyKind.EC,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        source="the answer to a challenge",
    )


def proves(certificate: bytes, key_authorization: str) -> bool:
    """Whether a certificate (DER) of anybody's is an answer to this challenge."""
    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        shown = extensions.get_extension_for_oid(ACME_IDENTIFIER).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return shown == _proof(key_authorization)


def _proof(key_authorization: str) -> x509.UnrecognizedExtension:
    digest = hashlib.sha256(key_authorization.encode("ascii")).digest()
    return x509.UnrecognizedExtension(ACME_IDENTIFIER, _OCTET_STRING_OF_32 + digest)


def _general_name(identifier: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(identifier))
    except ValueError:
        return x509.DNSName(identifier)

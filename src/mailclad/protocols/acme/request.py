"""What is asked for: identifiers, a certificate request, a certificate's name for renewal.

RFC 8555 §7.4 (the request names exactly what was ordered), RFC 8738 §3 (IP addresses), RFC 2986,
RFC 9773 §4.1 (the certificate identifier).

Comes in: our own names and key, certificates.  Goes out: values for JSON, DER.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from mailclad.base.secret import Secret
from mailclad.protocols.acme.jws import encode_base64url


def as_address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def write_identifiers(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"type": "ip" if as_address(name) else "dns", "value": name} for name in names]


def write_csr(names: Iterable[str], key_pem: Secret) -> bytes:
    """In DER; raises TypeError where the key is of no kind that a certificate can be for."""
    key = load_pem_private_key(key_pem.reveal(), None)
    if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey):
        raise TypeError("a certificate's key is EC, RSA or Ed25519")
    general: list[x509.GeneralName] = []
    for name in names:
        address = as_address(name)
        general.append(x509.DNSName(name) if address is None else x509.IPAddress(address))
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName(general), critical=False)
        .sign(key, None if isinstance(key, Ed25519PrivateKey) else SHA256())
    )
    return request.public_bytes(Encoding.DER)


def certificate_id(leaf: x509.Certificate) -> str | None:
    """The key of its authority and its serial; None where the certificate names no such key."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None
    if found.key_identifier is None:
        return None
    serial = leaf.serial_number
    der = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return f"{encode_base64url(found.key_identifier)}.{encode_base64url(der)}"

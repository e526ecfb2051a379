"""Identifiers, certificate requests, and how a certificate is called for renewal."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailclad.base.secret import Secret
from mailclad.protocols.acme.request import certificate_id, write_csr, write_identifiers

NAMES = ("mail.example.test", "*.example.test", "192.0.2.1", "2001:db8::1")


@pytest.mark.rfc(8738, "3")
def test_identifiers() -> None:
    assert write_identifiers(NAMES) == [
        {"type": "dns", "value": "mail.example.test"},
        {"type": "dns", "value": "*.example.test"},
        {"type": "ip", "value": "192.0.2.1"},
        {"type": "ip", "value": "2001:db8::1"},
    ]


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
)
def test_a_request_names_exactly_what_was_ordered(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
) -> None:
    pem = Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    request = x509.load_der_x509_csr(write_csr(NAMES, pem))
    assert request.is_signature_valid
    assert request.public_key() == key.public_key()
    assert len(request.subject.rdns) == 0
    (extension,) = request.extensions
    names = extension.value
    assert isinstance(names, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.DNSName) == list(NAMES[:2])
    addresses = names.get_values_for_type(x509.IPAddress)
    assert addresses == [IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")]


def test_a_key_that_cannot_sign() -> None:
    key = x25519.X25519PrivateKey.generate()
    pem = Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(TypeError):
        write_csr(NAMES, pem)


def leaf(serial: int, *extensions: x509.ExtensionType) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 4, 1, tzinfo=UTC))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, SHA256())


AUTHORITY = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")


@pytest.mark.rfc(9773, "4.1")
@pytest.mark.parametrize(
    ("serial", "last"),
    [(0x87654321, "AIdlQyE"), (0x7F, "fw"), (0x80, "AIA"), (0x100, "AQA")],
)
def test_the_identifier_of_a_certificate(serial: int, last: str) -> None:
    """The first one is the standard's own example."""
    named = x509.AuthorityKeyIdentifier(AUTHORITY, None, None)
    assert certificate_id(leaf(serial, named)) == f"aYhba4dGQEHhs3uEe6CuLN4ByNQ.{last}"


def test_a_certificate_that_does_not_say_whose_it_is() -> None:
    assert certificate_id(leaf(1)) is None
    by_name = x509.AuthorityKeyIdentifier(None, [x509.DNSName("ca.test")], 1)
    assert certificate_id(leaf(1, by_name)) is None

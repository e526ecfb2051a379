"""Names in certificates (RFC 9525 §6)."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.mail.server_identity import Identities, matches, read_identities
from tests.certificates import make


@pytest.mark.rfc("9525", "6.3")
@pytest.mark.parametrize(
    ("presented", "name", "fits"),
    [
        ("mail.test", "mail.test", True),
        ("mail.test", "MAIL.Test.", True),
        ("MAIL.test", "mail.test", True),
        ("mail.test", "www.mail.test", False),
        ("mail.test", "test", False),
        ("*.mail.test", "mx.mail.test", True),
        ("*.mail.test", "mail.test", False),
        ("*.mail.test", "a.mx.mail.test", False),
        ("m*.mail.test", "mx.mail.test", False),
        ("*x.mail.test", "mx.mail.test", False),
        ("mx.*.test", "mx.mail.test", False),
        ("*.*.test", "mx.mail.test", False),
        ("*.test", "mail.test", False),
        ("*", "test", False),
        ("xn--exmple-cua.test", "exämple.test", True),
        ("mail.test", "", False),
        ("mail.test", "mail..test", False),
        ("mail.test", "mail.test\0.evil.test", False),
        ("192.0.2.1", "192.0.2.1", False),
        ("*.0.2.1", "192.0.2.1", False),
    ],
)
def test_dns_names(presented: str, name: str, fits: bool) -> None:
    found = read_identities(make("mail.test", [presented]).der)
    assert matches(found, [name]) is fits
    assert matches(found, ["other.test", name]) is fits


@pytest.mark.rfc("9525", "2")
def test_the_common_name_does_not_count() -> None:
    found = read_identities(make("mail.test").der)
    assert found == Identities()
    assert not matches(found, ["mail.test"])
    assert str(found) == "no name at all"


def test_ip_addresses() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = x509.SubjectAlternativeName(
        [x509.IPAddress(ip_address("192.0.2.1")), x509.IPAddress(ip_address("2001:db8::1"))]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([]))
        .public_key(key.public_key()).serial_number(1).not_valid_before(now)
        .not_valid_after(now + timedelta(days=1)).add_extension(alternatives, critical=True)
        .sign(key, SHA256())
    )  # fmt: skip
    found = read_identities(certificate.public_bytes(Encoding.DER))
    assert matches(found, ["192.0.2.1"])
    assert matches(found, ["2001:DB8:0::1"])
    assert not matches(found, ["192.0.2.2"])


def test_no_spoiled_octet_makes_it_raise() -> None:
    der = make("mail.test", ["mail.test"]).der
    for place in range(len(der)):
        for octet in (0, 0xFF, der[place] ^ 1):
            read_identities(der[:place] + bytes((octet,)) + der[place + 1 :])
        read_identities(der[:place])

"""The certificate that answers tls-alpn-01, as RFC 8737 and RFC 8738 want it."""

import hashlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.services.certificates.acme.solvers.tls_alpn_certificate import (
    ACME_IDENTIFIER,
    asked_name,
    make_answer,
    read_answer,
)

NOW = 1_790_000_000
KEY_AUTHORIZATION = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.thumb"


def der(answer: str) -> bytes:
    certificate = x509.load_pem_x509_certificate(read_answer(answer).chain_pem)
    return certificate.public_bytes(Encoding.DER)


def certificate(name: str) -> x509.Certificate:
    chain = read_answer(make_answer(name, KEY_AUTHORIZATION, NOW))
    assert chain.chain_pem.count(b"BEGIN CERTIFICATE") == 1
    return x509.load_pem_x509_certificate(chain.chain_pem)


@pytest.mark.rfc(8737, "3")
def test_it_carries_one_name_and_the_digest_as_a_critical_extension() -> None:
    made = certificate("mail.example.org")
    made.verify_directly_issued_by(made)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("mail.example.org")]
    proof = made.extensions.get_extension_for_oid(ACME_IDENTIFIER)
    assert proof.critical
    assert isinstance(proof.value, x509.UnrecognizedExtension)
    digest = hashlib.sha256(KEY_AUTHORIZATION.encode()).digest()
    assert proof.value.value == b"\x04\x20" + digest
    assert len(made.extensions) == 2


def test_it_holds_now_for_clocks_that_are_days_off() -> None:
    made, now = certificate("a.test"), datetime.fromtimestamp(NOW, UTC)
    assert made.not_valid_before_utc < now - timedelta(days=1)
    assert made.not_valid_after_utc > now + timedelta(days=1)


@pytest.mark.rfc(8738, "6")
@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("192.0.2.7", "7.2.0.192.in-addr.arpa"),
        ("2001:db8::1", "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"),
    ],
)
def test_an_address_is_asked_for_by_its_reverse_name(address: str, asked: str) -> None:
    names = certificate(address).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert list(names.value) == [x509.IPAddress(ip_address(address))]
    assert asked_name(address) == asked
    assert asked_name("Mail.Example.org") == "mail.example.org"

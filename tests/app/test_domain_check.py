"""The probe of port 25 sees the certificate that our own server shows there."""

import asyncio
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailclad.app.domain_check import PortProbe
from mailclad.base.resolver import DnsProblem, Tlsa
from mailclad.mail.tls_verdict import Authentication, Failure, TlsVerdict
from mailclad.servers.tls import ClientTrust
from mailclad.testing import MailServer
from tests.dns.fake import FakeResolver, Known

HOST = "mx.test"


def look(port: int, addresses: Known, records: tuple[Tlsa, ...]) -> TlsVerdict | None:
    resolver = FakeResolver({(HOST, "A"): addresses})
    probe = PortProbe(resolver, ClientTrust(), "me.test", permits=lambda _: True, port=port)
    return asyncio.run(probe.verdict(HOST, records))


def ours(verdict: TlsVerdict) -> Tlsa:
    key = x509.load_der_x509_certificate(verdict.chain[0]).public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Tlsa(3, 1, 1, hashlib.sha256(octets).digest())


def test_right_and_wrong_records(mail: MailServer) -> None:
    port = mail.port("smtp", "starttls")
    wrong = look(port, ["127.0.0.1"], (Tlsa(3, 1, 1, b"x" * 32),))
    assert wrong is not None
    assert wrong.failure is Failure.TLSA_INVALID
    right = look(port, ["127.0.0.1"], (ours(wrong),))
    assert right is not None
    assert right.authentication is Authentication.DANE_EE


@pytest.mark.parametrize("addresses", [[], ["127.0.0.1"], DnsProblem("lost")])
def test_nobody_answers(addresses: Known) -> None:
    assert look(1, addresses, (Tlsa(3, 1, 1, b"x" * 32),)) is None

"""Our client against our server's handshake, in memory: every verdict from real handshakes."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailclad.base.resolver import Tlsa
from mailclad.base.tls_policy import Service, TlsFacts
from mailclad.mail.tls_verdict import (
    Authentication,
    Failure,
    TlsDemand,
    TlsLevel,
    TlsVerdict,
)
from mailclad.servers.handshake import Handshake, TlsServer
from mailclad.servers.tls import ClientTrust, ContextTable, path_fault
from mailclad.servers.tls_client import TlsClient, server_name
from mailclad.servers.tls_failure import CertificateUnusable, HandshakeFailed
from tests.certificates import Made, make

ROOT = make("root", authority=True)
LEAF = make("leaf", ["mail.test"], ROOT)
NAMES = ("mail.test",)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> ClientTrust:
    file = tmp_path_factory.mktemp("trust") / "ca.pem"
    file.write_bytes(ROOT.pem)
    return ClientTrust(file)


def shake(
    trust: ClientTrust, made: Made, names: tuple[str, ...] = NAMES, records: tuple[Tlsa, ...] = ()
) -> tuple[TlsVerdict, TlsFacts, TlsFacts]:
    """The verdict, and what both sides say was agreed."""
    server = Handshake(TlsServer(ContextTable([made.served()]), Service.SMTP))
    client = TlsClient(trust, TlsDemand(TlsLevel.VERIFY, names, records))
    ours = client.handshake()
    to_server, done = ours.begin(), False
    answered = False
    while not (done and answered):
        if to_server:
            answered = server.take(to_server)
        if not done:
            done = ours.take(server.output)
            to_server = ours.output or ours.session.to_send()
    assert server.session is not None
    server.session.feed(ours.session.encrypt(b"EHLO x\r\n"))
    assert server.session.decrypt() == b"EHLO x\r\n"
    ours.session.feed(server.session.encrypt(b"250 ok\r\n"))
    assert ours.session.decrypt() == b"250 ok\r\n"
    return client.verdict(), ours.facts(), server.facts()


def ee(made: Made) -> Tlsa:
    key = made.certificate.public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Tlsa(3, 1, 1, hashlib.sha256(info).digest())


def ta(made: Made) -> Tlsa:
    return Tlsa(2, 0, 1, hashlib.sha256(made.der).digest())


UNKNOWN = make("unknown", authority=True)
MIDDLE = make("middle", issuer=ROOT, authority=True)


@pytest.mark.parametrize(
    ("made", "failure"),
    [
        (LEAF, None),
        (make("x", ["*.test.test", "mail.test"], MIDDLE), None),
        (make("x", ["www.mail.test", "*.test"], ROOT), Failure.HOST_MISMATCH),
        (make("mail.test", [], ROOT), Failure.HOST_MISMATCH),
        (make("x", ["mail.test"], UNKNOWN), Failure.NOT_TRUSTED),
        (make("x", ["mail.test"]), Failure.NOT_TRUSTED),
        (make("x", ["mail.test"], ROOT, days=-2), Failure.EXPIRED),
        (make("x", ["mail.test"], MIDDLE, sends=[]), Failure.NOT_TRUSTED),
        (make("x", ["mail.test"], LEAF), Failure.NOT_TRUSTED),
        (
            make("x", ["mail.test"], ROOT, purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
            Failure.NOT_TRUSTED,
        ),
    ],
    ids=["right", "intermediate", "wrong-host", "cn-only", "unknown-ca", "self-signed", "expired",
         "incomplete", "leaf-as-authority", "purpose"],
)  # fmt: skip
def test_by_the_authorities_of_the_system(
    trust: ClientTrust, made: Made, failure: Failure | None
) -> None:
    verdict, facts, _ = shake(trust, made)
    assert verdict.failure is failure
    assert (verdict.authentication is Authentication.PKIX) is (failure is None)
    assert verdict.chain == tuple(made.chain)
    assert facts.version == "TLSv1.3"


ALERT = b"\x15\x03\x03\0\2\2\x28"  # handshake failure
EXPIRED = make("x", ["elsewhere.test"], UNKNOWN, days=-2)


@pytest.mark.parametrize(
    ("made", "record", "authentication", "failure"),
    [
        (EXPIRED, ee(EXPIRED), Authentication.DANE_EE, None),
        (LEAF, ee(EXPIRED), Authentication.NONE, Failure.TLSA_INVALID),
        (make("x", ["mail.test"], UNKNOWN), ta(UNKNOWN), Authentication.DANE_TA, None),
        (EXPIRED, ta(UNKNOWN), Authentication.NONE, Failure.EXPIRED),
        (make("x", ["x.test"], UNKNOWN), ta(UNKNOWN), Authentication.NONE, Failure.HOST_MISMATCH),
        (LEAF, ta(UNKNOWN), Authentication.NONE, Failure.TLSA_INVALID),
        (LEAF, Tlsa(1, 1, 1, bytes(32)), Authentication.PKIX, None),
    ],
    ids=["ee", "ee-mismatch", "ta", "ta-expired", "ta-wrong-host", "ta-mismatch", "unusable"],
)
def test_by_dane(
    trust: ClientTrust,
    made: Made,
    record: Tlsa,
    authentication: Authentication,
    failure: Failure | None,
) -> None:
    """Usable records decide alone, whatever the authorities say."""
    verdict, _, _ = shake(trust, made, records=(record,))
    assert (verdict.authentication, verdict.failure) == (authentication, failure)


def test_what_was_agreed_is_the_same_on_both_sides(trust: ClientTrust) -> None:
    _, ours, theirs = shake(trust, LEAF)
    assert (ours.version, ours.suite, ours.group) == (theirs.version, theirs.suite, theirs.group)
    assert ours.server_name == theirs.server_name == "mail.test"
    assert ours.exporter() == theirs.exporter()
    assert ours.end_point() == theirs.end_point()
    assert ours.alpn is None


@pytest.mark.parametrize(
    ("names", "sent"),
    [
        (("mail.test", "test"), "mail.test"),
        (("Mail.Test.",), "mail.test"),
        (("exämple.test",), "xn--exmple-cua.test"),
        (("192.0.2.1",), None),
        (("2001:db8::1",), None),
        (("a\0b",), None),
        ((), None),
    ],
)
def test_server_names(names: tuple[str, ...], sent: str | None) -> None:
    assert server_name(TlsDemand(TlsLevel.MAY, names)) == sent


@pytest.mark.parametrize(
    "octets",
    [
        b"220 mx ESMTP\r\n",
        b"\x15\x03\x03\0\2\2\x28",
        b"\x16\x03\x03\xff\xff" + bytes(100),
        bytes(64),
    ],
)
def test_what_is_no_handshake(trust: ClientTrust, octets: bytes) -> None:
    ours = TlsClient(trust, TlsDemand(TlsLevel.MAY, NAMES)).handshake()
    ours.begin()
    with pytest.raises(HandshakeFailed) as caught:
        ours.take(octets)
    assert caught.value.received_alert == (40 if octets[0] == 0x15 else None)


def test_a_handshake_without_end(trust: ClientTrust) -> None:
    server = Handshake(TlsServer(ContextTable([LEAF.served()]), Service.SMTP))
    ours = TlsClient(trust, TlsDemand(TlsLevel.MAY, NAMES), octets=500).handshake()
    server.take(ours.begin())
    assert not ours.take(server.output[:499])
    with pytest.raises(HandshakeFailed, match="does not end"):
        ours.take(server.output[499:500])


def test_without_a_file_the_system_is_trusted() -> None:
    verdict, _, _ = shake(ClientTrust(), LEAF)
    assert verdict.failure is Failure.NOT_TRUSTED


def test_paths() -> None:
    assert path_fault(LEAF.chain, ROOT.der) is None
    assert path_fault([LEAF.der], ROOT.der) is None
    fault = path_fault(LEAF.chain, UNKNOWN.der)
    assert fault is not None
    assert fault.code == 19
    assert path_fault([b"x"], ROOT.der) is not None
    assert path_fault([LEAF.der, b"x"], ROOT.der) is not None
    assert path_fault(LEAF.chain, b"") is not None


def test_a_file_of_authorities_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CertificateUnusable, match="nothing"):
        ClientTrust(tmp_path / "nothing.pem")

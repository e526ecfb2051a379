"""Contexts and handshakes, in memory: which certificate, which ALPN, which facts."""

import contextlib
import hashlib
import ssl
from dataclasses import replace

import pytest
from OpenSSL import SSL

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import ALPN, Service
from mailclad.servers.handshake import Handshake, TlsServer
from mailclad.servers.tls import ContextTable
from mailclad.servers.tls_failure import CertificateUnusable, HandshakeFailed
from mailclad.services.certificates.chain import CertificateChain, KeyKind
from mailclad.services.certificates.private_ca import PrivateCa
from tests.protocols.tls.hellos import (
    extension,
    hello_message,
    real_hello,
    records,
    server_name,
    vector,
)
from tests.servers.loopback import client_context, leaf
from tests.servers.memory import careless, leaf_der, shake, shown
from tests.services.certificates.pki import NOW, issue, rsa_key

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
SERVICES = [service for service in ALPN if service is not Service.LMTP]


@pytest.fixture(scope="module")
def several(ca: PrivateCa) -> dict[str, CertificateChain]:
    return {
        "default": leaf(ca, "mail.test"),
        "wild": leaf(ca, "*.wild.test"),
        "address": leaf(ca, "127.0.0.1"),
    }


@pytest.fixture(scope="module")
def table(several: dict[str, CertificateChain]) -> ContextTable:
    return ContextTable(list(several.values()), [Service.IMAP])


# SNI


@pytest.mark.rfc("6066", "3")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mail.test", "default"),
        ("MAIL.TEST", "default"),
        ("a.wild.test", "wild"),
        ("A.Wild.Test", "wild"),
        ("a.b.wild.test", "default"),
        ("wild.test", "default"),
        ("unknown.example", "default"),
        (None, "default"),
    ],
)
def test_the_name_chooses_the_certificate(
    table: ContextTable, several: dict[str, CertificateChain], name: str | None, expected: str
) -> None:
    assert shown(table, name) == leaf_der(several[expected])


@pytest.mark.parametrize(
    "name",
    [b"", b"mail\0.test", b"\xff\xfe", b"a" * 300, b"a." * 1000, b"127.0.0.1", b"mail.test.."],
)
def test_no_server_name_raises_before_tls_judges_it(table: ContextTable, name: bytes) -> None:
    """T-TLS4: whatever OpenSSL thinks of it, it is an alert or an answer."""
    hello = hello_message(server_name(name) + real_extensions())
    handshake = Handshake(TlsServer(table, Service.IMAP))
    with contextlib.suppress(HandshakeFailed):
        handshake.take(records(hello))
    assert handshake.output[:1] in {b"\x15", b"\x16"}


def real_extensions() -> bytes:
    """Everything but the server name out of a real hello."""
    hello = real_hello(name=None)
    session_at = 5 + 4 + 34
    suites_at = session_at + 1 + hello[session_at]
    compression_at = suites_at + 2 + int.from_bytes(hello[suites_at : suites_at + 2], "big")
    return hello[compression_at + 2 + 2 :]


def test_a_final_dot_is_not_part_of_a_name(
    table: ContextTable, several: dict[str, CertificateChain]
) -> None:
    assert shown(table, "a.wild.test.") == leaf_der(several["wild"])


# Swapping


def test_a_swap_serves_the_new_certificate_at_once(ca: PrivateCa) -> None:
    old, new = leaf(ca), leaf(ca)
    table = ContextTable([old], [Service.IMAP])
    assert shown(table, "mail.test") == leaf_der(old)
    table.swap([new, leaf(ca, "second.test")])
    assert shown(table, "mail.test") == leaf_der(new)
    assert shown(table, "second.test") != leaf_der(new)


def test_a_swap_that_fails_keeps_what_was_served(ca: PrivateCa) -> None:
    old = leaf(ca)
    table = ContextTable([old], [Service.IMAP])
    mixed = replace(leaf(ca), key_pem=leaf(ca).key_pem, source="/etc/mixed.pem")
    for bad in ([mixed], [replace(old, chain_pem=b"nothing")], []):
        with pytest.raises(CertificateUnusable):
            table.swap(bad)
        assert shown(table, "mail.test") == leaf_der(old)
    with pytest.raises(CertificateUnusable, match=r"/etc/mixed\.pem"):
        ContextTable([mixed], [Service.IMAP])


def test_a_chain_is_sent_whole() -> None:
    root = issue("root", ca=True)
    middle = issue("middle", root, ca=True)
    end = issue("leaf", middle, hosts=["mail.test"])
    chain = CertificateChain(
        ("mail.test",), end.pem + middle.pem, Secret(end.key_pem), KeyKind.EC, NOW, NOW, "x"
    )
    context = client_context(None)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the test's own authorities are plain ones
    context.load_verify_locations(cadata=root.pem.decode())
    assert shake(ContextTable([chain], [Service.IMAP]), context).facts.server_name == "mail.test"


# Two kinds of key for the same names


@pytest.fixture(scope="module")
def both() -> list[CertificateChain]:
    pairs = [
        (issue("mail", hosts=["mail.test"]), KeyKind.EC),
        (issue("mail", hosts=["mail.test"], key=rsa_key()), KeyKind.RSA),
    ]
    return [
        CertificateChain(("mail.test",), one.pem, Secret(one.key_pem), kind, NOW, NOW, str(kind))
        for one, kind in pairs
    ]


@pytest.mark.parametrize("ciphers", ["ECDHE+ECDSA", "ECDHE+aRSA"])
@pytest.mark.parametrize("in_order", [True, False])
def test_a_client_gets_the_kind_that_it_knows(
    both: list[CertificateChain], ciphers: str, in_order: bool
) -> None:
    """RFC 5929 §4.1: the binding is the hash of the certificate that was shown."""
    table = ContextTable(both if in_order else both[::-1], [Service.IMAP])
    client = careless(ssl.TLSVersion.TLSv1_2)
    client.set_ciphers(ciphers)
    pair = shake(table, client)
    expected = leaf_der(both["RSA" in ciphers])
    assert pair.client.getpeercert(True) == expected
    assert pair.facts.end_point() == hashlib.sha256(expected).digest()
    again = shake(table, client, session=pair.client.session)
    assert again.facts.resumed
    assert again.facts.end_point() == hashlib.sha256(expected).digest()


def test_tls_1_3_prefers_the_elliptic_curve(both: list[CertificateChain]) -> None:
    pair = shake(ContextTable(both[::-1], [Service.IMAP]), careless(ssl.TLSVersion.TLSv1_3))
    assert pair.client.getpeercert(True) == leaf_der(both[0])
    assert pair.facts.end_point() == hashlib.sha256(leaf_der(both[0])).digest()


# ALPN


@pytest.mark.rfc("7301", "3.2")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("service", SERVICES)
def test_only_our_own_protocol_is_agreed_on(
    contexts: ContextTable, service: Service, version: ssl.TLSVersion
) -> None:
    """T-ALP1: another name is refused by alert 120, none at all goes through."""
    for name in ("imap", "pop3", "http/1.1", "h2", "acme-tls/1", "managesieve"):
        client = careless(version, (name,))
        if name.encode() in ALPN[service]:
            assert shake(contexts, client, service).facts.alpn == name.encode()
            continue
        with pytest.raises(HandshakeFailed) as caught:
            shake(contexts, client, service)
        assert caught.value.sent_alert == 120
        assert caught.value.hello is not None
        assert caught.value.hello.alpn == (name.encode(),)
    assert shake(contexts, careless(version), service).facts.alpn is None


def test_one_of_several_names_is_enough(contexts: ContextTable) -> None:
    facts = shake(contexts, careless(alpn=("h2", "http/1.1")), Service.HTTPS).facts
    assert facts.alpn == b"http/1.1"


# Facts and bindings


@pytest.mark.parametrize("version", VERSIONS)
def test_facts(contexts: ContextTable, ca: PrivateCa, version: ssl.TLSVersion) -> None:
    pair = shake(contexts, client_context(ca, version, ["imap"]))
    facts = pair.facts
    name, protocol, _ = pair.client.cipher() or ("", "", 0)
    assert facts.version == pair.client.version()
    if version is ssl.TLSVersion.TLSv1_3:
        assert facts.suite == name
    else:
        assert facts.suite.startswith("TLS_ECDHE_ECDSA_WITH_")
        assert name.replace("-", "_").split("_")[-1] in facts.suite
    assert facts.group == "X25519"
    assert facts.alpn == b"imap"
    assert facts.server_name == "mail.test"
    assert not facts.resumed
    assert protocol


def test_a_post_quantum_group_is_named(contexts: ContextTable) -> None:
    """Our own library as the client, because the system's may be too old for the group."""
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    client.set_connect_state()
    ours = Handshake(TlsServer(contexts, Service.IMAP))
    done = False
    while not done:
        with contextlib.suppress(SSL.WantReadError):
            client.do_handshake()
        done = ours.take(client.bio_read(16384))
        if ours.output:
            client.bio_write(ours.output)
    facts = ours.facts()
    assert facts.group == "X25519MLKEM768"
    exported = client.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    assert facts.exporter() == exported, "RFC 9266 §2: the same on both ends"


@pytest.mark.rfc("9266", "2")
@pytest.mark.rfc("5929", "4.1")
@pytest.mark.parametrize("version", VERSIONS)
def test_channel_bindings(contexts: ContextTable, version: ssl.TLSVersion) -> None:
    one, other = shake(contexts, careless(version)), shake(contexts, careless(version))
    if version is ssl.TLSVersion.TLSv1_2:
        assert one.facts.exporter() is None, "not unique without extended master secret"
    else:
        assert len(one.facts.exporter() or b"") == 32
        assert one.facts.exporter() != other.facts.exporter()
    certificate = one.client.getpeercert(True)
    assert certificate is not None
    assert one.facts.end_point() == hashlib.sha256(certificate).digest()
    assert one.facts.end_point() == other.facts.end_point()


# Old and weak


@pytest.mark.rfc("9325", "3.1.1")
@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302])
def test_old_versions_are_refused(contexts: ContextTable, version: int) -> None:
    message = hello_message(extension(10, vector(2, b"\0\x1d")), suites=b"\xc0\x2b\xc0\x09")
    old = message[:4] + version.to_bytes(2, "big") + message[6:]
    assert feed(contexts, records(old)).sent_alert == 70


@pytest.mark.rfc("9325", "4.2")
@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "DHE"])
def test_weak_suites_are_refused(contexts: ContextTable, ciphers: str) -> None:
    client = careless(ssl.TLSVersion.TLSv1_2)
    client.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with pytest.raises(HandshakeFailed) as caught:
        shake(contexts, client)
    assert caught.value.sent_alert == 40


# The limit on what comes before the handshake is done


def feed(table: ContextTable, octets: bytes, limit: int = 16384) -> HandshakeFailed:
    handshake = Handshake(TlsServer(table, Service.IMAP, handshake_octets=limit))
    with pytest.raises(HandshakeFailed) as caught:
        handshake.take(octets)
    return caught.value


def test_64_kib_of_hello_are_refused_with_an_alert(contexts: ContextTable) -> None:
    """T-TLS3; OpenSSL has not seen an octet, so nothing was allocated for it."""
    failure = feed(contexts, records(hello_message(extension(99, bytes(65000)))))
    assert failure.sent_alert == 50
    assert len(failure.flight) == 16384
    assert feed(contexts, real_hello(), limit=100).reason.endswith("100 octets")


def test_a_hello_without_end_is_refused_at_the_limit(contexts: ContextTable) -> None:
    real = real_hello()
    handshake = Handshake(TlsServer(contexts, Service.IMAP, handshake_octets=1000))
    assert not handshake.take(real)
    assert b"\x16" in handshake.output
    assert not handshake.take(b"\x17\x03\x03\x40\0" + bytes(100))
    with pytest.raises(HandshakeFailed, match="1000 octets"):
        handshake.take(bytes(1000))


def test_what_comes_behind_the_handshake_does_not_count(contexts: ContextTable) -> None:
    """A client may send its first command, however long, in one piece with its Finished."""
    down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = careless(ssl.TLSVersion.TLSv1_3).wrap_bio(down, up, server_hostname="mail.test")
    handshake = Handshake(TlsServer(contexts, Service.IMAP, handshake_octets=1000))
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    assert not handshake.take(up.read())
    down.write(handshake.output)
    client.do_handshake()
    client.write(b"x" * 16000)
    assert handshake.take(up.read())
    assert handshake.session is not None
    assert handshake.session.decrypt() == b"x" * 16000


def test_something_else_than_tls_gets_no_answer(contexts: ContextTable) -> None:
    failure = feed(contexts, b"GET / HTTP/1.1\r\nHost: mail.test\r\n\r\n")
    assert failure.sent_alert is None
    assert str(failure.first_bytes) == "an HTTP request without TLS"
    assert failure.hello is None


def test_a_hello_that_openssl_refuses_is_kept(contexts: ContextTable) -> None:
    flight = records(hello_message(extension(10, vector(2, b"\0\x1d")), suites=b"\0\x2f"))
    failure = feed(contexts, flight)
    assert failure.sent_alert in {40, 70}
    assert failure.hello is not None
    assert failure.hello.suites == (0x2F,)

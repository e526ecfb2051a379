"""Looking at the zoo: what is seen of healthy servers, and of each that is not."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mailclad.base.resolver import DnsProblem
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.mail.tls_verdict import ChainFault
from mailclad.servers.probe import Prober
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.diagnose.facts import HostSeen, PortSeen, Reach, Spoken, Way
from mailclad.testing.zoo import Zoo
from mailclad.testing.zoo.faults import FAULTS
from tests.dns.fake import FakeResolver
from tests.servers.probing import HOST, prober

SPOKEN = {
    MailProtocol.SMTP: Spoken.SMTP,
    MailProtocol.SUBMISSION: Spoken.SMTP,
    MailProtocol.IMAP: Spoken.IMAP,
    MailProtocol.POP3: Spoken.POP3,
    MailProtocol.SIEVE: Spoken.SIEVE,
    MailProtocol.HTTPS: Spoken.HTTP,
}
WAYS = {
    Way.OPEN,
    Way.MODERN,
    Way.STRICT,
    Way.NO_NAME,
    Way.TLS12,
    Way.TLS13,
    Way.OLD,
    Way.RSA,
    Way.ECDSA,
    Way.FOREIGN_ALPN,
}


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with Zoo(late_seconds=0.4) as zoo:
        yield zoo


@pytest.fixture(scope="module")
def trust(zoo: Zoo) -> ProbeTrust:
    return ProbeTrust(zoo.ca)


def look(trust: ProbeTrust, zoo: Zoo, name: str, **options: Any) -> PortSeen:
    one = zoo[name]
    looking = prober(trust).look_at(one.host, [one.endpoint], **options)
    (port,) = asyncio.run(looking).ports
    return port


# --- healthy servers ---


@pytest.mark.slow
def test_of_a_healthy_server_everything_is_seen_and_nothing_is_wrong(
    zoo: Zoo, trust: ProbeTrust
) -> None:
    endpoints = [one.endpoint for one in zoo.healthy]
    seen = asyncio.run(prober(trust).look_at(HOST, endpoints, domain="example.test"))
    assert seen.addresses == ("127.0.0.1",)
    assert [port.endpoint for port in seen.ports] == endpoints
    for port in seen.ports:
        assert (port.reach, port.detail) == (Reach.OPEN, "")
        for way in (Way.MODERN, Way.OPEN, Way.STRICT, Way.TLS13):
            shake = port.handshake(way)
            assert shake is not None
            assert shake.done
            assert not shake.faults
            assert len(shake.chain) == 2
            assert shake.server_name == HOST
        assert port.spoken is SPOKEN[port.protocol]
        assert port.protocol is MailProtocol.HTTPS or port.offers_tls is not None
    starttls = [port for port in seen.ports if port.endpoint.tls is TlsMode.STARTTLS]
    assert all("STARTTLS" in (port.offers_clear or ()) for port in starttls)
    assert all(port.obeys_injected is not True for port in starttls)
    assert any(port.obeys_injected is False for port in starttls)


def test_one_port_is_seen_in_every_way(zoo: Zoo, trust: ProbeTrust) -> None:
    port = look(trust, zoo, "healthy-imap-implicit", domain="example.test")
    assert {one.way for one in port.handshakes} == WAYS | {Way.DOMAIN, Way.ALPN}
    done = {one.way for one in port.handshakes if one.done}
    assert done == WAYS - {Way.OLD, Way.RSA} | {Way.DOMAIN, Way.ALPN}
    names = {one.way: one.server_name for one in port.handshakes}
    assert names.pop(Way.NO_NAME) is None
    assert names.pop(Way.DOMAIN) == "example.test"
    assert set(names.values()) == {HOST}
    old = port.handshake(Way.OLD)
    assert old is not None
    assert old.received_alert == 70


# --- what is wrong is seen ---

EXPECTED: dict[str, dict[str, Any]] = {
    "silent": {"reach": Reach.OPEN, "spoken": Spoken.NOTHING},
    "silent-in-clear": {"reach": Reach.OPEN, "spoken": Spoken.NOTHING},
    "closes-at-once": {"reach": Reach.RESET},
    "closes-at-once-in-clear": {"reach": Reach.RESET, "handshakes": ()},
    "resets": {"reach": Reach.RESET},
    "closes-on-hello": {"reach": Reach.OPEN, "spoken": Spoken.NOTHING},
    "garbage": {"spoken": Spoken.OTHER},
    "web-instead": {"spoken": Spoken.HTTP},
    "ssh-instead": {"spoken": Spoken.SSH},
    "ssh-in-clear": {"spoken": Spoken.SSH, "offers_clear": None},
    "endless-line": {"detail": "a line that does not end"},
    "drips": {"detail": "no whole greeting in 0.3 seconds"},
    "smtp-on-imaps": {"spoken": Spoken.SMTP},
    "pop3-on-imap": {"spoken": Spoken.POP3},
    "submission-on-imaps": {"spoken": Spoken.SMTP},
    "clear-on-imaps": {"spoken": Spoken.IMAP},
    "clear-on-submissions": {"spoken": Spoken.SMTP},
    "clear-on-pop3s": {"spoken": Spoken.POP3},
    "tls-on-imap": {"spoken": Spoken.TLS, "offers_clear": None, "upgrade_reply": ""},
    "tls-on-submission": {"spoken": Spoken.TLS},
    "client-certificate": {"detail": "tlsv13 alert certificate required"},
    "no-starttls-smtp": {"offers_clear": ("SIZE=10000000",), "handshakes": ()},
    "no-starttls-submission": {"offers_clear": ("SIZE=10000000",), "handshakes": ()},
    "no-starttls-imap": {"offers_clear": ("IMAP4REV1", "LOGINDISABLED"), "handshakes": ()},
    "no-starttls-pop3": {"offers_clear": ("UIDL",), "handshakes": ()},
    "no-starttls-sieve": {"offers_clear": ("AUTH",), "handshakes": (), "spoken": Spoken.SIEVE},
    "starttls-refused": {
        "upgrade_reply": "454 TLS not available due to temporary reason",
        "handshakes": (),
    },
    "starttls-refused-imap": {"upgrade_reply": "p1 NO not now", "handshakes": ()},
    "starttls-garbage": {"detail": "a line that is no SMTP reply", "upgrade_reply": ""},
    "starttls-silent": {"upgrade_reply": "+OK go"},
    "starttls-stripped": {"offers_clear": ("SIZE=10000000", "XXXXXXXA", "8BITMIME")},
    "injection-smtp": {"obeys_injected": True},
    "injection-submission": {"obeys_injected": True},
    "injection-imap": {"obeys_injected": True},
    "injection-pop3": {"obeys_injected": True},
    "injection-sieve": {"obeys_injected": True},
    "auth-in-clear": {"offers_clear": ("STARTTLS", "AUTH=PLAIN", "AUTH=LOGIN")},
    "auth-in-clear-smtp": {"offers_clear": ("STARTTLS", "AUTH=LOGIN")},
    "login-in-clear": {"offers_clear": ("IMAP4REV1", "STARTTLS")},
    "user-in-clear": {"offers_clear": ("STARTTLS", "USER")},
    "sasl-in-clear": {"offers_clear": ("AUTH=PLAIN", "STARTTLS")},
    "preauth": {"spoken": Spoken.IMAP, "handshakes": (), "upgrade_reply": ""},
    "turned-away-421": {"spoken": Spoken.SMTP, "handshakes": ()},
    "turned-away-554": {"greeting": b"554 5.7.1 your address is on a list\r\n"},
    "turned-away-imap": {"greeting": b"* BYE too many tries\r\n"},
    "turned-away-pop3": {"greeting": b"-ERR busy\r\n"},
    "nobody": {"reach": Reach.REFUSED},
    "swallowed": {"reach": Reach.SILENT},
    "late-submission": {"spoken": Spoken.SMTP, "detail": ""},
    "late": {"spoken": Spoken.SMTP, "detail": ""},
    "flood": {"upgrade_reply": "p1 OK go"},
}

TLS: dict[str, dict[Way, dict[str, Any]]] = {
    "silent": {Way.MODERN: {"done": False, "silent": True}},
    "closes-on-hello": {
        Way.MODERN: {"done": False, "silent": False, "received_alert": None},
        Way.OPEN: {"done": False, "reason": "the server closed the connection"},
    },
    "web-instead": {Way.MODERN: {"done": False}},
    "tls-1.0-only": {
        Way.MODERN: {"done": False, "received_alert": 70},
        Way.OPEN: {"done": True, "version": "TLSv1"},
        Way.OLD: {"done": True},
    },
    "tls-1.1-only": {Way.OLD: {"done": True, "version": "TLSv1.1"}},
    "tls-1.0-too": {Way.MODERN: {"version": "TLSv1.3"}, Way.OLD: {"done": True}},
    "tls-1.2-only": {Way.MODERN: {"version": "TLSv1.2"}, Way.OLD: {"done": False}},
    "tls-1.3-only": {Way.TLS12: {"done": False, "received_alert": 70}},
    "no-common-suite": {Way.OPEN: {"done": False, "received_alert": 40}},
    "no-forward-secrecy": {Way.MODERN: {"suite": "AES256-GCM-SHA384"}},
    "cbc-only": {Way.MODERN: {"suite": "ECDHE-ECDSA-AES128-SHA256"}},
    "rsa-only": {Way.RSA: {"done": True}, Way.ECDSA: {"done": False}},
    "two-kinds": {Way.RSA: {"done": True}, Way.ECDSA: {"done": True}},
    "name-refused": {
        Way.OPEN: {"done": False, "received_alert": 112},
        Way.NO_NAME: {"done": True},
    },
    "name-demanded": {Way.MODERN: {"done": True}, Way.NO_NAME: {"received_alert": 40}},
    "name-refused-roughly": {Way.OPEN: {"received_alert": 40}, Way.NO_NAME: {"done": True}},
    "alpn-foreign": {Way.FOREIGN_ALPN: {"done": True, "alpn": "http/1.1"}},
    "alpn-refused": {Way.ALPN: {"done": False, "received_alert": 120}, Way.MODERN: {"done": True}},
    "alpn-right": {Way.ALPN: {"alpn": "imap"}, Way.FOREIGN_ALPN: {"received_alert": 120}},
    "client-certificate": {Way.MODERN: {"done": True, "client_certificate_demanded": True}},
    "client-certificate-1.2": {Way.OPEN: {"done": False, "client_certificate_demanded": True}},
    "client-certificate-starttls": {Way.MODERN: {"client_certificate_demanded": True}},
    "submission-on-imaps": {Way.MODERN: {"done": True}},
    "tls-on-imap": {Way.MODERN: {"done": True}},
    "starttls-silent": {Way.MODERN: {"done": False, "silent": True}},
}

CERTIFICATES: dict[str, list[ChainFault]] = {
    "ok": [],
    "expired": [ChainFault(10, 0)],
    "not-yet-valid": [ChainFault(9, 0)],
    "expired-intermediate": [ChainFault(10, 1)],
    "self-signed-leaf": [ChainFault(18, 0)],
    "private-ca-root-sent": [ChainFault(19, 1)],
    "missing-intermediate": [ChainFault(20, 0), ChainFault(21, 0)],
    "rsa-1024": [ChainFault(66, 0)],
    "sha1-leaf": [ChainFault(68, 0)],
    "eku-client-only": [ChainFault(26, 0)],
    "critical-unknown-ext": [ChainFault(34, 0)],
    "name-constraint-violation": [ChainFault(47, 0)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*EXPECTED, *TLS}))
def test_a_fault_of_the_zoo_is_seen(zoo: Zoo, trust: ProbeTrust, name: str) -> None:
    port = look(trust, zoo, name)
    expected = EXPECTED.get(name, {})
    assert {key: getattr(port, key) for key in expected} == expected
    for way, facts in TLS.get(name, {}).items():
        shake = port.handshake(way)
        assert shake is not None, way
        assert {key: getattr(shake, key) for key in facts} == facts, way


def test_every_fault_of_the_zoo_is_expected_here(zoo: Zoo) -> None:
    healthy = {one.name for one in zoo.healthy}
    assert set(FAULTS) - healthy - {"name-needed"} == {*EXPECTED, *TLS}


def test_another_certificate_without_a_name_is_seen(zoo: Zoo, trust: ProbeTrust) -> None:
    port = look(trust, zoo, "name-needed")
    named, unnamed = port.handshake(Way.MODERN), port.handshake(Way.NO_NAME)
    assert named is not None
    assert unnamed is not None
    assert named.chain[0] != unnamed.chain[0]


@pytest.mark.parametrize("name", CERTIFICATES)
def test_all_faults_of_a_chain_are_noted(zoo: Zoo, trust: ProbeTrust, name: str) -> None:
    port = look(trust, zoo, name)
    modern = port.handshake(Way.MODERN)
    assert modern is not None
    assert modern.done
    assert sorted(modern.faults, key=lambda one: one.code) == CERTIFICATES[name]
    assert modern.chain == zoo.certificates.certificates[name].chain


def test_strict_programs_see_more(zoo: Zoo, trust: ProbeTrust) -> None:
    port = look(trust, zoo, "no-aki")
    modern, strict = port.handshake(Way.MODERN), port.handshake(Way.STRICT)
    assert modern is not None
    assert strict is not None
    assert modern.faults == ()
    assert strict.faults == (ChainFault(85, 0),)
    assert trust.verify(modern.chain) == ()
    assert trust.verify(modern.chain[:1]) == (ChainFault(20, 0),)
    assert trust.verify([b"no certificate"]) == (ChainFault(1, 0),)


# --- addresses ---


def test_addresses_of_both_families_are_looked_at(zoo: Zoo, trust: ProbeTrust) -> None:
    known = {
        (HOST, "CNAME"): ["real.test"],
        ("real.test", "A"): ["127.0.0.1"],
        ("real.test", "AAAA"): ["::1"],
    }
    endpoint = zoo["healthy-imap-implicit"].endpoint
    seen = asyncio.run(Prober(FakeResolver(known), trust).look_at(HOST, [endpoint]))
    assert seen.addresses == ("::1", "127.0.0.1")
    assert seen.aliases == ("real.test",)
    six, four = seen.ports
    assert six.reach in {Reach.REFUSED, Reach.UNREACHABLE}
    assert six.detail
    assert four.reach is Reach.OPEN


def test_no_way_there_is_not_silence(trust: ProbeTrust) -> None:
    endpoint = Endpoint(MailProtocol.IMAP, HOST, 993, TlsMode.IMPLICIT)
    (port,) = asyncio.run(prober(trust, "255.255.255.255").look_at(HOST, [endpoint])).ports
    assert port.reach is Reach.UNREACHABLE
    assert port.detail


def test_an_ip_address_is_its_own_host_and_gives_no_name(zoo: Zoo, trust: ProbeTrust) -> None:
    endpoint = replace(zoo["ok-address"].endpoint, host="127.0.0.1")
    seen = asyncio.run(prober(trust).look_at("127.0.0.1", [endpoint]))
    assert seen.addresses == ("127.0.0.1",)
    assert seen.ports[0].reach is Reach.OPEN
    assert {one.server_name for one in seen.ports[0].handshakes} == {None}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, HostSeen(HOST, (), exists=False)),
        ({(HOST, "MX"): []}, HostSeen(HOST, ())),
        (
            {(HOST, "A"): DnsProblem("no answer"), (HOST, "AAAA"): DnsProblem("no answer")},
            HostSeen(HOST, (), problem="no answer", unanswered=True),
        ),
    ],
)
def test_a_host_without_addresses_says_why(
    trust: ProbeTrust, known: dict[tuple[str, str], Any], expected: HostSeen
) -> None:
    looking = Prober(FakeResolver(known), trust).look_at(HOST, [])
    assert asyncio.run(looking) == expected


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1", "::ffff:169.254.1.1", "::"]
)
def test_what_is_no_servers_address_is_not_connected_to(trust: ProbeTrust, address: str) -> None:
    family = "AAAA" if ":" in address else "A"
    endpoint = Endpoint(MailProtocol.IMAP, HOST, 993, TlsMode.IMPLICIT)
    looking = Prober(FakeResolver({(HOST, family): [address]}), trust).look_at(HOST, [endpoint])
    seen = asyncio.run(looking)
    assert (seen.addresses, seen.ports, seen.unanswered) == ((), (), False)
    assert address in seen.problem


def test_of_many_addresses_two_of_each_family_are_kept(trust: ProbeTrust) -> None:
    addresses = [f"127.0.0.{last}" for last in range(1, 9)]
    seen = asyncio.run(prober(trust, *addresses).look_at(HOST, []))
    assert seen.addresses == ("127.0.0.1", "127.0.0.2")

"""Which visits are worth a connection, and what follows without one."""

from dataclasses import replace

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.mail.tls_verdict import ChainFault
from mailclad.servers.probe_plan import ROUNDS, SLOW_SECONDS, Further, known, wanted
from mailclad.services.diagnose.facts import HandshakeSeen, PortSeen, Reach, Spoken, Way

MODERN = HandshakeSeen(
    Way.MODERN,
    "mail.test",
    done=True,
    version="TLSv1.3",
    suite="TLS_AES_256_GCM_SHA384",
    chain=(b"leaf",),
    faults=(ChainFault(10, 0),),
)
REFUSED = HandshakeSeen(
    Way.OPEN, "mail.test", done=False, reason="unrecognized name", received_alert=112
)
IMAPS = PortSeen(
    Endpoint(MailProtocol.IMAP, "mail.test", 993, TlsMode.IMPLICIT),
    "192.0.2.1",
    Reach.OPEN,
    spoken=Spoken.IMAP,
    handshakes=(MODERN,),
)
IMAP = replace(
    IMAPS,
    endpoint=Endpoint(MailProtocol.IMAP, "mail.test", 143, TlsMode.STARTTLS),
    upgrade_reply="p1 OK go",
)
SMTP = replace(
    IMAP,
    endpoint=Endpoint(MailProtocol.SMTP, "mail.test", 25, TlsMode.STARTTLS),
    spoken=Spoken.SMTP,
)
INJECTION = Further(Way.MODERN, injects=True)


def ways(port: PortSeen, domain: str = "") -> set[Way]:
    return {one.way for one in ROUNDS if not one.injects and list(wanted(one, [port], domain))}


def unlike_strict(_chain: object) -> tuple[ChainFault, ...]:
    return (ChainFault(85, 0),)


def test_a_modern_handshake_stands_for_four() -> None:
    port = known(IMAPS, unlike_strict)
    found = {one.way: one for one in port.handshakes}
    assert list(found) == [Way.MODERN, Way.OPEN, Way.STRICT, Way.TLS13]
    assert found[Way.OPEN] == replace(MODERN, way=Way.OPEN, faults=())
    assert found[Way.STRICT].faults == (ChainFault(85, 0),)
    assert found[Way.MODERN] is MODERN
    assert known(port, unlike_strict) == port


@pytest.mark.parametrize(
    ("version", "suite", "implied"),
    [
        ("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", {Way.TLS12, Way.ECDSA}),
        ("TLSv1.2", "AES128-SHA", {Way.TLS12, Way.RSA}),
        ("TLSv1.1", "ECDHE-ECDSA-AES256-SHA", {Way.OLD}),
        ("TLSv1", "AES128-SHA", {Way.OLD}),
    ],
)
def test_version_and_suite_tell_more(version: str, suite: str, implied: set[Way]) -> None:
    shown = replace(MODERN, way=Way.OPEN, version=version, suite=suite)
    port = known(replace(IMAPS, handshakes=(shown,)), unlike_strict)
    assert {one.way for one in port.handshakes} == implied | {Way.OPEN}


def test_a_failed_handshake_implies_nothing() -> None:
    port = replace(IMAPS, handshakes=(replace(REFUSED, way=Way.MODERN), REFUSED))
    assert known(port, unlike_strict) == port


def test_one_port_of_each_service_is_visited_again() -> None:
    ports = [IMAPS, IMAP, SMTP, replace(SMTP, address="192.0.2.2")]
    assert list(wanted(Further(Way.OLD), ports, "")) == [0, 2]
    assert list(wanted(INJECTION, ports, "")) == [1, 2]


def test_what_one_port_of_a_service_has_answered_is_not_asked_of_another() -> None:
    both = [known(IMAPS, unlike_strict), IMAP]
    both[0] = replace(both[0], handshakes=(*both[0].handshakes, replace(MODERN, way=Way.ECDSA)))
    assert list(wanted(Further(Way.ECDSA), both, "")) == []
    assert list(wanted(INJECTION, [replace(IMAP, obeys_injected=False), IMAP], "")) == []


def test_every_port_that_refuses_the_name_is_tried_without() -> None:
    refusing = replace(IMAPS, handshakes=(replace(REFUSED, way=Way.MODERN), REFUSED))
    assert list(wanted(Further(Way.NO_NAME), [IMAP, refusing, refusing], "")) == [0, 1, 2]


def test_what_is_worth_asking_of_a_sound_port() -> None:
    usual = {Way.OLD, Way.NO_NAME, Way.TLS12, Way.FOREIGN_ALPN, Way.RSA, Way.ECDSA}
    assert ways(IMAPS) == usual | {Way.ALPN}
    assert ways(SMTP) == usual
    assert ways(SMTP, "mail.test") == usual
    assert ways(SMTP, "example.test") == usual | {Way.DOMAIN}
    assert ways(known(IMAPS, unlike_strict)) == usual | {Way.ALPN}


@pytest.mark.parametrize(
    "port",
    [
        replace(IMAPS, seconds=SLOW_SECONDS + 1),
        replace(IMAP, spoken=Spoken.TLS),
        replace(IMAPS, handshakes=()),
        replace(IMAPS, handshakes=(replace(MODERN, client_certificate_demanded=True),)),
        replace(IMAPS, handshakes=(replace(MODERN, done=False),)),
    ],
)
def test_a_port_that_does_not_work_is_left_alone(port: PortSeen) -> None:
    assert ways(port, "example.test") == set()
    assert not list(wanted(INJECTION, [port], ""))


def test_where_the_name_is_refused_none_is_tried() -> None:
    port = replace(IMAPS, handshakes=(replace(REFUSED, way=Way.MODERN), REFUSED))
    assert ways(port, "example.test") == {Way.NO_NAME}

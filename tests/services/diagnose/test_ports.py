"""What a port does, and what is found wrong with it."""

from dataclasses import replace

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.catalogue import level_of, tell
from mailclad.services.diagnose.facts import HandshakeSeen, HostSeen, PortSeen, Reach, Spoken, Way
from mailclad.services.diagnose.found import Level
from tests.services.diagnose.seen import (
    ADDRESS,
    NOW,
    ask_and_judge,
    endpoint,
    evidence,
    handshake,
    handshakes,
    host,
    port,
    zoo,
)

HOST = "mail.test"
OK = handshakes("ok")

IMAPS = endpoint(HOST)
IMAP = endpoint(HOST, 143, MailProtocol.IMAP, TlsMode.STARTTLS)
POP3 = endpoint(HOST, 110, MailProtocol.POP3, TlsMode.STARTTLS)
SMTP = endpoint(HOST, 25, MailProtocol.SMTP, TlsMode.STARTTLS)
SUBMISSIONS = endpoint(HOST, 465, MailProtocol.SUBMISSION)
SUBMISSION = endpoint(HOST, 587, MailProtocol.SUBMISSION, TlsMode.STARTTLS)
SIEVE = endpoint(HOST, 4190, MailProtocol.SIEVE, TlsMode.STARTTLS)

SAFE_IMAP = ("IMAP4REV1", "STARTTLS", "LOGINDISABLED")


def clear(at: Endpoint, greeting: bytes, spoken: Spoken, **changes: object) -> PortSeen:
    facts = {"greeting": greeting, "spoken": spoken, "handshakes": OK, **changes}
    return port(at=at, **facts)  # type: ignore[arg-type]


def imap(offers: tuple[str, ...] = SAFE_IMAP, **changes: object) -> PortSeen:
    facts = {"offers_clear": offers, "upgrade_reply": "p1 OK", **changes}
    return clear(IMAP, b"* OK ready\r\n", Spoken.IMAP, **facts)


def smtp(
    at: Endpoint = SMTP, offers: tuple[str, ...] = ("STARTTLS",), **changes: object
) -> PortSeen:
    facts = {"offers_clear": offers, "upgrade_reply": "220 go on", **changes}
    return clear(at, b"220 mail.test ESMTP\r\n", Spoken.SMTP, **facts)


def failed(way: Way = Way.MODERN, **changes: object) -> HandshakeSeen:
    return HandshakeSeen(way, HOST, done=False, **changes)  # type: ignore[arg-type]


def imaps(*shakes: HandshakeSeen, **changes: object) -> PortSeen:
    return port(handshakes=shakes, **changes)  # type: ignore[arg-type]


def ok(way: Way, **changes: object) -> HandshakeSeen:
    return handshake(way, zoo().certificates["ok"], **changes)


def shut(at: Endpoint, reach: Reach, address: str = ADDRESS) -> PortSeen:
    return PortSeen(at, address, reach, seconds=4.0)


def other(way: Way, name: str = "hostname-mismatch") -> HandshakeSeen:
    return handshake(way, zoo().certificates[name])


RC4 = "TLS_RSA_WITH_RC4_128_SHA"
CBC = "TLS_RSA_WITH_AES_128_CBC_SHA"

PORTS: dict[str, tuple[PortSeen, list[str]]] = {
    "implicit": (imaps(*OK), []),
    "starttls": (imap(), []),
    "smtp": (smtp(), []),
    "submission": (smtp(SUBMISSION), []),
    "sieve": (
        clear(SIEVE, b'"SIEVE" "fileinto"\r\n', Spoken.SIEVE, offers_clear=("SIEVE", "STARTTLS")),
        [],
    ),
    "greets under TLS": (imaps(*OK, greeting=b"* OK ready\r\n", spoken=Spoken.IMAP), []),
    # --- not a mail server, or not now ---
    "a web page": (imaps(failed(), spoken=Spoken.HTTP, greeting=b"HTTP/1.1 400"), ["CONN-104"]),
    "a web page under TLS": (imaps(*OK, spoken=Spoken.HTTP, greeting=b"HTTP/1.1"), ["CONN-104"]),
    "SSH": (clear(IMAP, b"SSH-2.0-x", Spoken.SSH, handshakes=()), ["CONN-104"]),
    "POP3 for IMAP": (clear(IMAP, b"+OK", Spoken.POP3, handshakes=()), ["CONN-104"]),
    "SMTP on 993": (imaps(failed(), spoken=Spoken.SMTP, greeting=b"220 x"), ["CONN-104"]),
    "421": (
        clear(SMTP, b"421 later", Spoken.SMTP, handshakes=(), detail="it ended the connection"),
        ["CONN-108"],
    ),
    "554": (clear(SUBMISSION, b"554 no", Spoken.SMTP, handshakes=()), ["CONN-108"]),
    "BYE": (clear(IMAP, b"* BYE later", Spoken.IMAP, handshakes=()), ["CONN-108"]),
    "-ERR": (clear(POP3, b"-ERR later", Spoken.POP3, handshakes=()), ["CONN-108"]),
    "ended at once": (shut(IMAPS, Reach.RESET), ["CONN-108"]),
    "silent": (
        clear(SUBMISSION, b"", Spoken.NOTHING, handshakes=(), detail="no answer in time"),
        ["TLS-408"],
    ),
    "an endless greeting": (
        clear(SMTP, b"220 x", Spoken.SMTP, handshakes=(), detail="a line that does not end"),
        ["TLS-408"],
    ),
    # --- the wrong way to TLS ---
    "words on 993": (imaps(failed(), spoken=Spoken.IMAP, greeting=b"* OK"), ["MODE-202"]),
    "TLS on 143": (clear(IMAP, b"", Spoken.TLS), ["MODE-201"]),
    "no STARTTLS": (imap(("IMAP4REV1",), handshakes=(), upgrade_reply=""), ["MODE-203"]),
    "STARTTLS refused": (
        smtp(handshakes=(), upgrade_reply="454 no TLS", detail="it ended the connection"),
        ["MODE-203"],
    ),
    "PREAUTH": (
        clear(IMAP, b"* PREAUTH hello", Spoken.IMAP, handshakes=()),
        ["MODE-203"],
    ),
    "overwritten": (
        smtp(offers=("PIPELINING", "XXXXXXXA"), handshakes=(), upgrade_reply=""),
        ["MODE-205"],
    ),
    # --- passwords in clear ---
    "AUTH before TLS": (smtp(SUBMISSION, ("STARTTLS", "AUTH=PLAIN", "AUTH=LOGIN")), ["MODE-204"]),
    "LOGIN before TLS": (imap(("IMAP4REV1", "STARTTLS")), ["MODE-204"]),
    "USER before TLS": (
        clear(POP3, b"+OK", Spoken.POP3, offers_clear=("STARTTLS", "USER")),
        ["MODE-204"],
    ),
    "obeys": (imap(obeys_injected=True), ["MODE-207"]),
    "does not obey": (imap(obeys_injected=False), []),
    # --- versions and suites ---
    "TLS 1.0 only": (imaps(failed(received_alert=70), ok(Way.OPEN, version="TLSv1")), ["TLS-401"]),
    "TLS 1.0 too": (imaps(*OK, ok(Way.OLD, version="TLSv1.1")), ["TLS-402"]),
    "TLS 1.2 only": (imaps(*OK, failed(Way.TLS13, received_alert=70)), []),
    "no suite": (
        imaps(failed(received_alert=40), failed(Way.OPEN, received_alert=40)),
        ["TLS-403"],
    ),
    "no version": (imaps(failed(received_alert=70)), ["TLS-403"]),
    "a weak suite": (
        imaps(failed(received_alert=40), ok(Way.OPEN, version="TLSv1.2", suite=RC4)),
        ["TLS-403"],
    ),
    "weak Diffie-Hellman": (
        imaps(failed(reason="dh key too small"), ok(Way.OPEN, version="TLSv1.2")),
        ["TLS-403"],
    ),
    "no forward secrecy": (
        imaps(*(ok(way, version="TLSv1.2", suite=CBC) for way in (Way.MODERN, Way.OPEN))),
        ["TLS-404"],
    ),
    "forward secrecy": (
        imaps(ok(Way.MODERN, version="TLSv1.2", suite="ECDHE-RSA-AES128-SHA")),
        [],
    ),
    "RSA programs are refused": (imaps(*OK, failed(Way.RSA, received_alert=40)), []),
    # --- names, ALPN, personal certificates ---
    "another without a name": (imaps(*OK, other(Way.NO_NAME)), ["TLS-405"]),
    "the same without a name": (imaps(*OK, ok(Way.NO_NAME)), []),
    "another that fits": (imaps(*OK, other(Way.NO_NAME, "ok-rsa")), []),
    "nothing without a name": (imaps(*OK, failed(Way.NO_NAME, received_alert=112)), ["TLS-405"]),
    "no time without a name": (imaps(*OK, failed(Way.NO_NAME, silent=True)), []),
    "the name is not known": (imaps(failed(received_alert=112), other(Way.NO_NAME)), ["TLS-405"]),
    "the name is refused": (imaps(failed(received_alert=40), other(Way.NO_NAME)), ["TLS-405"]),
    "foreign ALPN": (imaps(*OK, ok(Way.FOREIGN_ALPN, alpn="http/1.1")), ["TLS-406"]),
    "ALPN is ignored": (imaps(*OK, ok(Way.FOREIGN_ALPN)), []),
    "foreign ALPN is refused": (imaps(*OK, failed(Way.FOREIGN_ALPN, received_alert=120)), []),
    "ALPN is refused": (imaps(*OK, failed(Way.ALPN, received_alert=120)), ["TLS-406"]),
    "wants a personal one": (
        imaps(ok(Way.MODERN, client_certificate_demanded=True)),
        ["TLS-407"],
    ),
    "wants one under TLS 1.2": (
        imaps(failed(received_alert=40, client_certificate_demanded=True)),
        ["TLS-407"],
    ),
    "closes": (imaps(failed(reason="unexpected eof")), ["TLS-408"]),
    "says nothing": (imaps(failed(silent=True), detail="no answer in time"), ["TLS-408"]),
}


def test_a_port_that_ends_at_once_beside_one_that_talks_cannot_begin_tls() -> None:
    found = ask_and_judge(evidence(host(shut(SUBMISSIONS, Reach.RESET), smtp(SUBMISSION))))
    assert [(one.id, one.endpoint) for one in found] == [("TLS-408", SUBMISSIONS)]


def test_a_port_that_ends_at_once_beside_another_service_turns_us_away() -> None:
    found = ask_and_judge(evidence(host(shut(SUBMISSIONS, Reach.RESET), imap())))
    assert [one.id for one in found] == ["CONN-108"]


@pytest.mark.parametrize("name", PORTS)
def test_a_port_gives_just_its_findings(name: str) -> None:
    seen, expected = PORTS[name]
    assert [one.id for one in ask_and_judge(evidence(host(seen)))] == expected


def test_a_host_that_nobody_knows() -> None:
    nowhere = HostSeen("mial.test", (), problem="no answer", exists=False)
    (found,) = ask_and_judge(evidence(nowhere, known_hosts=("mail.test", "imap.example")))
    assert found.id == "CONN-101"
    assert found.values["suggestion"] == "mail.test"


def test_a_host_without_a_near_name_gets_no_suggestion() -> None:
    (found,) = ask_and_judge(evidence(HostSeen("x.test", ()), known_hosts=("mail.example",)))
    assert found.values == {"problem": "it has no address", "suggestion": ""}


def test_a_host_that_drops_everything_is_told_once() -> None:
    ports = [shut(one, Reach.SILENT) for one in (IMAPS, IMAP, SUBMISSIONS, SUBMISSION, SMTP)]
    (found,) = ask_and_judge(evidence(host(*ports)))
    assert (found.id, found.values) == ("CONN-103", {"seconds": "4"})
    assert len(found.also) == 4


def test_a_closed_port_is_a_fault_only_if_it_is_promised() -> None:
    seen = host(port(at=SUBMISSIONS), shut(IMAPS, Reach.REFUSED))
    assert ask_and_judge(evidence(seen)) == ()
    (found,) = ask_and_judge(evidence(seen, promised=(IMAPS,)))
    assert (found.id, found.endpoint) == ("CONN-102", IMAPS)


def test_ipv6_that_does_not_answer() -> None:
    seen = host(port(), shut(IMAPS, Reach.SILENT, "2001:db8::1"))
    (found,) = ask_and_judge(evidence(seen))
    assert found.id == "CONN-105"
    assert found.values == {"address4": ADDRESS, "address6": "2001:db8::1"}


def test_a_network_without_ipv6_says_nothing_of_the_server() -> None:
    seen = host(port(), shut(IMAPS, Reach.UNREACHABLE, "2001:db8::1"))
    assert ask_and_judge(evidence(seen, promised=(IMAPS,))) == ()


def test_one_of_two_addresses_that_is_shut() -> None:
    (found,) = ask_and_judge(evidence(host(port(), shut(IMAPS, Reach.REFUSED, "192.0.2.2"))))
    assert found.id == "CONN-107"
    assert found.values["differing"] == "192.0.2.1: open; 192.0.2.2: refused"


def test_a_silent_port_25_beside_open_ports_is_not_the_servers_fault_for_sure() -> None:
    seen = host(port(), shut(SMTP, Reach.SILENT))
    (found,) = ask_and_judge(evidence(seen, promised=(SMTP,)))
    assert (found.id, found.level) == ("CONN-103", Level.CANNOT_CHECK)


def test_no_way_from_here_is_not_the_servers_fault() -> None:
    """No IPv6 here, and a server that has nothing else."""
    there = [shut(one, Reach.UNREACHABLE, "2001:db8::1") for one in (IMAPS, SUBMISSIONS)]
    (found,) = ask_and_judge(evidence(host(*there), promised=(IMAPS, SUBMISSIONS)))
    assert (found.id, level_of(found)) == ("CONN-110", Level.CANNOT_CHECK)


def test_where_one_family_has_no_way_the_other_counts() -> None:
    there = shut(IMAPS, Reach.UNREACHABLE, "2001:db8::1")
    (found,) = ask_and_judge(evidence(host(there, shut(IMAPS, Reach.SILENT))))
    assert (found.id, found.also) == ("CONN-103", ())


def test_a_firewall_that_calls_one_port_unreachable_refuses_it() -> None:
    seen = host(port(), shut(SUBMISSIONS, Reach.UNREACHABLE))
    (found,) = ask_and_judge(evidence(seen, promised=(SUBMISSIONS,)))
    assert (found.id, found.endpoint) == ("CONN-102", SUBMISSIONS)


def test_port_25_may_let_strangers_wait_longer_than_we_do() -> None:
    silent = clear(SMTP, b"", Spoken.NOTHING, handshakes=(), detail="no answer in time")
    (found,) = ask_and_judge(evidence(host(silent)))
    assert (found.id, found.level) == ("CONN-103", Level.CANNOT_CHECK)


def test_a_network_that_lets_nothing_out_to_port_25_is_told_once() -> None:
    hosts = [
        HostSeen(name, (ADDRESS,), ports=(shut(replace(SMTP, host=name), Reach.SILENT),))
        for name in ("mx1.test", "mx2.example", "mx3.example")
    ]
    (found,) = ask_and_judge(evidence(*hosts))
    assert (found.id, found.level, len(found.also)) == ("CONN-103", Level.CANNOT_CHECK, 2)


def test_a_name_that_nobody_looked_up_may_exist() -> None:
    nowhere = HostSeen("mial.test", (), problem="no answer", unanswered=True)
    (found,) = ask_and_judge(evidence(nowhere, known_hosts=("mail.test",)))
    assert (found.id, found.values) == ("CONN-109", {"problem": "no answer"})
    assert level_of(found) is Level.CANNOT_CHECK


def test_a_home_is_turned_away_by_right_where_servers_talk_to_servers() -> None:
    seen = clear(SMTP, b"554 5.7.1 your address is dynamic\r\n", Spoken.SMTP, handshakes=())
    (found,) = ask_and_judge(evidence(host(seen)))
    assert (found.id, found.level) == ("CONN-108", Level.CANNOT_CHECK)
    (told,) = tell([found], NOW)
    assert told.saw.endswith("It said: “554 5.7.1 your address is dynamic”.")


def test_a_captive_portal_is_the_only_finding() -> None:
    seen = host(port("self-signed-leaf"), shut(SMTP, Reach.SILENT))
    (found,) = ask_and_judge(evidence(seen, portal="portal.hotel.example"))
    assert found.id == "CONN-104"


def test_starttls_at_one_address_only_was_removed_on_the_way() -> None:
    without = imap(("IMAP4REV1",), handshakes=(), upgrade_reply="")
    elsewhere = imap(address="192.0.2.2")
    (found,) = ask_and_judge(evidence(host(without, elsewhere)))
    assert found.id == "MODE-205"
    assert "192.0.2.2" in found.values["seen_elsewhere"]


def test_a_port_without_starttls_names_the_one_with_tls() -> None:
    without = imap(("IMAP4REV1",), handshakes=(), upgrade_reply="")
    (found,) = ask_and_judge(evidence(host(without, port())))
    assert found.values == {
        "kind": "missing",
        "other_port": "993",
        "other_tls": "encrypted from the first byte",
        "reply": "",
    }


def test_mechanisms_that_keep_the_password_are_milder() -> None:
    seen = smtp(SUBMISSION, ("STARTTLS", "AUTH=SCRAM-SHA-256"))
    (found,) = ask_and_judge(evidence(host(seen)))
    assert (found.id, found.level) == ("MODE-204", Level.WATCH)


def test_old_ports_are_told_of_our_own_server_only() -> None:
    assert ask_and_judge(evidence(host(imap()))) == ()
    (found,) = ask_and_judge(evidence(host(imap()), own=True))
    assert found.id == "MODE-206"


def test_one_fault_on_many_ports_is_one_finding() -> None:
    expired = handshakes("expired")
    ports = [
        one
        for address in (ADDRESS, "2001:db8::1")
        for one in (
            smtp(handshakes=expired, address=address),
            port("expired", IMAPS, address),
            port("expired", SUBMISSIONS, address),
        )
    ]
    (found,) = ask_and_judge(evidence(host(*ports)))
    assert (found.id, found.endpoint) == ("CERT-301", IMAPS)
    assert len(found.also) == 5

"""The right name is told only if it was looked at; kinds of wrong ones; our clock."""

from datetime import timedelta

import pytest

from mailclad.mail.tls_verdict import ChainFault
from mailclad.services.diagnose.evidence import Answers, Candidate, ClockSeen, Evidence, FileSeen
from mailclad.services.diagnose.facts import HostSeen, Way
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.judge import judge, questions
from mailclad.services.diagnose.rules.reach import edit_distance
from tests.services.diagnose.seen import (
    ADDRESS,
    NOW,
    ask_and_judge,
    endpoint,
    evidence,
    handshake,
    host,
    port,
    zoo,
    zoo_verifiers,
)


def _judged(asked: Evidence, *candidates: HostSeen) -> tuple[Found, ...]:
    answers = Answers(candidates={one.host: one for one in candidates})
    return judge(asked, answers, zoo_verifiers())


OTHER = evidence(host(port("hostname-mismatch")))


def test_the_name_in_the_certificate_is_asked_for() -> None:
    asked = questions(OTHER, Answers(), zoo_verifiers())
    assert asked.candidates == (Candidate("other.test", ADDRESS, endpoint("mail.test")),)
    assert not asked.issuers


def test_a_name_that_was_looked_at_is_not_asked_for_again() -> None:
    answers = Answers(candidates={"other.test": HostSeen("other.test", ())})
    assert not questions(OTHER, answers, zoo_verifiers())


def test_a_name_that_leads_to_the_same_machine_and_its_good_certificate_is_the_remedy() -> None:
    right = host(port("hostname-mismatch", endpoint("other.test")), name="other.test")
    (found,) = _judged(OTHER, right)
    assert (found.rule, found.values["remedy_name"]) == ("C07a", "other.test")
    assert found.values["kind"] == "provider"


def test_a_name_that_leads_elsewhere_is_no_remedy() -> None:
    seen = port("hostname-mismatch", endpoint("other.test"), "192.0.2.9")
    (found,) = _judged(OTHER, host(seen, name="other.test"))
    assert found.values["remedy_name"] == ""


def test_a_name_with_a_bad_certificate_is_no_remedy() -> None:
    seen = port("self-signed-leaf", endpoint("other.test"))
    (found,) = _judged(OTHER, host(seen, name="other.test"))
    assert found.values["remedy_name"] == ""


def test_a_name_with_another_certificate_is_no_remedy() -> None:
    seen = port("ok", endpoint("other.test"))
    (found,) = _judged(OTHER, host(seen, name="other.test"))
    assert found.values["remedy_name"] == ""


def test_what_the_server_calls_itself_is_tried_behind_a_wildcard() -> None:
    seen = port("provider-wildcard", greeting=b"* OK [CAPABILITY] imap7.provider.test ready\r\n")
    asked = questions(evidence(host(seen)), Answers(), zoo_verifiers())
    assert [one.name for one in asked.candidates] == ["imap7.provider.test"]


def test_few_names_of_many_are_tried() -> None:
    seen = port("ok-many-names", endpoint("elsewhere.test"))
    asked = questions(evidence(host(seen)), Answers(), zoo_verifiers())
    assert len(asked.candidates) == 3


def test_a_self_signed_certificate_suggests_no_name() -> None:
    seen = evidence(host(port("self-signed-other-name")))
    assert not questions(seen, Answers(), zoo_verifiers())


def test_names_that_only_programs_ask_for_are_told_together() -> None:
    hosts = [
        host(port("set-up-name", endpoint(f"{label}.example.test")))
        for label in ("autoconfig", "mta-sts")
    ]
    (found,) = ask_and_judge(evidence(*hosts))
    assert found.id == "CERT-315"
    assert found.values["missing_names"] == "autoconfig.example.test, mta-sts.example.test"


# --- our clock ---


def _with_clock(name: str, offset: timedelta, witnesses: int = 3) -> tuple[Found, ...]:
    """Our clock is behind by this much."""
    here = NOW - offset
    clocks = tuple(ClockSeen(f"{one}.example", NOW, here) for one in range(witnesses))
    return ask_and_judge(Evidence((host(port(name)),), now=here, clocks=clocks))


def test_a_certificate_that_only_our_clock_calls_early() -> None:
    found = _with_clock("ok", timedelta(days=30))
    assert [(one.rule, one.id) for one in found] == [("C05", "CERT-306"), ("C06", "HOST-804")]
    assert found[1].values == {"offset": "30 days behind"}


def test_a_certificate_that_only_our_clock_calls_ended() -> None:
    found = _with_clock("ok", timedelta(days=-90))
    assert [one.rule for one in found] == ["C05", "C06"]
    assert found[1].values == {"offset": "90 days ahead"}


@pytest.mark.parametrize("code", [9, 10])
def test_what_openssl_says_by_our_wrong_clock_is_not_told_again(code: int) -> None:
    offset = timedelta(days=30 if code == 9 else -90)
    clocks = tuple(ClockSeen(f"{one}.example", NOW, NOW - offset) for one in range(2))
    shake = handshake(Way.MODERN, zoo().certificates["ok"], faults=(ChainFault(code, 0),))
    seen = Evidence((host(port(handshakes=(shake,))),), now=NOW - offset, clocks=clocks)
    assert [one.rule for one in ask_and_judge(seen)] == ["C05", "C06"]


def test_one_witness_is_not_believed() -> None:
    (found,) = _with_clock("ok", timedelta(days=30), witnesses=1)
    assert found.rule == "C05b"


def test_a_witness_that_a_person_named_is_believed_alone() -> None:
    here = NOW - timedelta(days=30)
    named = ClockSeen("named.example", NOW, here, named=True)
    other = ClockSeen("other.example", here, here)
    seen = Evidence((host(port("ok")),), now=here, clocks=(other, named))
    assert [one.rule for one in ask_and_judge(seen)] == ["C05", "C06"]


def test_a_minute_does_not_matter() -> None:
    assert _with_clock("ok", timedelta(seconds=50)) == ()


def test_witnesses_that_contradict_each_other_are_not_believed() -> None:
    clocks = tuple(
        ClockSeen(f"{days}.example", NOW + timedelta(days=days), NOW) for days in (10, 50, 90)
    )
    assert ask_and_judge(evidence(host(port()), clocks=clocks)) == ()


# --- the same everywhere ---


def test_a_port_that_was_forgotten_when_others_were_renewed() -> None:
    seen = host(port(), port("expired", endpoint("mail.test", 465)))
    (found,) = ask_and_judge(evidence(seen))
    assert (found.id, found.level, found.values["ports"]) == ("CERT-309", Level.PROBLEM, "465")
    assert "port 993: certificate until" in found.values["differing"]


def test_a_port_whose_certificate_ends_soon_is_only_to_be_watched() -> None:
    seen = host(port(), port("ends-soon", endpoint("mail.test", 465)))
    (found,) = ask_and_judge(evidence(seen))
    assert (found.id, found.level) == ("CERT-309", None)


def test_an_address_that_was_forgotten() -> None:
    seen = host(port(), port("expired", address="2001:db8::1"))
    (found,) = ask_and_judge(evidence(seen))
    assert (found.id, found.address) == ("CONN-107", "2001:db8::1")


def test_two_good_certificates_are_nobodys_business() -> None:
    assert ask_and_judge(evidence(host(port(), port("ok-crl", endpoint("mail.test", 465))))) == ()


def test_another_kind_of_key_is_no_renewal() -> None:
    seen = host(port("ok-rsa"), port("expired", endpoint("mail.test", 465)))
    (found,) = ask_and_judge(evidence(seen))
    assert found.id == "CERT-301"


def test_a_newer_certificate_on_the_disk() -> None:
    file = FileSeen("/etc/mail.pem", zoo().certificates["ok"].chain)
    (found,) = ask_and_judge(evidence(host(port("expired")), files=(file,)))
    assert (found.id, found.values["file"]) == ("CERT-308", "/etc/mail.pem")


def test_the_same_certificate_on_the_disk() -> None:
    file = FileSeen("/etc/mail.pem", zoo().certificates["ok"].chain)
    assert ask_and_judge(evidence(host(port()), files=(file,))) == ()


# --- names that are nearly right ---


def test_edit_distance() -> None:
    assert edit_distance("imap.gmail.com", "imap.gmail.com") == 0
    assert edit_distance("imap.gmial.com", "imap.gmail.com") == 2
    assert edit_distance("imap.gmal.com", "imap.gmail.com") == 1
    assert edit_distance("a", "imap.gmail.com") > 2

"""A finding is told with its values, whatever strangers put into them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.catalogue import entries, level_of, misfits, tell
from mailclad.services.diagnose.filling import PASTED_CHARACTERS, VALUE_CHARACTERS
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.place import HOSTS_SHOWN
from mailclad.services.diagnose.told import Told

NOW = datetime(2026, 11, 30, 22, tzinfo=UTC)
HOST = "mail.example.net"
IMAPS = Endpoint(MailProtocol.IMAP, HOST, 993, TlsMode.IMPLICIT)
SUBMISSION = Endpoint(MailProtocol.SUBMISSION, HOST, 587, TlsMode.STARTTLS)
SMTP = Endpoint(MailProtocol.SMTP, HOST, 25, TlsMode.STARTTLS)
NAMES = {"names": "www.example.net", "remedy_name": "", "kind": "sibling"}


def wrong_name(endpoint: Endpoint = IMAPS, **values: str) -> Found:
    return Found("CERT-302", "C07", HOST, "192.0.2.1", endpoint, values=NAMES | values)


def told(found: Found) -> Told:
    (one,) = tell([found], NOW)
    return one


def test_facts_come_with_place_and_values() -> None:
    one = told(wrong_name())
    assert one.where == "mail.example.net (port 993)"
    assert one.saw == (
        "mail.example.net (port 993) showed a certificate for www.example.net."
        " None of these names is mail.example.net."
    )


def test_a_remedy_that_was_not_verified_is_not_told() -> None:
    assert not any("same machine" in text for text in told(wrong_name()).do_user)
    verified = told(wrong_name(remedy_name="mx.provider.example"))
    assert verified.do_user[0].startswith("Put mx.provider.example as server name")


def test_the_words_follow_the_kind() -> None:
    assert "number" in told(wrong_name(kind="ip")).means
    assert "hosting provider" in told(wrong_name(kind="provider")).means


def test_dates_are_told_in_full() -> None:
    values = {"ends": "2026-12-09T10:00:00Z", "left_percent": "14"}
    one = told(Found("CERT-307", "C04", HOST, "192.0.2.1", IMAPS, values=values))
    assert "ends on 9 December 2026, in 8 days. 14 % of its life is left." in one.saw


@pytest.mark.parametrize(
    ("ends", "left"),
    [("2026-12-01T17:59:00Z", "19 hours"), ("2026-11-30T23:00:00Z", "1 hour")],
)
def test_what_ends_within_two_days_is_counted_in_hours(ends: str, left: str) -> None:
    values = {"ends": ends, "left_percent": "1"}
    assert f", in {left}." in told(Found("CERT-307", "C04", HOST, values=values)).saw


def test_a_moment_is_told_with_its_hour_where_that_matters() -> None:
    values = {"until": "2026-12-02T14:05:00Z", "limit": "5 in 7 days"}
    assert (
        "before 2 December 2026, 14:05 UTC." in told(Found("ACME-433", "C37", values=values)).saw
    )


def test_what_only_looks_like_a_date_stays() -> None:
    values = {"ends": "2026-02-31T10:00:00Z", "left_percent": "14"}
    assert "2026-02-31T10:00:00Z" in told(Found("CERT-307", "C04", HOST, values=values)).saw


def test_one_cause_at_several_ports_is_told_once() -> None:
    found = wrong_name()
    also = (("192.0.2.1", SUBMISSION), ("2001:db8::1", IMAPS))
    one = told(Found("CERT-302", "C07", HOST, "192.0.2.1", IMAPS, values=found.values, also=also))
    assert one.where == "mail.example.net (ports 587 and 993)"


def test_not_more_hosts_are_named_than_one_can_read() -> None:
    also = tuple(
        ("192.0.2.1", Endpoint(MailProtocol.IMAP, f"m{number}.example.net", 993, TlsMode.IMPLICIT))
        for number in range(HOSTS_SHOWN + 5)
    )
    found = Found("CERT-302", "C07", HOST, "192.0.2.1", IMAPS, values=NAMES, also=also)
    assert told(found).where.endswith("m0.example.net (port 993) and 7 more")


def test_a_level_is_the_rules_or_the_services_or_the_values_or_the_entrys() -> None:
    assert level_of(wrong_name()) is Level.PROBLEM
    assert level_of(wrong_name(SMTP)) is Level.NOTE
    assert level_of(Found("CERT-302", "C07", endpoint=SMTP, level=Level.WATCH)) is Level.WATCH
    chain = {"what": "reversed"}
    assert level_of(Found("CERT-316", "C12", values=chain)) is Level.WATCH
    assert (
        level_of(Found("CERT-316", "C13", values={"what": "1 that is not needed"})) is Level.NOTE
    )


def test_what_could_not_be_checked_names_what_comes_first() -> None:
    one = told(Found("CERT-302", "C07", HOST, level=Level.CANNOT_CHECK))
    assert (one.level, one.title) == (Level.CANNOT_CHECK, "The certificate is for another name")
    assert "CONN-102 (The machine is there, but nothing listens on this port)" in one.saw


def test_the_command_is_for_the_port_where_it_was_seen() -> None:
    assert told(wrong_name(SUBMISSION)).verify == (
        "openssl s_client -connect mail.example.net:587 -starttls smtp"
        " -servername mail.example.net -verify_hostname mail.example.net -verify_return_error"
        " </dev/null"
    )


def test_an_ipv6_address_gets_its_brackets() -> None:
    endpoint = Endpoint(MailProtocol.IMAP, "2001:db8::1", 993, TlsMode.IMPLICIT)
    found = Found("CERT-302", "C07", "2001:db8::1", "2001:db8::1", endpoint, values=NAMES)
    assert "-connect '[2001:db8::1]:993'" in told(found).verify


@pytest.mark.parametrize(
    "host", ["$(reboot)", "a;reboot", "a`reboot`", "a b", "a'b", "a\nreboot", "a|b", "~root"]
)
def test_a_strangers_name_is_one_word_of_the_command(host: str) -> None:
    endpoint = Endpoint(MailProtocol.IMAP, host, 993, TlsMode.IMPLICIT)
    command = told(Found("CONN-102", "", host, "192.0.2.1", endpoint)).verify
    quoted = host.replace("\n", "�").replace("'", "'\"'\"'")
    assert command == f"nc -vz '{quoted}' 993"


def test_a_strangers_name_is_no_option_of_the_command() -> None:
    endpoint = Endpoint(MailProtocol.IMAP, "-e/bin/sh", 993, TlsMode.IMPLICIT)
    one = told(Found("CONN-102", "", "-e/bin/sh", "192.0.2.1", endpoint))
    assert one.verify == ""
    assert one.verify_good == ""


def test_what_a_terminal_would_obey_is_not_told() -> None:
    one = told(wrong_name(names="a\x1b[2J\r\nb\u202ec\u2066d\x9be"))
    assert "certificate for a�[2J��b�c�d�e." in one.saw


def test_braces_in_a_value_are_only_text() -> None:
    assert "for {host}{0.__class__}." in told(wrong_name(names="{host}{0.__class__}")).saw


def test_a_value_is_cut() -> None:
    one = told(wrong_name(names="x" * 10_000))
    assert f"{'x' * (VALUE_CHARACTERS - 1)}…" in one.saw
    assert "x" * VALUE_CHARACTERS not in one.saw


def test_a_certificate_to_paste_keeps_its_lines() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\x1b\n-----END CERTIFICATE-----\n"
    values = {"missing": "R12", "pem": pem, "how": "aia"}
    one = told(Found("CERT-304", "C11", HOST, endpoint=IMAPS, values=values))
    assert one.paste == "-----BEGIN CERTIFICATE-----\nMIIB�\n-----END CERTIFICATE-----"
    long = told(Found("CERT-304", "C11", values=values | {"pem": "MIIB\n" * 10_000}))
    assert len(long.paste) <= PASTED_CHARACTERS < 50_000


def test_a_rule_that_gives_other_values_is_caught() -> None:
    assert list(misfits(wrong_name())) == []
    wrong = Found("CERT-302", "C07", values={"names": "", "kind": "ip", "more": "x"})
    assert sorted(misfits(wrong)) == [
        "CERT-302 by C07: more is not among the entry's values",
        "CERT-302 by C07: names is empty",
        "CERT-302 by C07: remedy_name is missing",
    ]


@pytest.mark.slow
@given(
    st.sampled_from(sorted(entries())),
    st.text(max_size=40),
    st.sampled_from([None, IMAPS, SMTP]),
    st.booleans(),
)
def test_every_entry_is_told_with_any_values(
    name: str, value: str, endpoint: Endpoint | None, given_all: bool
) -> None:
    """Even those that a rule forgot: a report must not fail over one sentence."""
    values = dict.fromkeys(entries()[name].values, value) if given_all else {}
    one = told(Found(name, "", value, value, endpoint, values=values))
    for text in (one.where, one.saw, one.means, one.risk, *one.do_user, *one.do_admin, one.verify):
        assert text.isprintable()


def test_a_sentence_that_ends_in_one_ends_once() -> None:
    for problem, end in (
        ("is it on?", "is it on?"),
        ("it is off.", "it is off."),
        ("off", "off."),
    ):
        (told,) = tell([Found("CONN-101", "C42", "a.test", values={"problem": problem})], NOW)
        assert told.saw.endswith(end)

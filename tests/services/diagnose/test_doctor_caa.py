"""CAA records that name our authority, and another account or way than ours (RFC 8657)."""

from dataclasses import replace

import pytest

from mailclad.base.resolver import Caa
from mailclad.services.diagnose.catalogue import misfits, tell
from mailclad.services.diagnose.doctor_caa import Customer, judge_caa
from mailclad.services.diagnose.facts import Asked
from mailclad.services.diagnose.found import Found, Level
from tests.services.diagnose.test_doctor_rules import NOW

OURS = "https://ca.test/acct/1"
HTTP = ("http-01", "tls-alpn-01")
US = Customer("ca", frozenset({"ca.test", "other-name.test"}), OURS, HTTP)


def judged(
    *values: str, name: str = "mail.example.net", tag: str = "issue", us: Customer = US
) -> list[Found]:
    records = tuple(Caa(0, tag, value.encode()) for value in values)
    found = list(judge_caa({name: Asked("example.net", records)}, [us]))
    assert [text for one in found for text in misfits(one)] == []
    return found


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("ca.test",),
        ("CA.test ; accounturi=https://ca.test/acct/1",),
        ("ca.test;AccountURI = https://ca.test/acct/1; validationmethods=dns-01,http-01",),
        ("ca.test; accounturi=https://ca.test/acct/2", "other-name.test"),
        ("ca.test; policy=ev",),
        ("ca.test;",),
        ("stranger.test; accounturi=https://ca.test/acct/2",),
        (";",),
    ],
)
def test_records_that_permit_us_or_are_not_about_us(values: tuple[str, ...]) -> None:
    assert judged(*values) == []


@pytest.mark.parametrize(
    ("value", "why", "record"),
    [
        (
            "ca.test; accounturi=https://ca.test/acct/2; policy=ev",
            "names another account (https://ca.test/acct/2)",
            f"ca.test; accounturi={OURS}; policy=ev",
        ),
        (
            "ca.test; accounturi=HTTPS://ca.test/acct/1",
            "names another account (HTTPS://ca.test/acct/1)",
            f"ca.test; accounturi={OURS}",
        ),
        (
            f"ca.test; accounturi={OURS}; validationmethods=dns-01",
            "allows dns-01, and this server proves names by http-01, tls-alpn-01",
            f"ca.test; accounturi={OURS}; validationmethods=dns-01,http-01",
        ),
        (
            "ca.test; validationmethods=",
            "allows no way at all, and this server proves names by http-01, tls-alpn-01",
            "ca.test; validationmethods=http-01",
        ),
        (
            f"ca.test; accounturi={OURS}; accounturi={OURS}",
            "says accounturi or validationmethods twice, which permits nobody",
            f"ca.test; accounturi={OURS}",
        ),
        (
            "ca.test; accounturi",
            "has something after the authority's name that no authority can read",
            "ca.test",
        ),
    ],
)
def test_records_that_forbid_us(value: str, why: str, record: str) -> None:
    (found,) = judged(value)
    assert (found.id, found.level) == ("ACME-434", Level.WATCH)
    assert found.values["why"] == f"the CAA record of example.net {why}"
    assert found.values["record"] == f'example.net. IN CAA 0 issue "{record}"'


def test_an_account_that_we_have_not_cannot_be_named() -> None:
    us = Customer("ca", US.identities, "", HTTP)
    (found,) = judged(f"ca.test; accounturi={OURS}", us=us)
    assert "this server has none at ca yet" in found.values["why"]
    assert found.values["record"] == ""
    (told,) = tell([found], NOW)
    assert told.paste == ""


def test_of_wildcards_their_own_records_count() -> None:
    other = "ca.test; accounturi=https://ca.test/acct/2"
    assert judged(other, name="mail.example.net", tag="issuewild") == []
    (found,) = judged(other, name="*.example.net", tag="issuewild")
    assert "CAA 0 issuewild" in found.values["record"]
    assert len(judged(other, name="*.example.net")) == 1


def test_names_under_one_set_are_told_once_and_another_authority_is_enough() -> None:
    asked = Asked("example.net", (Caa(0, "issue", b"ca.test; accounturi=x:y"),))
    assert len(list(judge_caa({"a.example.net": asked, "b.example.net": asked}, [US]))) == 1
    both = Asked("example.net", (*asked.records, Caa(0, "issue", b"fallback.test")))
    fallback = Customer("fallback", frozenset({"fallback.test"}), "", HTTP)
    assert list(judge_caa({"a.example.net": both}, [US, fallback])) == []


def test_wildcards_are_proved_by_the_dns_alone() -> None:
    """RFC 8555 §8.3, RFC 8737 §3: what serves the name itself does not prove the names below."""
    us = replace(US, ways=("http-01", "dns-01"))
    value = "ca.test; validationmethods=http-01"
    assert judged(value, us=us) == []
    (found,) = judged(value, name="*.example.net", us=us)
    assert "allows http-01, and this server proves names by dns-01" in found.values["why"]
    assert found.values["record"].endswith('validationmethods=http-01,dns-01"')


def test_without_any_way_of_ours_nothing_is_said_of_ways() -> None:
    """That no name can be proved is told elsewhere, with what helps."""
    assert judged("ca.test; validationmethods=dns-01", us=replace(US, ways=())) == []
    assert judged("ca.test; validationmethods=dns-01", name="*.example.net") == []


def test_both_kinds_of_record_are_to_be_mended() -> None:
    other = b"ca.test; accounturi=https://ca.test/acct/2"
    asked = Asked("example.net", (Caa(0, "issue", other), Caa(0, "issuewild", other)))
    found = judge_caa({"a.example.net": asked, "*.example.net": asked}, [US])
    assert [one.values["record"].split()[4] for one in found] == ["issue", "issuewild"]

"""Reports go only to those who agreed."""

import asyncio

import pytest

from mailclad.mail.dmarc.destination import permitted_destinations
from mailclad.mail.report_uri import parse_report_uris
from tests.mail.dmarc.fake_resolver import FakeResolver

LEAVE = "example.com._report._dmarc.thirdparty.example.net"


def permitted(wanted: str, texts: dict[str, list[str]], *, failures: bool = False) -> list[str]:
    resolver = FakeResolver({"_dmarc.example.com": ["v=DMARC1; p=none"], **texts})
    addresses, _ = parse_report_uris(wanted)
    found = permitted_destinations(resolver, "example.com", addresses, failures=failures)
    return [uri.uri for uri in asyncio.run(found)]


@pytest.mark.rfc("7489", "7.1")
def test_inside_the_organization_no_leave_is_needed() -> None:
    inside = "mailto:a@example.com,mailto:b@mail.example.com"
    assert permitted(inside, {}) == inside.split(",")


@pytest.mark.rfc("7489", "B.2.3")
@pytest.mark.rfc("9989", "B.2.3")
@pytest.mark.parametrize("leave", ["v=DMARC1", "v=DMARC1;"])
def test_a_third_party_gives_leave(leave: str) -> None:
    third = "mailto:auth-reports@thirdparty.example.net"
    assert permitted(third, {LEAVE: [leave]}) == [third]
    assert permitted(third, {LEAVE: ["v=spf1"]}) == []
    assert permitted(third, {}) == []


@pytest.mark.rfc("9989", "B.2.4")
def test_a_third_party_may_name_another_address_of_its_own() -> None:
    third = "mailto:auth-reports@thirdparty.example.net"
    own = "mailto:failure-reports@thirdparty.example.net"
    text = f"v=DMARC1; rua=mailto:aggregate-reports@thirdparty.example.net; ruf={own}"
    assert permitted(third, {LEAVE: [text]}, failures=True) == [own]


def test_a_third_party_may_not_send_us_on() -> None:
    third = "mailto:a@thirdparty.example.net"
    assert permitted(third, {LEAVE: ["v=DMARC1; rua=mailto:x@victim.example"]}) == []


def test_places_that_are_no_domain_are_left_out() -> None:
    assert permitted("https://example.com/,mailto:a@[192.0.2.1]", {}) == []
    assert permitted("mailto:a@%C3%A4.example", {}) == []

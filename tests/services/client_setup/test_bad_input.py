"""What strangers send to Autodiscover, and limits of the reader of XML gone past."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.discovery.settings import MAX_SETTINGS_OCTETS, SettingsProblem
from mailclad.mail.discovery.xml_tree import MAX_DEPTH, MAX_ELEMENTS, read_tree
from mailclad.services.client_setup.autodiscover import read_request, write_json, write_refusal


@given(st.binary(max_size=300))
def test_no_octets_break_it(octets: bytes) -> None:
    with contextlib.suppress(SettingsProblem):
        read_request(octets)


@given(st.text(st.characters(codec="utf-8"), max_size=100))
def test_any_address_is_read_as_it_is_or_refused(address: str) -> None:
    clean = address.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    octets = (
        f"<Autodiscover><Request><EMailAddress>{clean}</EMailAddress></Request></Autodiscover>"
    )
    with contextlib.suppress(SettingsProblem):
        found = read_request(octets.encode()).address
        assert found == address.replace("\r\n", "\n").replace("\r", "\n").strip()


@pytest.mark.parametrize(
    "octets",
    [
        b"<a/>" + b" " * MAX_SETTINGS_OCTETS,
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        b"<a>&nothing;</a>",
        b"",
        b"<a",
    ],
)
def test_what_is_too_much_or_no_xml(octets: bytes) -> None:
    with pytest.raises(SettingsProblem):
        read_tree(octets)


def test_what_is_just_allowed() -> None:
    assert read_tree(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).name == "a"
    assert len(read_tree(b"<a>" + b"<b/>" * (MAX_ELEMENTS - 1) + b"</a>").children) == 3999


def test_refusals_and_json_escape_what_is_in_them() -> None:
    assert b"<b>" not in write_refusal(600, "<b>&", "00:00:00.0000000")
    status, body = write_json("ActiveSync", "https://x/")
    assert status == 400
    assert b"InvalidProtocol" in body

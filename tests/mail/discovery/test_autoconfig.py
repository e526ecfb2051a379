import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.autoconfig import MAX_MECHANISMS, parse_autoconfig
from mailclad.mail.discovery.settings import (
    MAX_ENDPOINTS,
    MAX_SETTINGS_OCTETS,
    SettingsProblem,
)
from mailclad.mail.discovery.xml_tree import MAX_DEPTH, MAX_ELEMENTS
from mailclad.mail.endpoint import Endpoint, MailProtocol

USUAL = """<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="example.test">
    <domain>example.test</domain>
    <displayName>Example &amp; Sons</displayName>
    <incomingServer type="imap">
      <hostname>Mail.Example.Test.</hostname><port>993</port><socketType>SSL</socketType>
      <authentication system="sasl">scram-sha-256</authentication>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </incomingServer>
    <incomingServer type="pop3">
      <hostname>pop.%EMAILDOMAIN%</hostname><port>110</port><socketType>STARTTLS</socketType>
    </incomingServer>
    <incomingServer type="exchange"><hostname>ews.example.test</hostname></incomingServer>
    <outgoingServer type="smtp">
      <hostname>mail.example.test</hostname><port> 465 </port><socketType>SSL</socketType>
      <authentication>OAuth2</authentication>
    </outgoingServer>
    <documentation url="https://example.test/"><descr lang="en">Help</descr></documentation>
  </emailProvider>
  <setupServer type="managesieve">
    <hostname>mail.example.test</hostname><port>4190</port><socketType>STARTTLS</socketType>
  </setupServer>
</clientConfig>
"""


def server(host: str = "a.test", port: str = "993", mode: str = "SSL") -> str:
    return (
        f'<incomingServer type="imap"><hostname>{host}</hostname><port>{port}</port>'
        f"<socketType>{mode}</socketType></incomingServer>"
    )


def document(inside: str) -> bytes:
    return f"<clientConfig><emailProvider>{inside}</emailProvider></clientConfig>".encode()


def test_usual() -> None:
    assert parse_autoconfig(USUAL.encode(), "example.test") == (
        Endpoint(
            MailProtocol.IMAP,
            "mail.example.test",
            993,
            TlsMode.IMPLICIT,
            ("SCRAM-SHA-256", "PLAIN"),
        ),
        Endpoint(MailProtocol.POP3, "pop.example.test", 110, TlsMode.STARTTLS),
        Endpoint(
            MailProtocol.SUBMISSION, "mail.example.test", 465, TlsMode.IMPLICIT, ("XOAUTH2",)
        ),
        Endpoint(MailProtocol.SIEVE, "mail.example.test", 4190, TlsMode.STARTTLS),
    )


def test_settings_without_encryption_are_kept_to_be_told() -> None:
    (found,) = parse_autoconfig(document(server(port="143", mode="plain")), "a.test")
    assert found.tls is TlsMode.NONE


@pytest.mark.parametrize(
    "left_out",
    [
        server(host="%EMAILLOCALPART%.a.test"),
        server(host="a b"),
        server(host=""),
        server(host="[192.0.2.1]"),
        server(host="x" * 300),
        server(port="0"),
        server(port="65536"),
        server(port="٩٩٣"),
        server(port="-1"),
        server(port=""),
        server(mode="TLS"),
        server(mode=""),
    ],
)
def test_unusable_servers_are_left_out(left_out: str) -> None:
    found = parse_autoconfig(document(left_out + server()), "a.test")
    assert [one.host for one in found] == ["a.test"]


def test_names_in_other_letters() -> None:
    (found,) = parse_autoconfig(document(server(host="münchen.test")), "a.test")
    assert found.host == "xn--mnchen-3ya.test"


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (
            f'<!DOCTYPE clientConfig [<!ENTITY l0 "ha">{LAUGHS}]>'
            "<clientConfig>&l9;</clientConfig>".encode(),
            "DOCTYPE",
        ),
        (
            b'<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><clientConfig>&x;</clientConfig>',
            "DOCTYPE",
        ),
        (b'<!DOCTYPE c SYSTEM "https://other.test/c.dtd"><clientConfig/>', "DOCTYPE"),
        (b"<clientConfig>&x;</clientConfig>", "not XML"),
        (b"<clientConfig>" + b"<a>" * MAX_DEPTH, "too many"),
        (document("<a/>" * MAX_ELEMENTS), "too many"),
        (document(server(host="a" * 1000)), "too long"),
        (b" " * (MAX_SETTINGS_OCTETS + 1), "longer than"),
        (b"<html><body>Not found</body></html>", "some other XML"),
        (b"<!doctype html><title>Not found</title>", "DOCTYPE|not XML"),
        (b"", "not XML"),
        (b"\xff\xfe\x00", "not XML"),
        (b'<?xml version="1.0" encoding="utf-16"?><clientConfig>\xe4</clientConfig>', "not XML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_documents_are_refused(octets: bytes, why: str) -> None:
    with pytest.raises(SettingsProblem, match=why):
        parse_autoconfig(octets, "a.test")


def test_endpoints_are_limited() -> None:
    found = parse_autoconfig(document(server() * (MAX_ENDPOINTS + 1)), "a.test")
    assert len(found) == MAX_ENDPOINTS


def test_ways_to_sign_in_are_limited() -> None:
    ways = "".join(
        f'<authentication system="sasl">X-{number}</authentication>'
        for number in range(MAX_MECHANISMS + 1)
    )
    many = server().replace("</incomingServer>", f"{ways}</incomingServer>")
    (found,) = parse_autoconfig(document(many), "a.test")
    assert len(found.mechanisms) == MAX_MECHANISMS


@given(st.binary())
def test_anything_is_settings_or_a_problem(octets: bytes) -> None:
    with contextlib.suppress(SettingsProblem):
        parse_autoconfig(octets, "a.test")


@given(st.data())
def test_spoiled_settings_are_settings_or_a_problem(data: st.DataObject) -> None:
    octets = bytearray(USUAL.encode())
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SettingsProblem):
        parse_autoconfig(bytes(octets), "a.test")

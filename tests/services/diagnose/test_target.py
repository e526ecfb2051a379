import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import SCHEMES, STANDARD, Endpoint, MailProtocol
from mailclad.services.diagnose.target import (
    MAX_TARGET_CHARACTERS,
    Target,
    TargetProblem,
    parse_target,
)

IMAP, SUBMISSION = MailProtocol.IMAP, MailProtocol.SUBMISSION


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ada@example.net", Target("ada@example.net", domain="example.net")),
        (" ada@Example.NET. ", Target("ada@Example.NET.", domain="example.net")),
        ('"a@b"@example.net', Target('"a@b"@example.net', domain="example.net")),
        ("ada@münchen.test", Target("ada@münchen.test", domain="xn--mnchen-3ya.test")),
        ("ada@[192.0.2.1]", Target("ada@[192.0.2.1]", host="192.0.2.1")),
        ("ada@[IPv6:2001:db8::1]", Target("ada@[IPv6:2001:db8::1]", host="2001:db8::1")),
        ("Example.net", Target("Example.net", domain="example.net", host="example.net")),
        (
            "mail.example.net:993",
            Target("mail.example.net:993", host="mail.example.net", port=993),
        ),
        ("192.0.2.1", Target("192.0.2.1", host="192.0.2.1")),
        ("192.0.2.1:993", Target("192.0.2.1:993", host="192.0.2.1", port=993)),
        ("2001:db8::1", Target("2001:db8::1", host="2001:db8::1")),
        ("[2001:db8::1]", Target("[2001:db8::1]", host="2001:db8::1")),
        ("[2001:db8::1]:993", Target("[2001:db8::1]:993", host="2001:db8::1", port=993)),
        (
            "imaps://Mail.example.net",
            Target(
                "imaps://Mail.example.net",
                host="mail.example.net",
                port=993,
                expected=Endpoint(IMAP, "mail.example.net", 993, TlsMode.IMPLICIT),
            ),
        ),
        (
            "submission://[2001:db8::1]:20001/",
            Target(
                "submission://[2001:db8::1]:20001/",
                host="2001:db8::1",
                port=20001,
                expected=Endpoint(SUBMISSION, "2001:db8::1", 20001, TlsMode.STARTTLS),
            ),
        ),
        ("localhost", Target("localhost", host="localhost")),
    ],
)
def test_targets(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada@",
        "@example.net",
        "ada@example..net",
        "a b",
        "example.net:0",
        "example.net:99999",
        "example.net:",
        ":993",
        "ftp://example.net",
        "imaps://",
        "imaps://a@b",
        "imaps://example.net/x",
        "imaps://example.net:0",
        "imaps://imaps://example.net",
        "-example.net",
        "example.net/x",
        "a" * 400,
        "ada@[nowhere]",
        "mail.example.net:٩٩٣",
    ],
)
def test_no_targets(text: str) -> None:
    with pytest.raises(TargetProblem):
        parse_target(text)


def test_what_is_too_long_is_not_read() -> None:
    with pytest.raises(TargetProblem, match="too long"):
        parse_target("a" * (MAX_TARGET_CHARACTERS + 1))


def test_every_service_has_its_url() -> None:
    assert set(SCHEMES.values()) == {(protocol, tls) for protocol, _, tls in STANDARD}
    for protocol, port, tls in STANDARD:
        for host in ("mail.example.net", "2001:db8::1"):
            one = Endpoint(protocol, host, port, tls)
            assert parse_target(one.url).expected == one


@given(st.text())
def test_any_text_is_a_target_or_a_problem(text: str) -> None:
    with contextlib.suppress(TargetProblem):
        parse_target(text)

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.diagnose.target import Target, TargetProblem, parse_target


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
        ("localhost", Target("localhost", domain="localhost", host="localhost")),
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
        "https://example.net",
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


@given(st.text())
def test_any_text_is_a_target_or_a_problem(text: str) -> None:
    with contextlib.suppress(TargetProblem):
        parse_target(text)

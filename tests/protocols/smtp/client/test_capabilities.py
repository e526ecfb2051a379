"""EHLO's reply as a value."""

import pytest

from mailclad.protocols.smtp.client.capabilities import Capabilities, parse_capabilities


@pytest.mark.rfc("5321", "4.1.1.1")
def test_what_servers_say() -> None:
    can = parse_capabilities(
        (
            "mx.example.net at your service", "PIPELINING", "size 52428800", "8BITMIME",
            "AUTH plain LOGIN", "AUTH=SCRAM-SHA-256", "LIMITS RCPTMAX=100 mailmax=20",
            "CHUNKING", "REQUIRETLS", "", "=?", "  ", "X" * 65,
        )
    )  # fmt: skip
    assert can.name == "mx.example.net"
    assert can.extended
    assert can.size == 52_428_800
    assert can.mechanisms == {"PLAIN", "LOGIN", "SCRAM-SHA-256"}
    assert (can.recipients, can.messages) == (100, 20)
    assert all(word in can for word in ("PIPELINING", "8BITMIME", "CHUNKING", "REQUIRETLS"))
    assert "STARTTLS" not in can
    assert len(can.keywords) == 7


@pytest.mark.parametrize(
    "size", ["SIZE", "SIZE 0", "SIZE x", "SIZE -1", "SIZE ٣", "SIZE " + "9" * 30]
)
def test_a_size_that_says_nothing(size: str) -> None:
    can = parse_capabilities(("x", size))
    assert "SIZE" in can
    assert can.size == 0


def test_nothing() -> None:
    assert parse_capabilities(("",)) == Capabilities("", extended=True, keywords={})
    assert not Capabilities().extended
    assert Capabilities().recipients == 0

"""Messages that run in circles (RFC 5321 §6.3)."""

import pytest

from mailclad.mail.address import parse_address
from mailclad.services.receive.loops import MAX_RECEIVED, check_loops
from mailclad.services.receive.refusal import ComesAgain, TooManyHops

HOP = b"Received: from a by b\r\n\tid 1; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
ADA = [parse_address("ada@example.org")]


def test_hops_are_counted_in_the_header_alone() -> None:
    check_loops(HOP * MAX_RECEIVED + b"Subject: x\r\n\r\n" + HOP * 10, 0, ADA)
    check_loops(HOP + HOP * MAX_RECEIVED + b"\r\n", len(HOP), ADA)
    check_loops(b"X-Received: x\r\n" * 100 + b"\r\n", 0, ADA)
    with pytest.raises(TooManyHops):
        check_loops(b"RECEIVED: x\r\n" + HOP * MAX_RECEIVED + b"\r\nbody", 0, ADA)


def test_hops_are_counted_behind_a_very_long_header() -> None:
    with pytest.raises(TooManyHops):
        check_loops(b"X-Long: x\r\n" * 5_000 + HOP * (MAX_RECEIVED + 1) + b"\r\n", 0, ADA)


@pytest.mark.parametrize("given", [b"ada@example.org", b" Ada@EXAMPLE.org ", b'"ada"@example.org'])
def test_the_same_address_before_is_a_loop(given: bytes) -> None:
    with pytest.raises(ComesAgain):
        check_loops(b"delivered-to: " + given + b"\r\n\r\n", 0, ADA)


@pytest.mark.parametrize("given", [b"grace@example.org", b"ada", b"\xff", b""])
def test_another_address_or_none_is_no_loop(given: bytes) -> None:
    check_loops(b"Delivered-To: " + given + b"\r\n\r\nDelivered-To: ada@example.org\r\n", 0, ADA)

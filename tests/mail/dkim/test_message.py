"""Fields as signatures see them (RFC 6376 §5.4.2)."""

import pytest

from mailclad.mail.dkim.message import HeaderTooLong, SignedMessage
from mailclad.mail.headers import MAX_FIELDS, MAX_HEADER_OCTETS

MESSAGE = SignedMessage(b"A: 1\r\nb : 2\r\na: 3 \r\nA:\r\n  4\r\n\r\nbody")


def test_fields_are_taken_from_below() -> None:
    assert MESSAGE.canonical_fields([b"a", b"b", b"a"], relaxed=True) == b"a:4\r\nb:2\r\na:3\r\n"


def test_absent_fields_are_nothing() -> None:
    assert MESSAGE.canonical_fields([b"b", b"b", b"x"], relaxed=False) == b"b : 2\r\n"


def test_a_field_does_not_cover_itself() -> None:
    assert MESSAGE.canonical_fields([b"a"] * 4, relaxed=True, own=3) == b"a:3\r\na:1\r\n"


def test_the_last_field_may_lack_its_line_end() -> None:
    assert SignedMessage(b"A: 1").canonical_fields([b"a"], relaxed=False) == b"A: 1\r\n"


def test_bare_line_feeds_are_line_ends() -> None:
    message = SignedMessage(b"A: 1\n 2\n\nbody")
    assert message.canonical_fields([b"a"], relaxed=False) == b"A: 1\r\n 2\r\n"
    assert message.octets[message.body_start :] == b"body"


def test_odd_controls_are_no_blanks() -> None:
    message = SignedMessage(b"A: 1\x0b 2\r\n\r\n")
    assert message.canonical_fields([b"a"], relaxed=True) == b"a:1\x0b 2\r\n"


def test_added_fields_are_those_that_may_stand_once() -> None:
    message = SignedMessage(b"From: a\r\nFrom: b\r\nSubject: c\r\nX: d\r\nX: e\r\n\r\n")
    assert message.added([b"from", b"subject", b"x"]) == ("from",)
    assert message.added([b"from", b"from"]) == ()


@pytest.mark.parametrize(
    "octets", [b"A:\r\n" * (MAX_FIELDS + 1), b"A: " + b"x" * MAX_HEADER_OCTETS + b"\r\n\r\n"]
)
def test_a_header_beyond_the_limits_is_not_judged(octets: bytes) -> None:
    with pytest.raises(HeaderTooLong):
        SignedMessage(octets)


def test_a_header_at_the_limit_is_read() -> None:
    assert len(SignedMessage(b"A:\r\n" * MAX_FIELDS).fields) == MAX_FIELDS

"""Message-ID found in any octets, and never an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.message_id import MAX_MESSAGE_ID_OCTETS, find_message_id, parse_message_id


@pytest.mark.rfc("5322", "3.6.4")
@pytest.mark.parametrize(
    ("message", "found"),
    [
        (b"Message-ID: <a@b>\r\n\r\nx", "a@b"),
        (b"Subject: x\r\nMESSAGE-id:\r\n <a@b>\r\n\r\nx", "a@b"),
        (b"Message-ID: a@b\r\n\r\nx", "a@b"),
        (b"Subject: x\r\n\r\nMessage-ID: <a@b>\r\n", ""),
        (b"Message-ID: <a@b>\nMessage-ID: <c@d>\n\n", "a@b"),
        (b"", ""),
    ],
)
def test_what_stands_between_the_brackets(message: bytes, found: str) -> None:
    assert find_message_id(message) == found
    assert find_message_id(b"Return-Path: <>\r\n" + message, 17) == found


def test_a_long_one_is_cut() -> None:
    assert len(parse_message_id(b"<" + b"m" * 5_000 + b">")) == MAX_MESSAGE_ID_OCTETS


@given(st.binary(max_size=200))
def test_any_octets_are_looked_at(octets: bytes) -> None:
    assert isinstance(find_message_id(octets), str)

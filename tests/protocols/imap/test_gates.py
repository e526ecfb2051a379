"""Names, tags and messages, as told from a command's first line."""

import pytest

from mailclad.protocols.imap.gates import TAG_OCTETS, Head, is_message, parse_head, tag_of


@pytest.mark.parametrize(
    ("line", "head"),
    [
        (b"a1 NOOP", Head("a1", "NOOP", 7)),
        (b"A.1] noop x", Head("A.1]", "NOOP", 9)),
        (b"a uid Fetch 1", Head("a", "UID FETCH", 11)),
        (b"a UID", Head("a", "UID", 5)),
        (b"a", None),
        (b"", None),
        (b" NOOP", None),
        (b"a  NOOP", None),
        (b"+a NOOP", None),
        ("é NOOP".encode(), None),
        (b"a" * TAG_OCTETS + b" NOOP", Head("a" * TAG_OCTETS, "NOOP", TAG_OCTETS + 5)),
        (b"a" * (TAG_OCTETS + 1) + b" NOOP", None),
    ],
)
def test_heads(line: bytes, head: Head | None) -> None:
    assert parse_head(line) == head


def test_a_strangers_tag_is_echoed_only_when_it_is_harmless() -> None:
    assert tag_of(b"a.1 x", stranger=True) == "a.1"
    for line in (b"Host: x", b"<b> x", b"a" * 33 + b" x", b"x"):
        assert tag_of(line, stranger=True) == "*"
    assert tag_of(b"Host: x", stranger=False) == "Host:"
    assert tag_of(b"", stranger=False) == "*"


def test_which_literal_of_an_append_is_a_message() -> None:
    assert is_message(b" x {3}", 0)
    assert not is_message(b" {3}", 0)
    assert is_message(b" {3}", 1)
    assert is_message(b' "" ~{3+}', 0)

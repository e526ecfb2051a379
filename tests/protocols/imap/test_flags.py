"""Flags as commands carry them."""

import pytest

from mailclad.protocols.imap.commands import SYSTEM_FLAGS
from mailclad.protocols.imap.flags import parse_flag_list, parse_flags, parse_keyword
from mailclad.protocols.imap.grammar import Reader, SyntaxProblem
from mailclad.store.model import Flag


def test_the_order_of_system_flags_is_that_of_the_stored_bits() -> None:
    bits = (Flag.ANSWERED, Flag.FLAGGED, Flag.DELETED, Flag.SEEN, Flag.DRAFT)

    assert bits == tuple(1 << place for place in range(len(SYSTEM_FLAGS)))
    assert [name.removeprefix("\\").upper() for name in SYSTEM_FLAGS] == [
        name for name in vars(Flag) if name.isupper()
    ]


@pytest.mark.rfc("9051", "2.3.2")
def test_system_flags_know_no_case_and_keywords_keep_theirs() -> None:
    assert parse_flag_list(Reader((b"(\\sEEN $Junk junk)",))) == ("\\Seen", "$Junk", "junk")
    assert parse_flags(Reader((b"\\seen \\SEEN",))) == ("\\Seen",)


def test_recent_is_left_out() -> None:
    assert parse_flag_list(Reader((b"(\\Recent \\Seen)",))) == ("\\Seen",)


@pytest.mark.parametrize("line", [b"(", b"(a  b)", b"(a", b"(\\)", b"(\\Foo)", b"(a])", b"(\\*)"])
def test_lists_that_are_none(line: bytes) -> None:
    with pytest.raises(SyntaxProblem):
        parse_flag_list(Reader((line,)))


def test_a_keyword_has_no_backslash() -> None:
    assert parse_keyword(Reader((b"$Forwarded",))) == "$Forwarded"
    with pytest.raises(SyntaxProblem):
        parse_keyword(Reader((b"\\Seen",)))

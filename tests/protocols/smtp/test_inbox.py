"""Lines are cut where they end, whatever the pieces they come in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.smtp.inbox import EndlessLine, Inbox
from mailclad.protocols.smtp.limits import Limits
from mailclad.protocols.smtp.parameters import SyntaxProblem

LIMITS = Limits(line=10, auth_line=20)


def lines(pieces: list[bytes], *, response: bool = False) -> list[bytes | str]:
    inbox = Inbox(LIMITS)
    found: list[bytes | str] = []
    for piece in pieces:
        inbox.add(piece)
        while True:
            try:
                line = inbox.take_line(response=response)
            except SyntaxProblem as problem:
                found.append(problem.reply.status)
                continue
            if line is None:
                break
            found.append(line)
    return found


@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"abc", b"x" * 9, b"AUTH ", b"auth abcdefghij"])),
    st.lists(st.integers(0, 80), max_size=10),
    st.booleans(),
)
def test_the_pieces_do_not_matter(words: list[bytes], cuts: list[int], response: bool) -> None:
    sent = b"".join(words)
    borders = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    pieces = [sent[a:b] for a, b in itertools.pairwise(borders)]

    assert lines(pieces, response=response) == lines([sent], response=response)


def test_the_limit_is_for_the_line_with_its_cr() -> None:
    assert lines([b"x" * 9 + b"\r\n" + b"x" * 10 + b"\r\n", b"ok\n"]) == [
        b"x" * 9 + b"\r",
        "5.5.2",
        b"ok",
    ]
    assert lines([b"AUTH " + b"x" * 14 + b"\r\n", b"AUTH " + b"x" * 15 + b"\r\n"])[1] == "5.5.6"


def test_what_has_no_end_is_thrown_away_once_it_is_too_long() -> None:
    inbox = Inbox(LIMITS)
    for _ in range(LIMITS.endless // 11):
        inbox.add(b"x" * 11)
        assert inbox.take_line(response=False) is None
        assert not inbox
    inbox.add(b"\nnext\n")
    with pytest.raises(SyntaxProblem):
        inbox.take_line(response=False)
    assert inbox.take_line(response=False) == b"next"


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_what_has_no_end_is_not_thrown_away_for_ever(end: bytes) -> None:
    inbox = Inbox(LIMITS)
    inbox.add(b"x" * LIMITS.endless)
    assert inbox.take_line(response=False) is None
    inbox.add(b"x" + end)
    with pytest.raises(EndlessLine):
        inbox.take_line(response=False)


def test_everything_is_handed_out_at_once() -> None:
    inbox = Inbox(LIMITS)
    piece = b"a\nrest"
    inbox.add(piece)
    assert inbox.starts_with(b"a\n")
    assert inbox.take_line(response=False) == b"a"
    assert inbox.take_all() == b"rest"
    assert not inbox
    inbox.add(piece)
    assert inbox.take_all() is piece

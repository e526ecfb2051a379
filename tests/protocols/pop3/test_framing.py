"""Lines, their limits, and that the next command is found after one that was too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.pop3.framing import (
    COMMAND_OCTETS,
    DISCARDED_OCTETS,
    Framer,
    LineTooLong,
    NeverEndingLine,
)


def lines(framer: Framer, limit: int = COMMAND_OCTETS) -> list[bytes | None]:
    """What can be taken; None stands for a line that was too long."""
    found: list[bytes | None] = []
    while True:
        try:
            line = framer.next_line(limit)
        except LineTooLong:
            found.append(None)
            continue
        if line is None:
            return found
        found.append(line)


LINE = st.sampled_from([b"", b"NOOP", b"x" * 253, b"x" * 254, b"y" * 600, b"\0\r\x80"])


@given(st.lists(LINE, max_size=8), st.sampled_from([b"\r\n", b"\n"]), st.data())
def test_each_line_is_found_once_however_it_is_cut(
    said: list[bytes], end: bytes, data: st.DataObject
) -> None:
    sent = b"".join(line + end for line in said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    framer = Framer()
    found: list[bytes | None] = []
    for start, stop in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        framer.feed(sent[start:stop])
        found += lines(framer)

    fits = COMMAND_OCTETS - len(end)
    assert found == [line if len(line) <= fits else None for line in said]


@pytest.mark.rfc("2449", "4")
def test_255_octets_with_their_end_are_taken_and_256_are_not() -> None:
    framer = Framer()
    framer.feed(b"x" * 253 + b"\r\n" + b"x" * 254 + b"\r\n" + b"NOOP\r\n")

    assert lines(framer) == [b"x" * 253, None, b"NOOP"]


def test_a_line_without_end_is_given_up() -> None:
    framer = Framer()
    for _ in range(DISCARDED_OCTETS // 1_000):
        framer.feed(b"x" * 1_000)
        assert framer.next_line(COMMAND_OCTETS) is None
        assert len(framer.held) < COMMAND_OCTETS
    framer.feed(b"x" * 1_000)
    with pytest.raises(NeverEndingLine):
        framer.next_line(COMMAND_OCTETS)

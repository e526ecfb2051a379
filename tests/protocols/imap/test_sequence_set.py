from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.imap.sequence_set import (
    LARGEST_NUMBER,
    SET,
    SequenceSet,
    join_runs,
    parse_set,
    write_runs,
)

NUMBER = st.integers(1, 60)
PAIRS = st.lists(st.tuples(NUMBER | st.just(0), NUMBER | st.just(0)), min_size=1)


@pytest.mark.rfc("9051", "9")
@pytest.mark.parametrize(
    ("text", "largest", "runs"),
    [
        (b"2,4:7,9,12:*", 15, ((2, 2), (4, 7), (9, 9), (12, 15))),
        (b"*:4,5:7", 10, ((4, 10),)),
        (b"4:2", 9, ((2, 4),)),
        (b"3291:*", 50, ((50, 3291),)),
        (b"*", 7, ((7, 7),)),
        (b"*:*", 7, ((7, 7),)),
        (b"1,2,3,5", 5, ((1, 3), (5, 5))),
        (b"3,1:4,2", 5, ((1, 4),)),
    ],
)
def test_examples(text: bytes, largest: int, runs: tuple[tuple[int, int], ...]) -> None:
    numbers = parse_set(text)

    assert numbers is not None
    assert numbers.runs(largest) == runs


@pytest.mark.slow
@given(PAIRS, st.integers(1, 60))
def test_runs_hold_exactly_what_the_ranges_hold(
    pairs: list[tuple[int, int]], largest: int
) -> None:
    runs = SequenceSet(tuple(pairs)).runs(largest)

    filled = [(a or largest, b or largest) for a, b in pairs]
    expected = {n for a, b in filled for n in range(min(a, b), max(a, b) + 1)}
    assert {n for a, b in runs for n in range(a, b + 1)} == expected
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(runs))
    assert sum(b - a + 1 for a, b in runs) == len(expected)


@pytest.mark.slow
@given(st.lists(st.tuples(NUMBER, NUMBER).map(lambda p: (min(p), max(p))), min_size=1))
def test_what_is_written_is_read_back(pairs: list[tuple[int, int]]) -> None:
    runs = join_runs(pairs)
    written = write_runs(runs)

    assert SET.fullmatch(written)
    parsed = parse_set(written)
    assert parsed is not None
    assert parsed.runs(1) == runs


def test_saved_and_highest() -> None:
    assert parse_set(b"$") == SequenceSet((), saved=True)
    assert SequenceSet((), saved=True).runs(9) == ()
    assert SequenceSet(((3, 0), (7, 2))).highest() == 7
    assert SequenceSet(((0, 0),)).highest() == 0


@pytest.mark.parametrize("text", [b"0", b"1,", b",1", b"1::2", b"1:2:3", b"a", b"01", b"", b"$,1"])
def test_no_sets(text: bytes) -> None:
    assert not SET.fullmatch(text)


def test_numbers_end_at_32_bits() -> None:
    assert parse_set(b"%d" % LARGEST_NUMBER) is not None
    assert parse_set(b"1,2:%d" % (LARGEST_NUMBER + 1)) is None


@pytest.mark.slow
def test_a_hundred_thousand_ranges() -> None:
    """Linear but for a sort: this would take minutes were it quadratic."""
    text = b",".join(b"%d:%d" % (n, n + 1) for n in range(300_000, 0, -3))

    assert SET.fullmatch(text)
    numbers = parse_set(text)
    assert numbers is not None
    assert len(numbers.runs(1)) == 100_000

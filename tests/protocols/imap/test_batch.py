"""Batches of FETCH answers: the same octets as one by one, as fast as can be."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.imap.batch import (
    DAY_TEXTS,
    FLAG_TEXTS,
    MESSAGE_END,
    FetchPlan,
    FlagText,
    message_start,
    section_nil,
    section_start,
    write_internal_date,
)
from mailclad.protocols.imap.commands import SYSTEM_FLAGS, Attribute, FetchItem
from mailclad.protocols.imap.grammar import Reader
from mailclad.protocols.imap.sections import BinarySize, Section

A = Attribute
FLAGS = FlagText((*SYSTEM_FLAGS, "$Forwarded"))
HEADER = Section(b"BODY[HEADER.FIELDS (a%d)]")
BINARY = Section(b"BINARY[1]", (1,), binary=True)

CELLS: dict[FetchItem, st.SearchStrategy[object]] = {
    A.UID: st.integers(1, 2**32 - 1),
    A.FLAGS: st.integers(0, 2**62 - 1),
    A.INTERNALDATE: st.integers(-(10**12), 10**12),
    A.RFC822_SIZE: st.integers(0, 2**63 - 1),
    A.ENVELOPE: st.binary(max_size=9),
    A.BODYSTRUCTURE: st.binary(max_size=9),
    A.BODY: st.binary(max_size=9),
    HEADER: st.none() | st.binary(max_size=9),
    BINARY: st.none() | st.binary(max_size=9),
    BinarySize(b"BINARY.SIZE[1]", (1,)): st.integers(0, 2**32),
}


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[FetchItem], list[tuple[object, ...]]]:
    items = draw(st.lists(st.sampled_from(list(CELLS)), unique=True))
    return items, draw(st.lists(st.tuples(*(CELLS[item] for item in items)), max_size=5))


@pytest.mark.slow
@given(lists())
def test_a_batch_is_the_same_as_one_by_one(
    drawn: tuple[list[FetchItem], list[tuple[object, ...]]],
) -> None:
    items, rows = drawn
    plan = FetchPlan(items)
    numbers = range(7, 7 + len(rows))

    one_by_one = b"".join(
        message_start(number) + plan.encode_items(row, FLAGS) + MESSAGE_END
        for number, row in zip(numbers, rows, strict=True)
    )

    assert plan.encode_rows(numbers, rows, FLAGS) == one_by_one


@pytest.mark.rfc("9051", "7.5.2")
def test_a_row_as_a_client_reads_it() -> None:
    plan = FetchPlan((A.UID, A.FLAGS, A.INTERNALDATE, A.RFC822_SIZE, A.ENVELOPE, HEADER, BINARY))
    rows = [(4, 8 | 32, 760_658_945, 5, b"(NIL)", b"x: y\r\n\r\n", None)]

    assert plan.encode_rows([2], rows, FLAGS) == (
        b"* 2 FETCH (UID 4 FLAGS (\\Seen $Forwarded) INTERNALDATE \"07-Feb-1994 22:09:05 +0000\" "
        b"RFC822.SIZE 5 ENVELOPE (NIL) BODY[HEADER.FIELDS (a%d)] {8}\r\nx: y\r\n\r\n "
        b"BINARY[1] NIL)\r\n"
    )  # fmt: skip


def test_one_plan_takes_batches_of_any_size() -> None:
    plan = FetchPlan((A.UID,))

    sizes = [plan.encode_rows(range(n), [(7,)] * n, FLAGS).count(b"UID 7") for n in (2, 1, 3, 0)]

    assert sizes == [2, 1, 3, 0]


def test_a_message_in_pieces() -> None:
    assert message_start(3) == b"* 3 FETCH ("
    assert section_start(Section(b"BODY[]"), 5) == b"BODY[] {5}\r\n"
    assert section_start(BINARY, 5) == b"BINARY[1] ~{5}\r\n"
    assert section_nil(BINARY) == b"BINARY[1] NIL"


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_internal_dates_are_read_back(seconds: int) -> None:
    written = write_internal_date(seconds)
    when = datetime(1970, 1, 1, tzinfo=UTC).timestamp() + seconds

    assert Reader((b'"%b"' % written,)).date_time() == int(when)


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_date_is_too_far(seconds: int) -> None:
    """A client can APPEND with any; the nearest day that can be written stands for it."""
    [written] = FetchPlan((A.INTERNALDATE,)).encode_rows([1], [(seconds,)], FLAGS).splitlines()

    assert written == b'* 1 FETCH (INTERNALDATE "%b")' % write_internal_date(seconds)


def test_flags_by_their_bits() -> None:
    flags = FlagText(("\\A", "\\B", "c"))

    assert [flags[bits] for bits in range(4)] == [b"", b"\\A", b"\\B", b"\\A \\B"]
    assert flags[0b1000100] == b"c"


def test_what_is_remembered_is_bounded() -> None:
    flags = FlagText(str(bit) for bit in range(62))
    for bits in range(FLAG_TEXTS + 50):
        assert flags[bits] is not None
    assert len(flags) == FLAG_TEXTS

    from mailclad.protocols.imap import batch  # noqa: PLC0415

    for day in range(0, 86_400 * (DAY_TEXTS + 50), 86_400):
        write_internal_date(day)
    assert len(batch._DAY) <= DAY_TEXTS

"""Fields as they stand, however a header is broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.headers import (
    LISTED,
    MAX_FIELDS,
    MAX_HEADER_OCTETS,
    find_body,
    first_values,
    join_listed,
    select_fields,
    split_fields,
    unfold,
)

HEADER = (
    b"Received: by a;\r\n\tMon\r\nSubject : hello\r\n there\r\nno field\r\nTO:\r\nX-Y: z\r\n\r\n"
)


def test_fields_keep_their_octets_and_what_is_no_field_is_skipped() -> None:
    assert split_fields(HEADER) == [
        (b"Received: by a;\r\n\tMon\r\n", b"Received", b" by a;\r\n\tMon\r\n"),
        (b"Subject : hello\r\n there\r\n", b"Subject", b" hello\r\n there\r\n"),
        (b"TO:\r\n", b"TO", b"\r\n"),
        (b"X-Y: z\r\n", b"X-Y", b" z\r\n"),
    ]


def test_the_first_field_of_a_name_counts() -> None:
    assert first_values(split_fields(b"A: 1\r\na: 2\r\n")) == {b"a": b" 1\r\n"}


@pytest.mark.rfc("5322", "2.2.3")
def test_unfolding_removes_line_ends_alone() -> None:
    assert unfold(b" This\r\n is\n\ta test\r\n") == b"This is\ta test"


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (b"A: b\r\n\r\nbody", 8),
        (b"A: b\n\nbody", 6),
        (b"A: b\r\n\nbody", 7),
        (b"A: b\n\r\nbody", 7),
        (b"A: b\r\nC: d\r\n", 12),
        (b"A: b", 4),
        (b"\r\nbody", 2),
        (b"\nbody", 1),
        (b"just text\r\n\r\nmore", 0),
        (b"From me@example.org Thu\nA: b\n\nbody", 30),
        (b">From me\nA: b\n\nbody", 15),
        (b"A: b\r\n \r\nC: d\r\n\r\nbody", 17),
        (b"", 0),
    ],
)
def test_a_body_begins_behind_the_first_blank_line(message: bytes, body: int) -> None:
    assert find_body(message) == body


@pytest.mark.rfc("9051", "6.4.5.1")
def test_selected_fields_stand_in_their_order_in_any_case() -> None:
    assert select_fields(HEADER, {b"to", b"subject"}) == (b"Subject : hello\r\n there\r\nTO:\r\n")
    assert select_fields(HEADER, {b"to", b"subject"}, invert=True) == (
        b"Received: by a;\r\n\tMon\r\nX-Y: z\r\n"
    )
    assert select_fields(HEADER, {b"bcc"}) == b""


def test_listed_names_are_compared_in_lower_case() -> None:
    assert all(name == name.lower() for name in LISTED)
    assert join_listed(split_fields(HEADER)) == b"Subject : hello\r\n there\r\nTO:\r\n"


@pytest.mark.parametrize("field", [b"a:\n", b"Longer-Name: value\r\n"])
def test_fields_beyond_the_limit_are_not_read(field: bytes) -> None:
    assert len(split_fields(field * (MAX_FIELDS + 1))) == MAX_FIELDS


def test_octets_beyond_the_limit_are_not_read() -> None:
    fields = split_fields(b"A: " + b"x" * MAX_HEADER_OCTETS + b"\r\nB: c\r\n")

    assert [name for _, name, _ in fields] == [b"A"]


@given(
    st.binary()
    | st.lists(st.sampled_from([b"a: b", b"\r\n", b"\n", b" ", b":", b"\0"])).map(b"".join)
)
def test_fields_are_pieces_of_the_header_in_order(header: bytes) -> None:
    at = 0
    for field, name, value in split_fields(header):
        at = header.index(field, at) + len(field)
        assert field.startswith(name)
        assert field.endswith(value)
        assert b":" in field
    assert 0 <= find_body(header) <= len(header)


@given(st.binary(), st.sets(st.sampled_from([b"a", b"b"])))
def test_what_is_selected_and_what_is_not_are_all_fields(header: bytes, names: set[bytes]) -> None:
    both = len(select_fields(header, names)) + len(select_fields(header, names, invert=True))

    assert both == sum(len(field) for field, _, _ in split_fields(header))

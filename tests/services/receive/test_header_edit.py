"""What a filter changes is changed, and not an octet more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.headers import MAX_FIELDS, find_body, split_fields
from mailclad.services.receive.header_edit import (
    BadField,
    HeaderEdit,
    clean_body,
    make_field,
    rewritten,
    split_message,
)
from tests.sessions.smtp.talk import make_spool

NAMES = st.sampled_from([b"Subject", b"X", b"x", b"Received"])
FIELDS = st.builds(lambda name, value: b"%b: %b\r\n" % (name, value), NAMES, st.just(b"v"))
VALUES = st.binary(max_size=60)


@given(NAMES, VALUES)
def test_a_field_is_one_field_whatever_its_value(name: bytes, value: bytes) -> None:
    field = make_field(name, value)
    assert split_fields(field + b"Next: x\r\n\r\n")[1][1] == b"Next"
    header = field + b"\r\n"
    assert find_body(header + b"body") == len(header)
    assert b"\0" not in field
    assert b"\n" not in field.replace(b"\r\n", b"")


@pytest.mark.parametrize("name", [b"", b"a b", b"a:b", b"a\r\n", b"\xc3\xa4", b"a" * 201])
def test_a_name_that_is_none(name: bytes) -> None:
    with pytest.raises(BadField):
        make_field(name, b"x")


@given(st.lists(FIELDS), st.lists(FIELDS))
def test_without_changes_nothing_is_written_anew(above: list[bytes], own: list[bytes]) -> None:
    edit = HeaderEdit(b"".join(above), b"".join(own) + b"\r\n")
    assert (edit.above(), edit.header()) == (b"", None)


@given(st.lists(FIELDS), st.lists(FIELDS, min_size=1), st.integers(0, 9))
def test_an_inserted_field_is_above_or_inside(
    above: list[bytes], own: list[bytes], index: int
) -> None:
    edit = HeaderEdit(b"".join(above), b"".join(own) + b"\r\n")
    edit.insert(index, b"New: x\r\n")
    if index <= len(above):
        assert (edit.above(), edit.header()) == (b"New: x\r\n", None)
    else:
        own.insert(index - len(above), b"New: x\r\n")
        assert (edit.above(), edit.header()) == (b"", b"".join(own) + b"\r\n")


@given(st.lists(FIELDS, min_size=1), st.integers(1, 4))
def test_the_right_one_of_several_is_removed(own: list[bytes], number: int) -> None:
    edit = HeaderEdit(b"", b"".join(own) + b"\r\n")
    edit.change(b"X", number, b"")
    places = [at for at, field in enumerate(own) if field[:2].lower() == b"x:"]
    if number > len(places):
        assert edit.header() is None
    else:
        del own[places[number - 1]]
        assert edit.header() == b"".join(own) + b"\r\n"


@pytest.mark.parametrize(("number", "left"), [(0, b""), (1, b"bc"), (-1, b"ab"), (-3, b"bc")])
def test_remove_counts_from_both_ends(number: int, left: bytes) -> None:
    edit = HeaderEdit(b"", b"X: a\r\nx: b\r\nX: c\r\n\r\n")
    edit.remove(b"X", number)
    header = edit.header()
    assert header is not None
    assert b"".join(value.strip() for _, _, value in split_fields(header)) == left


@pytest.mark.parametrize("number", [4, -4])
def test_what_is_not_there_is_not_removed(number: int) -> None:
    edit = HeaderEdit(b"", b"X: a\r\nx: b\r\nX: c\r\n\r\n")
    edit.remove(b"X", number)
    assert edit.header() is None


def test_removed_fields_are_still_counted() -> None:
    """A filter that removes several goes by the numbers that they came with."""
    edit = HeaderEdit(b"", b"X: a\r\nX: b\r\nX: c\r\n\r\n")
    edit.change(b"X", 1, b"")
    edit.change(b"X", 2, b"")
    assert edit.header() == b"X: c\r\n\r\n"


def test_what_others_put_above_is_not_changed() -> None:
    edit = HeaderEdit(b"X: theirs\r\n", b"X: own\r\n\r\n")
    edit.remove(b"x")
    edit.change(b"X", 1, b"X: no\r\n")
    assert (edit.above(), edit.header()) == (b"", b"\r\n")


def test_a_message_without_header_gets_one() -> None:
    edit = HeaderEdit(b"", b"")
    edit.change(b"X", 1, b"X: a\r\n")
    assert (edit.above(), edit.header()) == (b"X: a\r\n", None)


def test_what_lies_beyond_the_limit_of_fields_is_kept() -> None:
    beyond = b"Y: last\r\n\r\n"
    edit = HeaderEdit(b"", b"X: a\r\n" * MAX_FIELDS + beyond)
    edit.add(b"Z: new\r\n")
    header = edit.header()
    assert header is not None
    assert header.endswith(b"X: a\r\nZ: new\r\n" + beyond)


@given(st.lists(FIELDS, max_size=3).map(b"".join), st.binary(max_size=9))
def test_header_and_body_are_the_message(header: bytes, body: bytes) -> None:
    message = b"trace" + header + b"\r\n" + body
    head, at = split_message(message, 5)
    assert (head, message[at:]) == (header + b"\r\n", body)
    assert rewritten(message, head, None, at, make_spool) == message[5:]
    assert rewritten(message, b"A: b\r\n\r\n", b"new", at, make_spool) == b"A: b\r\n\r\nnew"


@given(st.binary())
def test_a_clean_body_has_lines_only(octets: bytes) -> None:
    cleaned = clean_body(octets).replace(b"\r\n", b"")
    assert not {0, 10, 13}.intersection(cleaned)

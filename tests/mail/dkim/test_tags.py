"""Tag lists (RFC 6376 §3.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dkim.tags import TagProblem, decode_base64, parse_tags, split_list


def test_blanks_around_names_and_values_do_not_count() -> None:
    tags = parse_tags(b" v = 1 ;\r\n\tb= a b\r\n c ; z=;\r\n", 100)

    assert dict(tags) == {b"v": b"1", b"b": b"a b c", b"z": b""}


def test_utf8_may_stand_in_values() -> None:
    assert parse_tags("d=bücher.example".encode(), 100) == {b"d": "bücher.example".encode()}


@pytest.mark.parametrize(
    "text", [b"v", b"v=1;;a=2", b"=1", b"1a=1", b"v=1; v=1", b"a b=1", b"v=1\0", b"v=1\ra"]
)
def test_what_is_not_a_tag_list(text: bytes) -> None:
    with pytest.raises(TagProblem):
        parse_tags(text, 100)


def test_a_tag_list_has_a_limit() -> None:
    assert len(parse_tags(b"a=" + b"x" * 98, 100)) == 1
    with pytest.raises(TagProblem, match="longer than 100 octets"):
        parse_tags(b"a=" + b"x" * 99, 100)


@given(
    st.dictionaries(
        st.from_regex(rb"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True),
        st.from_regex(rb"|[!-:<-~]([ -:<-~]{0,20}[!-:<-~])?", fullmatch=True),
        min_size=1,
    )
)
def test_what_is_written_is_read(tags: dict[bytes, bytes]) -> None:
    text = b" ;\r\n ".join(b"%b = %b" % pair for pair in tags.items())

    assert parse_tags(text, len(text)) == tags


@given(st.binary(max_size=60))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    try:
        tags = parse_tags(octets, 60)
    except TagProblem:
        return
    assert not any(control in b"".join(tags.values()) for control in b"\0\r\n\x7f")


def test_lists_with_colons() -> None:
    assert split_list(b"From : To:\tcc") == (b"from", b"to", b"cc")


def test_base64_may_be_folded_but_not_damaged() -> None:
    assert decode_base64(b"aG V\r\n sbG8=") == b"hello"
    for damaged in (b"aGVsbG8", b"aGVs*G8=", b"aGVsbG8==", b"===="):
        with pytest.raises(TagProblem):
            decode_base64(damaged)

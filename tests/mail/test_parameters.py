"""Types, dispositions and their parameters."""

# ruff: noqa: E501 - a case is one line of a table

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.parameters import (
    MAX_FIELD_OCTETS,
    MAX_PARAMETERS,
    decode_extended,
    find_parameter,
    find_text,
    parse_disposition,
    parse_media_type,
    parse_token,
    without_comments,
)


@pytest.mark.parametrize(
    ("value", "media_type", "parameters"),
    [
        (b" text/plain; charset=us-ascii\r\n", "text/plain", {b"charset": b"us-ascii"}),
        (b"text/plain; charset=us-ascii (Plain text)", "text/plain", {b"charset": b"us-ascii"}),
        (b'TEXT / Plain;CHARSET = "us-ascii"', "text/plain", {b"charset": b"us-ascii"}),
        (b"text/plain (a (b) c) ; (d) x=(e) y", "text/plain", {b"x": b"y"}),
        (b'a/b; x="a\\"b;c"; y="(no comment)"', "a/b", {b"x": b'a"b;c', b"y": b"(no comment)"}),
        (b'a/b; x="un\r\n closed', "a/b", {b"x": b"un closed"}),
        (b"a/b; name=my file.txt ; x=y", "a/b", {b"name": b"my file.txt", b"x": b"y"}),
        (b"a/b\r\n charset=x\r\n y=z", "a/b", {b"charset": b"x", b"y": b"z"}),
        (b"a/b;;; x=; =y; z", "a/b", {b"x": b""}),
        (b"a/b; x=\xc3\xa9", "a/b", {b"x": b"\xc3\xa9"}),
    ],
)
def test_a_type_and_its_parameters(
    value: bytes, media_type: str, parameters: dict[bytes, bytes]
) -> None:
    found = parse_media_type(value)

    assert found is not None
    assert (found[0], dict(found[1])) == (media_type, parameters)


@pytest.mark.parametrize(
    "value", [b"", b"text", b"/plain", b"text/", b"(text/plain)", b"\xff/\xfe", b"a" * 128 + b"/b"]
)
def test_what_is_no_type(value: bytes) -> None:
    assert parse_media_type(value) is None


@pytest.mark.rfc("2231", "3")
@pytest.mark.rfc("2231", "4.1")
@pytest.mark.parametrize(
    ("parameters", "joined"),
    [
        (b'URL*0="ftp://";\r\n URL*1="cs.utk.edu/a.tar"', [(b"url", b"ftp://cs.utk.edu/a.tar")]),
        (b"title*=us-ascii'en-us'This%20is", [(b"title*", b"us-ascii'en-us'This%20is")]),
        (
            b"title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"",
            [(b"title*", b"us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!")],
        ),
        (b"x*1=b; x*0=a", [(b"x", b"ab")]),
        (b"x*0=a; x*2=c", [(b"x", b"a")]),
        (b"x*1=b", []),
        (b"x*0=a; x*0=b", [(b"x", b"a")]),
        (b"x*0=a b; x*1*=%41", [(b"x*", b"''a%20b%41")]),
        (b"x*01=a; y=b", [(b"x*01", b"a"), (b"y", b"b")]),
        (b"x*99999=a; *=b; **=c", [(b"x*99999", b"a"), (b"*", b"b"), (b"**", b"c")]),
    ],
)  # fmt: skip
def test_continuations_are_joined(parameters: bytes, joined: list[tuple[bytes, bytes]]) -> None:
    assert parse_media_type(b"a/b; " + parameters) == ("a/b", joined)


def test_a_file_name_reads_in_whichever_form_it_came() -> None:
    for value in (
        b'attachment; filename="na\xc3\xafve"',
        b"attachment; filename*=utf-8''na%C3%AFve; filename=fallback",
        b"attachment; filename*=ISO-8859-1'en'na%EFve",
        b"ATTACHMENT; filename*0*=utf-8''na; filename*1*=%C3%AFve",
    ):
        found = parse_disposition(value)
        assert found is not None
        assert found[0] == b"attachment"
        assert find_text(found[1], b"filename") == "naïve"
    assert decode_extended(b"no%20quotes") == "no quotes"


def test_a_token_is_the_first_word() -> None:
    assert parse_token(b" (c) BASE64 ; x") == "base64"
    assert parse_token(b"") == ""
    assert parse_disposition(b'"attachment"') is None


def test_comments_nest_to_any_depth() -> None:
    assert without_comments(b"a" + b"(" * 30_000 + b")" * 30_000 + b"b") == b"a b"
    assert without_comments(b'a(b\\)c)d "(" (never closed') == b'a d "(" '


def test_parameters_beyond_the_limit_are_not_read() -> None:
    many = b"".join(b"; p%d=x" % number for number in range(MAX_PARAMETERS + 1))
    found = parse_media_type(b"a/b" + many)

    assert found is not None
    assert len(found[1]) == MAX_PARAMETERS


def test_octets_beyond_the_limit_are_not_read() -> None:
    found = parse_media_type(b"a/b;" + b" " * MAX_FIELD_OCTETS + b"x=y")

    assert found == ("a/b", [])


PIECES = [
    b"a/b",
    b";",
    b"x",
    b"*",
    b"0",
    b"1",
    b"=",
    b'"',
    b"\\",
    b"(",
    b")",
    b"'",
    b"%",
    b"\n",
    b" ",
    b"\xff",
]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join) | st.binary())
def test_nothing_makes_it_fail(value: bytes) -> None:
    parse_disposition(value)
    parse_token(value)
    found = parse_media_type(value)
    if found is not None:
        find_text(found[1], b"x")
        assert find_parameter(found[1], b"absent") == b""

"""The first words, of plain text and of HTML."""

# ruff: noqa: E501 - a case is one line of a table

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.mime import scan
from mailclad.mail.preview import HTML_OCTETS, MAX_TEXT_PARTS, PREVIEW_CHARACTERS, preview


def of(message: bytes) -> str:
    return preview(message, scan(message))


HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"


@pytest.mark.rfc("8970", "3.1")
@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"\r\nHello,\r\n\r\n  this is\tit.\r\n", "Hello, this is it."),
        (b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8=", "Hello"),
        (b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9 =\r\nau lait", "café au lait"),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\na\xc2\xad\xe2\x80\xaeb\0\x1bc\xe2\x80\x8d", "ab c\u200d"),
        (b"Content-Type: image/png\r\n\r\n\x89PNG", ""),
        (b"Content-Disposition: attachment\r\n\r\nfile", ""),
        (b"", ""),
    ],
)  # fmt: skip
def test_plain_text(message: bytes, text: str) -> None:
    assert of(message) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html><head><title>T</title><style>p{}</style></head><body><p>One<br>two</p></body>", "One two"),
        (b"a &lt;b&gt; &amp; &#233;&eacute; &unknown; &nbsp;c", "a <b> & éé &unknown; c"),
        (b"<!-- <p>no</p> -->yes<!-- never closed", "yes"),
        (b"<script>no</script>yes<script>never closed", "yes"),
        (b"1 < 2 <3", "1 < 2 <3"),
        (b"yes<a href='", "yes"),
        ("&zwnj;&nbsp;&zwnj;&nbsp;سلام نمی\u200cدانم".encode(), "سلام نمی\u200cدانم"),
        (b"&#9;&#xD800;&#99999999999;", "\ufffd\ufffd9999;"),
        (b"<p>" + b"<style>" + b"x" * 10_000 + b"</style>late", "late"),
    ],
)  # fmt: skip
def test_html(body: bytes, text: str) -> None:
    assert of(HTML + body) == text


def test_plain_text_is_preferred_and_an_empty_part_is_not() -> None:
    parts = [HTML + b"rich", b"\r\n\r\n", b"\r\nplain", b"\r\nlater"]
    message = b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    message += b"".join([b"--b\r\n" + part + b"\r\n" for part in parts])

    assert of(message) == "plain"
    assert (
        of(
            message.replace(b"\r\n\r\n\r\nplain", b"")
            .replace(b"later", b"")
            .replace(b"plain", b"")
        )
        == "rich"
    )


def test_attached_messages_are_not_shown() -> None:
    assert of(b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ninside") == ""


def test_a_preview_ends_where_it_must() -> None:
    assert of(b"\r\n" + b"word " * 500) == ("word " * 40).strip()
    assert len(of(b"\r\n" + b"x" * 500)) == PREVIEW_CHARACTERS
    assert (
        of(
            b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + ("x" + "é" * 3_000).encode()
        ).count("\ufffd")
        == 0
    )


def test_html_beyond_the_limit_is_not_read() -> None:
    assert of(HTML + b"<style>" + b"x" * HTML_OCTETS[1] + b"</style>text") == ""


def test_parts_beyond_the_limit_are_not_tried() -> None:
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\r\n" * MAX_TEXT_PARTS
    )

    assert of(message + b"--b\r\n\r\nlate") == ""


@pytest.mark.parametrize(
    "piece", [b"<!--", b"<style", b"<style>", b"<a", b"&#1", b"&a", b"<", b"</style"]
)
def test_unclosed_markup_costs_twice_for_twice(piece: bytes) -> None:
    """Were each opening searched to the end, 64 KiB would take seconds."""
    message = HTML + piece * (HTML_OCTETS[1] // len(piece))
    begin = time.process_time()
    of(message)

    assert time.process_time() - begin < 1


@given(
    st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "<style>",
                "</style>",
                "<!--",
                "-->",
                "&",
                "#",
                "x41;",
                "a",
                "\u200c",
                " ",
                "\r\n",
                "\u202e",
            ]
        )
    ).map("".join)
)
def test_a_preview_is_one_line_whatever_comes(body: str) -> None:
    for header in (HTML, b"Content-Type: text/plain; charset=utf-8\r\n\r\n"):
        text = of(header + body.encode())
        assert len(text) <= PREVIEW_CHARACTERS
        assert not set(text) & set("\r\n\0\u202e")
        assert text == text.strip()

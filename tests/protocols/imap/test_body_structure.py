"""BODY and BODYSTRUCTURE as clients read them."""

import pytest

from mailclad.mail.mime import MAX_DEPTH, scan
from mailclad.protocols.imap.body_structure import MAX_LANGUAGES, write_body
from mailclad.protocols.imap.envelope import EnvelopeWriter


def written(message: bytes) -> tuple[bytes, bytes]:
    return write_body(scan(message), EnvelopeWriter())


@pytest.mark.rfc("9051", "7.5.2")
def test_a_simple_text() -> None:
    message = b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n" + b"x" * 40 + b"\r\n"

    assert written(message) == (
        b'("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 42 1)',
        b'("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 42 1 NIL NIL NIL NIL)',
    )


@pytest.mark.rfc("9051", "7.5.2")
def test_the_two_parts_of_the_standard() -> None:
    message = (
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\n\r\nhello\r\n\r\n"
        b'--b\r\nContent-Type: text/plain; charset=us-ascii; name="cc.diff"\r\n'
        b"Content-Id: <960723163407.20117h@cac.washington.edu>\r\n"
        b"Content-Description: Compiler diff\r\nContent-Transfer-Encoding: BASE64\r\n\r\n"
        b"aGVsbG8=\r\n\r\n--b--\r\n"
    )
    first = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1'
    second = (
        b'("text" "plain" ("charset" "us-ascii" "name" "cc.diff") '
        b'"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "base64" 10 1'
    )
    nil = b" NIL NIL NIL NIL)"
    end = b' "mixed" ("boundary" "b") NIL NIL NIL)'
    assert written(message) == (
        b"(" + first + b")" + second + b') "mixed")',
        b"(" + first + nil + second + nil + end,
    )


@pytest.mark.rfc("9051", "7.5.2")
def test_a_message_in_a_message() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\nFrom: a@b\r\n\r\nhi\r\n"
    ab = b'((NIL NIL "a" "b"))'
    envelope = b'(NIL "in" %b %b %b NIL NIL NIL NIL NIL)' % (ab, ab, ab)
    text = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1'
    both = b'("message" "rfc822" NIL NIL NIL "7bit" 30 %b %b) 4'

    assert written(message)[0] == both % (envelope, text) + b")"
    assert written(message)[1] == (
        both % (envelope, text + b" NIL NIL NIL NIL") + b" NIL NIL NIL NIL)"
    )


@pytest.mark.rfc("9051", "7.5.2")
@pytest.mark.parametrize(
    ("header", "extension"),
    [
        (b"Content-MD5: Q2hlY2s=", b'"Q2hlY2s=" NIL NIL NIL'),
        (b"Content-Disposition: inline", b'NIL ("inline" NIL) NIL NIL'),
        (b'Content-Disposition: ATTACHMENT; filename="a b.png"; size=3',
         b'NIL ("attachment" ("filename" "a b.png" "size" "3")) NIL NIL'),
        (b"Content-Disposition: attachment; filename*0*=utf-8''%C3%A9; filename*1=x",
         b"NIL (\"attachment\" (\"filename*\" \"utf-8''%C3%A9x\")) NIL NIL"),
        (b"Content-Disposition: attachment; filename=\xc3\xa9",
         b'NIL ("attachment" ("filename" {2}\r\n\xc3\xa9)) NIL NIL'),
        (b"Content-Disposition: ;", b"NIL NIL NIL NIL"),
        (b"Content-Language: en", b'NIL NIL "en" NIL'),
        (b"Content-Language: en, mi-NZ", b'NIL NIL ("en" "mi-NZ") NIL'),
        (b"Content-Location: http://a/\r\n b", b'NIL NIL NIL "http://a/b"'),
    ],
)  # fmt: skip
def test_extension_data(header: bytes, extension: bytes) -> None:
    message = b"Content-Type: image/png\r\n" + header + b"\r\n\r\n"

    assert written(message)[1] == b'("image" "png" NIL NIL NIL "7bit" 0 ' + extension + b")"


def test_languages_beyond_the_limit_are_not_shown() -> None:
    message = b"Content-Type: image/png\r\nContent-Language: " + b"en," * 30 + b"\r\n\r\n"

    assert written(message)[1].count(b'"en"') == MAX_LANGUAGES


def test_depth_and_number_are_those_of_the_scan() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\n" * 10_000

    assert written(message)[0].count(b'"rfc822"') == MAX_DEPTH
    assert b'"application" "octet-stream"' in written(message)[0]

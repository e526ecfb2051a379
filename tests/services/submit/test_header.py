"""What is put right in a submitted header, and what is left alone (RFC 6409 §8)."""

import pytest

from mailclad.mail.address_list import MAX_ADDRESSES
from mailclad.mail.headers import MAX_FIELDS, MAX_HEADER_OCTETS
from mailclad.services.submit.header import SubmittedHeader
from mailclad.services.submit.refusal import AuthorUnclear, HeaderTooLong

WHOLE = b"Date: x\r\nFrom: a@example.org\r\nMessage-ID: <1@x>\r\n"


def repaired(message: bytes) -> bytes:
    """The whole message as it goes on."""
    header = SubmittedHeader(message)
    new = header.repaired("ada@example.org", "id1", "mx.example.org", 0)
    return message if new is None else new + message[header.body_start :]


def test_a_good_header_is_not_touched() -> None:
    message = WHOLE + b"Subject: x\r\n\r\nBcc: in the body\r\n"
    assert SubmittedHeader(message).repaired("a@b", "id", "mx", 0) is None


@pytest.mark.parametrize(
    ("message", "result"),
    [
        (
            b"From: a@b\r\nDate: x\r\n\r\nbody\r\n",
            b"Message-ID: <id1@mx.example.org>\r\nFrom: a@b\r\nDate: x\r\n\r\nbody\r\n",
        ),
        (
            WHOLE + b"BCC: x@y,\r\n z@y\r\nResent-Bcc: q@y\r\nSubject: kept\r\n\r\nbody\r\n",
            WHOLE + b"Subject: kept\r\n\r\nbody\r\n",
        ),
        (WHOLE + b"Bcc: x@y\r\n", WHOLE + b"\r\n"),
        (
            b"Authentication-Results: (x) MX.example.org; dmarc=pass\r\n" + WHOLE + b"\r\nbody",
            WHOLE + b"\r\nbody",
        ),
        (
            b"\r\nbody\r\n",
            (
                b"Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: <ada@example.org>\r\n"
                b"Message-ID: <id1@mx.example.org>\r\n\r\nbody\r\n"
            ),
        ),
        (
            b"",
            (
                b"Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: <ada@example.org>\r\n"
                b"Message-ID: <id1@mx.example.org>\r\n\r\n"
            ),
        ),
    ],
)
def test_what_is_missing_is_added_and_bcc_taken_out(message: bytes, result: bytes) -> None:
    assert repaired(message) == result


def test_a_repaired_header_needs_no_repair() -> None:
    for message in (b"", b"text\r\n", b"Bcc: x\r\n\r\n", WHOLE + b"bcc: y\r\n\r\n"):
        once = repaired(message)
        assert repaired(once) == once


@pytest.mark.parametrize(
    ("value", "authors"),
    [
        (b"a@example.org", ["a@example.org"]),
        (b'A <a@example.org>, "B, C" <b@example.org>', ["a@example.org", "b@example.org"]),
        (b'"a b"@example.org', ['"a b"@example.org']),
        (b"=?utf-8?q?b=40example.org?= <a@example.org>", ["a@example.org"]),
        (b"team: a@example.org, b@example.org;", ["a@example.org", "b@example.org"]),
        ("é@bücher.example".encode(), ["é@bücher.example"]),
    ],
)
def test_authors(value: bytes, authors: list[str]) -> None:
    header = SubmittedHeader(b"From: " + value + b"\r\n\r\n")
    assert [str(author) for author in header.authors()] == authors


@pytest.mark.parametrize(
    "header",
    [
        b"From: a@example.org\r\nfrom: b@example.org\r\n",
        b"From:\r\n",
        b"From: somebody\r\n",
        b"From: undisclosed:;\r\n",
        b"From: <>\r\n",
        b"From: a@example.org, b\r\n",
        b"From: \xe9@example.org\r\n",
        b"From: a@example.org\r\nX: y\rFrom: b@example.org\r\n",
        b"From: <@example.net:a@example.org>\r\n",
        b"From: " + b"a@example.org, " * MAX_ADDRESSES + b"b@example.org\r\n",
    ],
)
def test_an_unclear_author_is_refused(header: bytes) -> None:
    with pytest.raises(AuthorUnclear):
        SubmittedHeader(header + b"\r\n").authors()


def test_no_from_is_no_author() -> None:
    assert SubmittedHeader(b"Subject: x\r\n\r\nFrom: body\r\n").authors() == []


@pytest.mark.parametrize(
    "filler", [b"a:\r\n" * MAX_FIELDS, b"X: " + b"x" * MAX_HEADER_OCTETS + b"\r\n"]
)
def test_no_author_hides_behind_what_is_looked_at(filler: bytes) -> None:
    message = WHOLE + filler + b"From: ceo@bank.example\r\n\r\nbody\r\n"
    with pytest.raises(HeaderTooLong):
        SubmittedHeader(message[:MAX_HEADER_OCTETS])

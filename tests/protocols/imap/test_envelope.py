"""ENVELOPE as clients read it."""

# ruff: noqa: E501 - a case is one line of a table

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.mime import scan
from mailclad.protocols.imap.envelope import (
    MAX_ADDRESS_OCTETS,
    MAX_TEXT_OCTETS,
    EnvelopeWriter,
    write_text,
)


def envelope(header: bytes) -> bytes:
    return EnvelopeWriter().write(scan(header).values)


@pytest.mark.rfc("9051", "8")
def test_the_example_of_the_standard() -> None:
    header = b"""Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev2 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

""".replace(b"\n", b"\r\n")
    gray = b'(("Terry Gray" NIL "gray" "cac.washington.edu"))'

    assert envelope(header) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" '
        + b" ".join([gray] * 3)
        + b' ((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")'
        b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )


@pytest.mark.rfc("9051", "7.5.2")
@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (b"", b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (b"Subject:\r\nDate:\r\nIn-Reply-To:\r\nMessage-ID: \r\nTo:\r\n",
         b'("" "" NIL NIL NIL NIL NIL NIL "" "")'),
        (b"From: a@b\r\nSender: c@d\r\nReply-To:\r\n",
         b'(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)'),
        (b"Bcc: A Group:a@b;\r\n",
         b'(NIL NIL NIL NIL NIL NIL NIL ((NIL NIL "A Group" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)) NIL NIL)'),
        (b"To: <@r:a@b>, root\r\n",
         b'(NIL NIL NIL NIL NIL ((NIL "@r" "a" "b")(NIL NIL "root" "")) NIL NIL NIL NIL)'),
        (b'To: "a \\"b\\" \\\\" <"c d"@e>\r\n',
         b'(NIL NIL NIL NIL NIL (("a \\"b\\" \\\\" NIL "c d" "e")) NIL NIL NIL NIL)'),
        (b"Subject: =?utf-8?q?=C3=A9?=\r\n x\r\n", b'(NIL "=?utf-8?q?=C3=A9?= x" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        (b"Subject: gr\xc3\xbc\xc3\x9fe\r\n", b"(NIL {7}\r\ngr\xc3\xbc\xc3\x9fe NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (b"Subject: gr\xfc\xdfe\r\n", b"(NIL {5}\r\ngr\xfc\xdfe NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (b"Subject: a\0b\rc\td\r\n", b'(NIL "a b c d" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        (b"Subject: one\r\nSubject: two\r\n", b'(NIL "one" NIL NIL NIL NIL NIL NIL NIL NIL)'),
    ],
)  # fmt: skip
def test_what_is_absent_empty_or_odd(header: bytes, wanted: bytes) -> None:
    assert envelope(header + b"\r\n") == wanted


def test_texts_beyond_the_limit_are_cut() -> None:
    assert (
        write_text(b"x" * (MAX_TEXT_OCTETS + 1))
        == b"{%d}\r\n" % MAX_TEXT_OCTETS + b"x" * MAX_TEXT_OCTETS
    )


def test_address_fields_beyond_the_limit_of_the_message_are_not_read() -> None:
    writer = EnvelopeWriter()
    values = {b"to": b"a@b," + b" " * (MAX_ADDRESS_OCTETS // 8)}
    written = [writer.write(values) for _ in range(10)]

    assert b'"a" "b"' in written[0]
    assert b'"a" "b"' not in written[-1]


@given(st.binary())
def test_a_text_is_a_string_whatever_comes(value: bytes) -> None:
    written = write_text(value)

    assert b"\0" not in written
    if written.startswith(b"{"):
        size, _, octets = written[1:].partition(b"}\r\n")
        assert len(octets) == int(size)
    else:
        assert written.isascii()
        assert b"\n" not in written
        assert b"\r" not in written
        inside = written[1:-1].replace(b"\\\\", b"").replace(b'\\"', b"")
        assert written[:1] == written[-1:] == b'"'
        assert b'"' not in inside
        assert b"\\" not in inside

"""Messages are made such that every server takes them, and nothing in them is lost."""

import base64
import email
import email.policy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailclad.mail import seven_bit
from mailclad.mail.headers import MAX_FIELDS, MAX_HEADER_OCTETS
from mailclad.mail.mime import scan
from mailclad.mail.parts import Part
from mailclad.mail.seven_bit import MAX_LINE_OCTETS, is_plain, make_plain
from mailclad.mail.transfer import decode_transfer

TOP = b"Subject: x\r\nMIME-Version: 1.0\r\n"
UTF8 = "naïve, ".encode() * 3 + b"plain text, and more of it\r\n"


def made(octets: bytes) -> bytes:
    return b"".join(make_plain(octets))


def plain(octets: bytes) -> bool:
    return is_plain(octets, 0, len(octets))


def decoded(octets: bytes) -> list[bytes]:
    """The leaves, as programs show them."""

    def leaves(part: Part) -> list[Part]:
        return [part] if not part.children else [x for one in part.children for x in leaves(one)]

    return [
        decode_transfer(octets[one.body_start : one.body_end], one.transfer_encoding)
        for one in leaves(scan(octets))
    ]


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    head = b"Content-Type: multipart/%b; boundary=b\r\n\r\npreamble\r\n" % kind
    return TOP + head + b"".join([b"--b\r\n%b\r\n" % part for part in parts]) + b"--b--\r\n"


@pytest.mark.parametrize(
    ("octets", "is_so"),
    [
        (b"a\r\nb\r\n", True),
        (b"", True),
        (b"x" * MAX_LINE_OCTETS + b"\r\n" + b"x" * MAX_LINE_OCTETS, True),
        (b"x" * (MAX_LINE_OCTETS + 1), False),
        (b"a\r\n" + b"x" * (MAX_LINE_OCTETS + 1) + b"\r\n", False),
        (b"a\xff", False),
        (b"a\0", False),
        (b"a\n", False),
        (b"a\rb", False),
        ((b"x" * 70 + b"\r\n") * 10_000, True),
        ((b"x" * 70 + b"\r\n") * 10_000 + b"\n", False),
    ],
)
def test_what_every_server_takes(octets: bytes, is_so: bool) -> None:
    assert plain(octets) is is_so


def test_text_is_quoted() -> None:
    body = UTF8 + b"x" * 2000 + b"\r\n-- \r\nA.\r\n"
    header = (
        TOP + b"Content-Transfer-Encoding: 8bit\r\nContent-Type: text/plain; charset=utf-8\r\n"
    )
    octets = made(header + b"\r\n" + body)
    assert plain(octets)
    assert octets.startswith(
        TOP + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-E"
    )
    assert b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nna=C3=AFve, " in octets
    assert octets.count(b"Content-Transfer-Encoding") == 1
    assert decoded(octets) == [body]
    shown: Any = email.message_from_bytes(octets, policy=email.policy.default)
    assert shown.get_content().replace("\r\n", "\n") == body.decode().replace("\r\n", "\n")


def test_text_that_is_mostly_beyond_ascii_becomes_base64() -> None:
    body = "Привет\r\n".encode() * 400
    octets = made(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body)
    assert b"Content-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n\r\n" in octets
    assert octets.endswith(b"\r\n")
    assert decoded(octets) == [body]


def test_a_message_without_a_header_gets_one() -> None:
    octets = made(b"\r\n" + UTF8)
    assert octets.startswith(
        b"Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n"
    )
    assert decoded(octets) == [UTF8]


def test_only_parts_that_need_it_are_changed() -> None:
    parts = [
        b"\r\n" + UTF8,
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\r\n\x1a\n\0",
        b"Content-Type: text/plain\r\n\r\nas it is",
        b"Content-Type: text/html\r\n\r\n" + b"<p>" * 1000,
        b"Content-Type: message/rfc822\r\n\r\nSubject: in it\r\n\r\n" + UTF8,
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"z" * 3000),
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"short"),
    ]
    whole = mixed(*parts)
    octets = made(whole)
    assert plain(octets)
    assert decoded(octets) == decoded(whole)
    assert parts[2] in octets
    assert parts[6] in octets
    assert octets.startswith(whole[: whole.index(b"--b")])
    inner = octets[octets.index(b"Subject: in it") :]
    assert inner.startswith(
        b"Subject: in it\r\nContent-Transfer-Encoding: quoted-printable\r\nMIME"
    )


@pytest.mark.rfc("1847", "2.1")
@pytest.mark.parametrize(
    "octets",
    [
        mixed(b"\r\n" + UTF8, b"Content-Type: application/pgp-signature\r\n\r\nx", kind=b"signed"),
        TOP + b"Content-Type: multipart/mixed; boundary=never\r\n\r\n" + UTF8,
        mixed(b"Content-Type: message/global\r\n\r\nSubject: \xc3\xa9\r\n\r\n" + UTF8),
        mixed(b"Content-Type: message/partial\r\n\r\n" + UTF8),
        mixed(b"Content-Type: multipart/mixed; boundary=never\r\n\r\n" + UTF8),
        TOP + b"Content-Transfer-Encoding: x-mine\r\n\r\n" + UTF8,
        b"Subject: x\nContent-Type: text/plain\n\n" + UTF8,
        b"X: y\r\n" * MAX_FIELDS + b"Content-Type: image/png\r\n\r\n\xff\r\n",
        b"X: %b\r\nContent-Type: image/png\r\n\r\n\xff\r\n" % (b"y" * MAX_HEADER_OCTETS),
        TOP + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + UTF8,
    ],
)
def test_what_may_not_be_encoded_stays(octets: bytes) -> None:
    assert made(octets) == octets


def test_a_header_of_which_little_was_read_stays() -> None:
    many = b"X: y\r\n" * MAX_FIELDS
    octets = made(many + b"\r\n" + UTF8)
    assert octets.startswith(many + b"Content-Transfer-Encoding: quoted-printable\r\n")


def test_what_is_too_large_to_be_decoded_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = TOP + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUFB" * 1000
    monkeypatch.setattr(seven_bit, "DECODED_OCTETS", 3999)
    assert made(octets) == octets


def test_large_text_becomes_base64_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seven_bit, "QUOTED_OCTETS", len(UTF8) * 9 - 1)
    monkeypatch.setattr(seven_bit, "_ENCODED_AT_ONCE", 57)
    octets = made(b"Subject: x\r\n\r\n" + UTF8 * 9)
    assert b"base64" in octets
    assert max(map(len, octets.splitlines())) <= 76
    assert decoded(octets) == [UTF8 * 9]


def test_no_boundary_appears_by_chance() -> None:
    """A soft line break puts what was in the middle of a line at the start of one."""
    text = b"\xc3\xa9" + b"x" * 69 + b"--b--" + b"y" * 2000
    whole = mixed(b"Content-Type: text/plain\r\n\r\n" + text, b"\r\nsecond")
    octets = made(whole)
    assert decoded(octets) == [text, b"second"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"text/plain", b"text/html; charset=utf-8", b"image/png"]),
            st.one_of(
                st.binary(max_size=200),
                st.text(max_size=200).map(str.encode),
                st.sampled_from([b"x" * 999, b"\xff" * 1500, b" \r\n \xc3\xa9 ", b"\xff\r\n\r\n"]),
            ),
        ),
        max_size=3,
    )
)
@example([(b"text/plain", b"\xc3\xa9 \r\n")])
def test_nothing_is_lost(parts: list[tuple[bytes, bytes]]) -> None:
    boundary = b"=_" + b"q" * 20
    head = b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n' % boundary
    whole = (
        TOP
        + head
        + b"".join(
            [
                b"--%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (boundary, kind, body)
                for kind, body in parts
            ]
        )
    )
    whole += b"--%b--\r\n" % boundary
    octets = made(whole)
    if parts:
        assert plain(octets)
    assert decoded(octets) == decoded(whole)
    assert made(octets) == octets


@given(st.binary(max_size=400))
def test_any_octets(octets: bytes) -> None:
    assert decoded(made(octets)) == decoded(octets)

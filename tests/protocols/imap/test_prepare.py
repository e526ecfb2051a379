"""Everything that is stored beside a message, of sane, broken and hostile messages."""

# ruff: noqa: E501 - a case is one line of a table

import mmap
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.parts import PartMap, unpack_parts
from mailclad.mail.prepared import PREPARED_VERSION, Prepared
from mailclad.protocols.imap.prepare import MAX_SEARCH_OCTETS, prepare

MESSAGE = b"""Received: by mx.example.org; Mon, 1 Jan 2024 00:00:00 +0000
From: =?utf-8?q?Ren=C3=A9?= <rene@example.org>
To: "Ada, L." <ada@example.org>
To: grace@example.org
Cc: A@EXAMPLE.org
Subject: =?utf-8?b?U3RyYcOfZQ==?= 12
Date: Mon, 1 Jan 2024 12:00:00 +0100
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: text/plain

Hello
there.
""".replace(b"\n", b"\r\n")


def test_a_message() -> None:
    prepared = prepare(MESSAGE)

    assert prepared.version == PREPARED_VERSION
    assert prepared.octets == len(MESSAGE)
    assert prepared.subject == "strasse 12"
    assert prepared.from_ == "rené <rene@example.org>"
    assert prepared.to == '"ada, l." <ada@example.org> , grace@example.org'
    assert prepared.cc == "a@example.org"
    assert prepared.bcc == ""
    assert prepared.message_id == "1@example.org"
    assert prepared.sent_at == 1704106800
    assert prepared.preview == "Hello there."
    assert prepared.body_structure.startswith(b'("text" "plain" ("charset" "us-ascii")')
    assert (
        b'("Ada, L." NIL "ada" "example.org")(NIL NIL "grace" "example.org")' in prepared.envelope
    )
    assert (
        prepared.fields
        == MESSAGE[MESSAGE.index(b"From") : MESSAGE.index(b"MIME")]
        + b"Content-Type: text/plain\r\n"
    )
    assert unpack_parts(prepared.parts).body_start == MESSAGE.index(b"Hello")


def test_an_empty_message_is_prepared_too() -> None:
    prepared = prepare(b"")

    assert prepared.envelope == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert prepared.body == b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)'
    assert (prepared.subject, prepared.message_id, prepared.sent_at) == ("", "", None)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"<a@b> (c)", "a@b"),
        (b" a@b ", "a@b"),
        (b"\r\n <a@b>", "a@b"),
        (b"<a\0b>", "a b"),
        (b"", ""),
    ],
)
def test_a_message_id_is_without_brackets(value: bytes, wanted: str) -> None:
    assert prepare(b"Message-ID: " + value + b"\r\n\r\n").message_id == wanted


def test_search_texts_beyond_the_limit_are_cut() -> None:
    prepared = prepare(b"Subject: " + b"x" * (2 * MAX_SEARCH_OCTETS) + b"\r\n\r\n")

    assert len(prepared.subject) == MAX_SEARCH_OCTETS - 1  # the blank behind the colon


def test_a_mapped_file_is_prepared_like_bytes(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(MESSAGE)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert prepare(mapped) == prepare(MESSAGE)


# --- what is rendered can be read -------------------------------------------------


QUOTED = re.compile(rb'"((?:[^"\\\r\n\0\x80-\xff]|\\["\\])*+)"')
WORD = re.compile(rb"[0-9]+|NIL")


class Rendered:
    """Reads a rendered list back: strings as bytes, NIL as None, numbers, lists."""

    def __init__(self, octets: bytes) -> None:
        self.octets, self.at = octets, 0

    def read(self) -> object:
        octets, at = self.octets, self.at
        first = octets[at : at + 1]
        if first == b"(":
            return self._list()
        if first == b'"':
            return self._quoted()
        if first == b"{":
            end = octets.index(b"}\r\n", at)
            start = end + 3
            self.at = start + int(octets[at + 1 : end])
            assert self.at <= len(octets)
            return octets[start : self.at]
        word = WORD.match(octets, at)
        assert word is not None
        self.at = word.end()
        return None if word[0] == b"NIL" else int(word[0])

    def _quoted(self) -> bytes:
        match = QUOTED.match(self.octets, self.at)
        assert match is not None
        self.at = match.end()
        return re.sub(rb"\\(.)", rb"\1", match[1])

    def _list(self) -> list[object]:
        found: list[object] = []
        self.at += 1
        while self.octets[self.at : self.at + 1] != b")":
            if found and self.octets[self.at : self.at + 1] != b"(":
                assert self.octets[self.at : self.at + 1] == b" "
            if self.octets[self.at : self.at + 1] == b" ":
                self.at += 1
            found.append(self.read())
        self.at += 1
        return found


def read_back(octets: bytes) -> list[object]:
    rendered = Rendered(octets)
    found = rendered.read()
    assert rendered.at == len(octets)
    assert isinstance(found, list)
    return found


def check_envelope(envelope: object) -> None:
    assert isinstance(envelope, list)
    assert len(envelope) == 10
    for place in (0, 1, 8, 9):
        assert envelope[place] is None or isinstance(envelope[place], bytes)
    for place in range(2, 8):
        for address in envelope[place] or []:
            assert len(address) == 4
            assert all(item is None or isinstance(item, bytes) for item in address)


def check_body(body: object, part: PartMap, extended: bool) -> None:
    """The grammar of RFC 9051 §9 ``body``, and that it shows this part."""
    assert isinstance(body, list)
    if isinstance(body[0], list):
        bodies = [item for item in body if isinstance(item, list)][: len(part.children)]
        assert part.media_type.startswith("multipart/")
        assert body[len(bodies)] == part.media_type.partition("/")[2].encode()
        assert len(body) == len(bodies) + (5 if extended else 1)
        for one, child in zip(bodies, part.children, strict=True):
            check_body(one, child, extended)
        return
    kind = body[0]
    assert body[0] + b"/" + body[1] == part.media_type.encode()
    assert body[6] == part.octets
    rest = body[7:]
    if kind == b"message" and body[1] in {b"rfc822", b"global"}:
        check_envelope(rest[0])
        check_body(rest[1], part.children[0], extended)
        assert rest[2] == part.lines
        rest = rest[3:]
    elif kind == b"text":
        assert rest[0] == part.lines
        rest = rest[1:]
    assert len(rest) == (4 if extended else 0)


def check(prepared: Prepared, message: bytes) -> None:
    assert prepared.octets == len(message)
    parts = unpack_parts(prepared.parts)
    check_envelope(read_back(prepared.envelope))
    check_body(read_back(prepared.body), parts, extended=False)
    check_body(read_back(prepared.body_structure), parts, extended=True)
    for text in (
        prepared.subject,
        prepared.from_,
        prepared.to,
        prepared.cc,
        prepared.bcc,
        prepared.message_id,
    ):
        assert "\0" not in text
        assert "\n" not in text
        text.encode("utf-8")
    prepared.preview.encode("utf-8")
    assert len(prepared.preview) <= 200
    assert b"\0" not in prepared.envelope + prepared.body_structure


HEADS = [
    b"From: a <b@c>, d\r\n", b"To: g: a@b;\r\n", b"Subject: =?utf-8?q?=C3=A9?= \xff\0\r\n", b"Date: 1 Jan 2024 0:0\r\n",
    b"Message-ID: <x>\r\n", b"Content-Type: multipart/mixed; boundary=a\r\n", b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n", b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Disposition: attachment; filename*0*=x''%ff; filename*1=\"\\\"\"\r\n", b"Content-Language: a, b\r\n",
    b"Content-MD5: \\\"x\r\n", b"\r\n", b"--a\r\n", b"--a--\r\n", b"text +2AA-\r\n", b"<b>\r\n", b"\n", b"\xff", b"\0",
]  # fmt: skip
MESSAGES = st.lists(st.sampled_from(HEADS), max_size=30).map(b"".join) | st.binary()


@pytest.mark.slow
@given(MESSAGES)
def test_whatever_comes_is_prepared_and_can_be_read(message: bytes) -> None:
    check(prepare(message), message)


# --- hostile headers and bodies (T-MI1, T-MI2) --------------------------------------

MIB = 1 << 20
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
HOSTILE = {
    "a million headers": b"a:\n" * 1_000_000 + b"\nbody",
    "a header of 10 MiB": b"Subject: " + b"x" * (10 * MIB) + b"\r\n\r\nbody",
    "40,000 addresses": b"To: " + b",\r\n ".join([b"u%d@example.com" % n for n in range(40_000)]) + b"\r\n\r\n",
    "16,000 parameter sections": b"Content-Type: text/plain" + b"".join([b";\r\n name*%d*=%%41" % n for n in range(16_000)]) + b"\r\n\r\n",
    "nested comments": b"From: " + b"(" * 1_000 + b")" * 1_000 + b" a@b\r\nDate: " + b"(" * MIB + b"\r\n\r\n",
    "8,000 encoded words": b"Subject: " + b"\r\n ".join([b"=?utf-8?q?abc?="] * 8_000) + b"\r\n\r\n",
    "depth 10,000": b"".join([b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(10_000)]),
    "100,000 parts": MIXED + b"--b\r\n\r\n" * 100_000,
    "a boundary of 1 MiB": MIXED.replace(b"=b", b"=" + b"b" * MIB) + b"--" + b"b" * MIB,
    "boundaries that are none": MIXED + b"--b\r\n" + b"\n--bx" * 1_000_000,
    "brackets without end": b"".join([name + b": " + b"<a@ " * 65_000 + b"\r\n" for name in (b"From", b"To", b"Cc", b"Bcc")]),
    "envelopes in parts": MIXED + (b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: " + b"< " * 1_000 + b"\r\n\r\n") * 500,
    "parameters in parts": MIXED + (b"--b\r\nContent-Type: a/b" + b";a=b" * 200 + b"\r\n\r\n") * 999,
    "blanks in a subject": b"Subject: a" + b" \t" * 500_000 + b"b\r\n\r\n",
    "blanks in a type": b"Content-Type: a/b" + b"\n " * 500_000 + b"\r\n\r\n",
    "blanks in a location": b"Content-Location: " + b"a \t" * 300_000 + b"\r\n\r\n",
    "quotes in a type": b"Content-Type: a/b" + b';a="' * 250_000 + b"\r\n\r\n",
    "line ends": b"\n" * (5 * MIB),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_prepared_within_a_second(name: str) -> None:
    """Linear by construction (tests/mail/test_mime.py counts); this is the figure promised."""
    message = HOSTILE[name]
    begin = time.process_time()
    prepared = prepare(message)
    spent = time.process_time() - begin

    assert spent < 1
    if len(prepared.body_structure) < 64 * 1024:
        check(prepared, message)
    assert len(prepared.body_structure) < 3 * MIB
    assert len(prepared.envelope) < MIB

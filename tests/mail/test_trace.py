"""Trace fields (RFC 5321 §4.4, RFC 3848, RFC 6531 §4.3, RFC 8314 §4.3)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.tls_policy import TlsFacts
from mailclad.mail.address import Address
from mailclad.mail.trace import make_stamp, protocol_word, write_trace

NOW = 1_767_225_600
BOB = Address("bob", "elsewhere.example")
ADA = Address("ada", "example.org")


def facts(suite: str, group: str | None) -> TlsFacts:
    return TlsFacts("TLSv1.3", suite, group, None, None, False, lambda: None, lambda: b"")


def received(hello: str, peer: str = "192.0.2.7", tls: TlsFacts | None = None) -> bytes:
    stamp = make_stamp(hello, peer, "mx.example.org", tls)
    return write_trace(stamp, "ESMTP", "id1", BOB, None, NOW).partition(b"\r\n")[2]


def test_the_block_is_written_as_the_rfc_shows_it() -> None:
    stamp = make_stamp("c.example", "2001:db8::1", "mx.example.org", None)
    assert write_trace(stamp, "LMTP", "id1", None, ADA, NOW) == (
        b"Return-Path: <>\r\n"
        b"Delivered-To: ada@example.org\r\n"
        b"Received: from c.example ([IPv6:2001:db8::1])\r\n"
        b"\tby mx.example.org with LMTP id id1\r\n"
        b"\tfor <ada@example.org>;\r\n"
        b"\tThu, 01 Jan 2026 00:00:00 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("suite", "group", "clause"),
    [
        ("TLS_AES_128_GCM_SHA256", None, b"\r\n\ttls TLS_AES_128_GCM_SHA256;"),
        ("TLS_X", "x25519", b"\r\n\ttls TLS_X group x25519;"),
        ("TLS_X", "not a name", b"\r\n\ttls TLS_X;"),
        ("(NONE)", "x25519", b"id1;"),
    ],
)
def test_the_tls_clause(suite: str, group: str | None, clause: bytes) -> None:
    assert clause in received("c.example", tls=facts(suite, group))


@pytest.mark.parametrize(
    ("hello", "peer", "source"),
    [
        ("c.example", "192.0.2.7", b"from c.example ([192.0.2.7])"),
        ("[192.0.2.7]", "192.0.2.7", b"from [192.0.2.7] ([192.0.2.7])"),
        ("c.example", "", b"from c.example"),
        ("my_pc", "192.0.2.7", b"from [192.0.2.7] (called my_pc)"),
        ("a)b(c", "192.0.2.7", b"from [192.0.2.7] (called a?b?c)"),
        ("bücher.example", "", b"from localhost (called b?cher.example)"),
    ],
)
def test_what_a_client_calls_itself(hello: str, peer: str, source: bytes) -> None:
    assert received(hello, peer).startswith(b"Received: " + source + b"\r\n\tby mx.example.org ")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_no_name_breaks_out_of_the_field(hello: str) -> None:
    field = received(hello)
    assert re.fullmatch(
        rb"Received: from [^()\r\n]+\([^()\r\n]+\)\r\n\tby mx\.example\.org with ESMTP id id1;\r\n"
        rb"\tThu, 01 Jan 2026 00:00:00 \+0000\r\n",
        field,
    )


@pytest.mark.parametrize(
    ("extended", "lmtp", "tls", "authenticated", "utf8", "word"),
    [
        (False, False, True, False, False, "SMTP"),
        (True, False, False, False, False, "ESMTP"),
        (True, False, True, False, False, "ESMTPS"),
        (True, False, True, True, False, "ESMTPSA"),
        (True, False, False, False, True, "UTF8SMTP"),
        (True, False, True, True, True, "UTF8SMTPSA"),
        (True, True, False, False, False, "LMTP"),
        (True, True, True, False, True, "UTF8LMTPS"),
    ],
)
def test_the_word_behind_with(
    extended: bool, lmtp: bool, tls: bool, authenticated: bool, utf8: bool, word: str
) -> None:
    assert word == protocol_word(
        extended=extended, lmtp=lmtp, tls=tls, authenticated=authenticated, utf8=utf8
    )

"""First octets, and whose they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.diagnose.facts import Spoken
from mailclad.services.diagnose.spoken import recognise, turns_away


@pytest.mark.parametrize(
    ("octets", "spoken"),
    [
        (b"", Spoken.NOTHING),
        (b"220 mx.test ESMTP Postfix\r\n", Spoken.SMTP),
        (b"220-wait\r\n", Spoken.SMTP),
        (b"220\r\n", Spoken.SMTP),
        (b"421 busy\r\n", Spoken.SMTP),
        (b"554 no\r\n", Spoken.SMTP),
        (b"220 files.test FTP server ready\r\n", Spoken.OTHER),
        (b"* OK [CAPABILITY IMAP4rev1] hi\r\n", Spoken.IMAP),
        (b"* bye busy\r\n", Spoken.IMAP),
        (b"* PREAUTH in\r\n", Spoken.IMAP),
        (b"+OK hi\r\n", Spoken.POP3),
        (b"-ERR busy\r\n", Spoken.POP3),
        (b'"IMPLEMENTATION" "x"\r\nOK\r\n', Spoken.SIEVE),
        (b'"STARTTLS"\r\nOK\r\n', Spoken.SIEVE),
        (b"BYE busy\r\n", Spoken.SIEVE),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Spoken.SSH),
        (b"HTTP/1.1 400 Bad Request\r\n", Spoken.HTTP),
        (b"\n<!DOCTYPE html>", Spoken.HTTP),
        (b"<html>", Spoken.HTTP),
        (b"\x15\x03\x03\x00\x02\x02\x46", Spoken.TLS),
        (b"\x16\x03\x03", Spoken.TLS),
        (b"2200 no code\r\n", Spoken.OTHER),
        (b"* OKAY\r\n", Spoken.OTHER),
        (b"\x00\x01", Spoken.OTHER),
    ],
)
def test_it_is_recognised(octets: bytes, spoken: Spoken) -> None:
    assert recognise(octets) is spoken


@pytest.mark.parametrize(
    "greeting", [b"421 busy\r\n", b"554-no", b"* BYE x", b"-ERR", b"NO {3}", b'BYE "x"', b"450"]
)
def test_a_refusal_at_the_door_is_one(greeting: bytes) -> None:
    assert turns_away(greeting)


@pytest.mark.parametrize("greeting", [b"220 hi", b"* OK", b"+OK", b"OK", b"* PREAUTH", b"4", b""])
def test_a_welcome_is_none(greeting: bytes) -> None:
    assert not turns_away(greeting)


@given(st.binary())
def test_anything_has_a_word(octets: bytes) -> None:
    assert recognise(octets) in Spoken

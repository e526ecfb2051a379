"""Senders that want more than to deliver: relaying, smuggling.

The verdict is what lies in the mailboxes, never what the sender was told.
"""

import itertools

import pytest

from tests.faults.client import Client, stored_in_inbox
from tests.faults.serving import House

pytestmark = pytest.mark.slow

ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r.\n",
    b"\n.\r",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n.\0\r\n",
    b"\n\n.\r\n",
]
"""What some programs take for the end of a message, and RFC 5321 does not."""

ELSEWHERE = [
    b"user@elsewhere.test",
    b"user%elsewhere.test@example.test",
    b"user!elsewhere.test@example.test",
    b"elsewhere.test!user@example.test",
    b"@example.test:user@elsewhere.test",
    b'"user@elsewhere.test"@example.test',
    b'"user%elsewhere.test"@example.test',
    b"user@elsewhere.test@example.test",
    b"user@[127.0.0.1]",
    b"user@[192.0.2.1]",
    b"user@localhost",
    b"user@EXAMPLE.test.elsewhere.test",
    b'"user@elsewhere.test"',
    b"user",
]

_numbers = itertools.count(1)


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("sender", [b"", b"a@there.test", b"reader0@example.test"])
@pytest.mark.parametrize(("service", "tls"), [("smtp", "starttls"), ("lmtp", "none")])
def test_nothing_is_relayed(
    house: House, service: str, tls: str, sender: bytes, address: bytes
) -> None:
    with Client(house, service, tls) as client:
        client.hello()
        assert client.ask(b"MAIL FROM:<%b>" % sender).startswith(b"250 ")
        answer = client.ask(b"RCPT TO:<%b>" % address)
        assert answer.startswith(b"5"), answer
        assert client.ask(b"DATA").startswith((b"503 ", b"554 "))
        client.lives_on()


def test_nothing_is_relayed_inside_tls_or_for_a_stranger_on_465(house: House) -> None:
    with Client(house, "smtp", "starttls") as client:
        client.hello().start_tls().hello()
        client.ask(b"MAIL FROM:<a@there.test>")
        assert client.ask(b"RCPT TO:<user@elsewhere.test>").startswith(b"550 5.7.1")
    with Client(house, "submission") as client:
        client.hello()
        assert client.ask(b"MAIL FROM:<reader0@example.test>").startswith(b"530 5.7.0")
        assert client.ask(b"RCPT TO:<user@elsewhere.test>").startswith((b"503", b"530"))


def smuggle(client: Client, octets: bytes) -> None:
    """Send a message with something that looks like its end, and the next one behind it."""
    client.hello()
    client.ask(b"MAIL FROM:<a@there.test>")
    client.ask(b"RCPT TO:<reader0@example.test>")
    assert client.ask(b"DATA").startswith(b"354")
    client.send_as_far_as_possible(octets)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("service", "tls"), [("smtp", "starttls"), ("lmtp", "none")])
def test_no_message_hides_in_another(house: House, service: str, tls: str, end: bytes) -> None:
    number = next(_numbers)
    before = stored_in_inbox(house).count(b"\r\nSubject: outer")
    smuggled = (
        b"MAIL FROM:<smuggled@evil.test>\r\nRCPT TO:<reader0@example.test>\r\nDATA\r\n"
        b"From: smuggled@evil.test\r\nSubject: inner %d\r\n\r\nx\r\n.\r\n" % number
    )
    with Client(house, service, tls) as client:
        smuggle(client, b"Subject: outer %d\r\n\r\nbody%b%b" % (number, end, smuggled))
        answer = client.rest()
        assert answer.startswith(b"550 5.6.0"), answer
        assert answer.count(b"\n") == 1, "one message, one reply"
        client.others_are_served()
    stored = stored_in_inbox(house)
    assert stored.count(b"\r\nSubject: outer") == before
    assert b"Return-Path: <smuggled@evil.test>" not in stored
    assert b"\r\nSubject: inner %d\r\n" % number not in stored


def test_chunks_are_counted_and_what_looks_like_an_end_is_only_text(house: House) -> None:
    octets = b"Subject: chunk\r\n\r\nbody\n.\r\nMAIL FROM:<smuggled@evil.test>\r\n.\r\n"
    with Client(house, "smtp", "starttls") as client:
        client.hello()
        client.ask(b"MAIL FROM:<a@there.test>")
        client.ask(b"RCPT TO:<reader0@example.test>")
        client.send(b"BDAT %d LAST\r\n" % len(octets) + octets)
        assert client.line().startswith(b"250 ")
        client.lives_on()
    stored = stored_in_inbox(house)
    assert octets in stored
    assert b"Return-Path: <smuggled@evil.test>" not in stored

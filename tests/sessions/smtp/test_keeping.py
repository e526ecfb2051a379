"""Between the last dot and 250: what is kept, what is said when it cannot be."""

import dataclasses

import pytest

from mailclad.engines.spool.spool import FileSpool
from mailclad.mail.headers import find_body, split_fields
from mailclad.protocols.smtp.conversation import Role
from mailclad.services.receive.guard import Client
from mailclad.sessions.smtp.session import meet
from mailclad.store.errors import (
    AccountNotFound,
    DiskFull,
    OverQuota,
    SentTooMuch,
    StoreUnavailable,
)
from mailclad.store.queue import Dispatch, QueueId
from tests.sessions.smtp.talk import TLS, FakeStore, Talk

HELLO = b"EHLO client.example\r\n"
MAIL = b"MAIL FROM:<bob@elsewhere.example>\r\n"
ADA = b"RCPT TO:<ada@example.org>\r\n"
GRACE = b"RCPT TO:<grace@example.org>\r\n"
DATA = b"DATA\r\n"
MESSAGE = b"Subject: x\r\n\r\nhello\r\n.\r\n"


def last_codes(said: bytes, count: int = 1) -> list[bytes]:
    return [line[:9] for line in said.splitlines()][-count:]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (DiskFull(), b"452 4.3.1"),
        (StoreUnavailable(), b"451 4.3.0"),
        (OverQuota(), b"552 5.2.2"),
        (SentTooMuch(), b"452 4.7.1"),
        (AccountNotFound(), b"550 5.1.1"),
    ],
)
def test_a_store_that_cannot_is_told_of_and_the_next_message_may_come(
    problem: Exception, code: bytes
) -> None:
    talk = Talk()
    talk.store.problem = problem
    assert last_codes(talk.feed(HELLO + MAIL + ADA + DATA + MESSAGE)) == [code]
    talk.store.problem = None
    assert last_codes(talk.feed(MAIL + ADA + DATA + MESSAGE)) == [b"250 2.0.0"]
    assert len(talk.store.kept) == 1


def test_lmtp_tells_of_each_recipient() -> None:
    talk = Talk(Role.LMTP)
    talk.store.problem = OverQuota()
    talk.store.full = frozenset({2})
    said = talk.feed(b"LHLO client.example\r\n" + MAIL + ADA + GRACE + DATA + MESSAGE)

    assert last_codes(said, 2) == [b"250 2.0.0", b"552 5.2.2"]
    assert [accounts for accounts, _ in talk.store.kept] == [(1,)]


def test_lmtp_does_not_try_again_what_may_have_been_kept() -> None:
    class Unsure(FakeStore):
        async def enqueue(self, dispatch: Dispatch) -> tuple[QueueId, ...]:
            await super().enqueue(dispatch)
            raise StoreUnavailable

    talk = Talk(Role.LMTP, store=Unsure())
    said = talk.feed(b"LHLO client.example\r\n" + MAIL + ADA + GRACE + DATA + MESSAGE)

    assert last_codes(said, 2) == [b"451 4.3.0"] * 2
    assert [accounts for accounts, _ in talk.store.kept] == [(1, 2)]


def test_smtp_tells_once_and_nobody_has_half() -> None:
    talk = Talk()
    talk.store.problem = OverQuota()
    talk.store.full = frozenset({2})
    said = talk.feed(HELLO + MAIL + ADA + GRACE + DATA + MESSAGE)

    assert last_codes(said, 2) == [b"354 Send ", b"552 5.2.2"]
    assert talk.store.kept == []


def test_lmtp_refuses_a_spoilt_message_for_each_recipient() -> None:
    talk = Talk(Role.LMTP)
    hello = b"LHLO client.example\r\n"
    said = talk.feed(hello + MAIL + ADA + GRACE + DATA + b"bare\nline\r\n.\r\n")

    assert last_codes(said, 3) == [b"354 Send ", b"550 5.6.0", b"550 5.6.0"]


def test_somebody_named_twice_gets_it_once() -> None:
    talk = Talk()
    team = b"RCPT TO:<team@example.org>\r\n"
    talk.feed(HELLO + MAIL + ADA + team + ADA + DATA + MESSAGE)

    assert [accounts for accounts, _ in talk.store.kept] == [(1, 2)]


def test_the_trace_fields_of_one_recipient() -> None:
    """RFC 5321 §4.4, RFC 3848, RFC 8314 §4.3."""
    talk = Talk(tls=TLS)
    talk.feed(HELLO + MAIL + ADA + DATA + MESSAGE)

    assert talk.store.kept[0][1] == (
        b"Return-Path: <bob@elsewhere.example>\r\n"
        b"Delivered-To: ada@example.org\r\n"
        b"Received: from client.example ([192.0.2.7])\r\n"
        b"\tby mx.example.org with ESMTPS id id1\r\n"
        b"\tfor <ada@example.org>\r\n"
        b"\ttls TLS_AES_256_GCM_SHA384 group X25519MLKEM768;\r\n"
        b"\tThu, 01 Jan 2026 00:00:00 +0000\r\n"
        b"Subject: x\r\n\r\nhello\r\n"
    )


def test_with_several_recipients_none_is_told_of_the_others() -> None:
    talk = Talk()
    talk.feed(HELLO + b"MAIL FROM:<>\r\n" + ADA + GRACE + DATA + MESSAGE)

    assert talk.store.kept[0][1].startswith(
        b"Return-Path: <>\r\n"
        b"Received: from client.example ([192.0.2.7])\r\n"
        b"\tby mx.example.org with ESMTP id id1;\r\n"
    )


def test_fifty_hops_are_a_long_way_and_more_a_loop() -> None:
    talk = Talk()
    hop = b"Received: from a by b; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
    assert last_codes(talk.feed(HELLO + MAIL + ADA + DATA + hop * 50 + MESSAGE)) == [b"250 2.0.0"]
    said = talk.feed(MAIL + ADA + DATA + b"RECEIVED: from x\r\n" + hop * 50 + MESSAGE)
    assert last_codes(said) == [b"554 5.4.6"]
    said = talk.feed(MAIL + ADA + DATA + MESSAGE.replace(b"hello", b"hello\r\n" + hop * 60))
    assert last_codes(said) == [b"250 2.0.0"]


def test_what_was_delivered_to_the_same_address_before_is_a_loop() -> None:
    talk = Talk()
    before = b"Delivered-To: Ada@Example.org\r\n"
    assert last_codes(talk.feed(HELLO + MAIL + ADA + DATA + before + MESSAGE)) == [b"554 5.4.6"]
    assert last_codes(talk.feed(MAIL + GRACE + DATA + before + MESSAGE)) == [b"250 2.0.0"]


def test_what_one_was_sent_one_may_send_on() -> None:
    """Submission does not hold Delivered-To against the person who read it there."""
    talk = Talk(Role.SUBMISSION, tls=TLS)
    talk.feed(HELLO + b"AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n")
    before = b"Delivered-To: ada@example.org\r\nFrom: ada@example.org\r\n"
    said = talk.feed(b"MAIL FROM:<ada@example.org>\r\n" + ADA + DATA + before + MESSAGE)
    assert last_codes(said) == [b"250 2.0.0"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"From: Ada <ada@example.org>, grace@example.org\r\n", b"550 5.7.1"),
        (b"From: grace@example.org\r\nFrom: ada@example.org\r\n", b"550 5.6.0"),
        (b"From: nobody\r\n", b"550 5.6.0"),
        (b"From: \r\n", b"550 5.6.0"),
        (b"From: \xff@example.org\r\n", b"550 5.6.0"),
        (b'From: "ada"@example.org\r\n', b"250 2.0.0"),
        (b"from : =?utf-8?q?Ada?= <ADA@example.org>\r\n", b"250 2.0.0"),
        (b"", b"250 2.0.0"),
    ],
)
def test_nobody_writes_in_anothers_name(header: bytes, code: bytes) -> None:
    talk = Talk(Role.SUBMISSION, tls=TLS)
    talk.feed(HELLO + b"AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n")
    said = talk.feed(b"MAIL FROM:<ada@example.org>\r\n" + ADA + DATA + header + MESSAGE)
    assert last_codes(said) == [code]


def test_text_without_a_header_is_given_one() -> None:
    talk = Talk(Role.SUBMISSION, tls=TLS)
    talk.feed(HELLO + b"AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n")
    talk.feed(b"MAIL FROM:<ada@example.org>\r\n" + ADA + DATA + b"just text\r\n.\r\n")

    (kept,) = talk.messages()
    assert kept == (
        b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nFrom: <ada@example.org>\r\n"
        b"Message-ID: <id1@mx.example.org>\r\n\r\njust text\r\n"
    )


def test_a_full_spool_is_told_of_at_the_end() -> None:
    talk = Talk()
    talk.feed(HELLO + MAIL + ADA + DATA)
    assert talk.feed(b"x" * 400_000) == b""  # this spool has no directory for its file
    assert last_codes(talk.feed(b"\r\n.\r\n")) == [b"452 4.3.1"]
    assert last_codes(talk.feed(MAIL + ADA + DATA + MESSAGE)) == [b"250 2.0.0"]


def test_a_spool_that_fills_up_in_a_chunk_spoils_the_message() -> None:
    """RFC 3030 §2: chunks already on their way are read past, then RSET is due."""
    talk = Talk()
    talk.feed(HELLO + MAIL + ADA)
    assert last_codes(talk.feed(b"BDAT 400000\r\n" + b"x" * 400_000)) == [b"452 4.3.1"]
    assert last_codes(talk.feed(b"BDAT 4 LAST\r\nRSET")) == [b"503 5.5.1"]
    assert last_codes(talk.feed(MAIL)) == [b"503 5.5.1"]
    assert last_codes(talk.feed(b"RSET\r\n" + MAIL + ADA), 2) == [b"250 2.1.0", b"250 2.1.5"]
    assert last_codes(talk.feed(b"BDAT 4 LAST\r\nRSET")) == [b"250 2.0.0"]
    assert talk.messages() == [b"\r\nRSET"]


def test_no_room_for_a_spool_is_a_temporary_refusal() -> None:
    def full() -> FileSpool:
        raise OSError(28, "No space left on device")

    for begin in (DATA, b"BDAT 4\r\nRSET"):
        talk = Talk()
        site = dataclasses.replace(talk.session.site, new_spool=full)
        talk.session = meet(site, Client("192.0.2.7", 25, "mx.example.org"))
        assert last_codes(talk.feed(HELLO + MAIL + ADA + begin)) == [b"452 4.3.1"]
        assert last_codes(talk.feed(b"RSET\r\n" + MAIL)) == [b"250 2.1.0"]


@pytest.mark.parametrize(
    ("recipients", "delivered_to"),
    [
        (["bob@far.example"], []),
        (["bob@example.org"], ["bob@example.org"]),
        (["grace@example.org"], ["grace@example.org"]),
        (["bob@example.org", "grace@example.org"], []),
    ],
)
def test_delivered_to_names_only_addresses_of_ours(
    recipients: list[str], delivered_to: list[str]
) -> None:
    """The next server would take its own recipient in it for a loop."""
    talk = Talk(Role.SUBMISSION, tls=TLS)
    login = b"AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n"
    to = b"".join(f"RCPT TO:<{each}>\r\n".encode() for each in recipients)
    talk.feed(HELLO + login + b"MAIL FROM:<ada@example.org>\r\n" + to + DATA + MESSAGE)
    ((_, octets),) = talk.store.kept
    found = [
        line[14:].decode() for line in octets.splitlines() if line.startswith(b"Delivered-To")
    ]
    assert found == delivered_to
    for envelope in talk.store.queued:
        assert octets[: envelope.start] == b"Return-Path: <ada@example.org>\r\n"


@pytest.mark.parametrize("again", [b"bob@example.org", b"BOB@Example.org"])
def test_a_circle_through_another_server_ends(again: bytes) -> None:
    """We forward, the other server forwards to us: the second time it is refused."""
    talk = Talk()
    talk.feed(HELLO + MAIL + b"RCPT TO:<bob@example.org>\r\n" + DATA + MESSAGE)
    ((_, octets),) = talk.store.kept
    (envelope,) = talk.store.queued
    left = b"Received: from us by them; now\r\n" + octets[envelope.start :]
    said = talk.feed(MAIL + b"RCPT TO:<%b>\r\n" % again + DATA + left + b".\r\n")

    assert last_codes(said) == [b"554 5.4.6"]
    assert len(talk.store.queued) == 1


@pytest.mark.parametrize("role", [Role.MX, Role.LMTP])
@pytest.mark.parametrize(
    "first", [b"Dear Ada,\r\n", b"--X: y\r\n", b" folded\r\n", b"From\r\n", b"\r\n"]
)
def test_text_without_a_header_does_not_become_one(role: Role, first: bytes) -> None:
    """Else a From that nobody judged, or results that nobody wrote, were shown as the header's."""
    talk = Talk(role)
    hello = b"LHLO client.example\r\n" if role is Role.LMTP else HELLO
    text = first + b"From: ceo@bank.example\r\nAuthentication-Results: mx.example.org; x=pass\r\n"
    talk.feed(hello + MAIL + ADA + DATA + text + b"\r\nhello\r\n.\r\n")
    ((_, kept),) = talk.store.kept
    fields = [name for _, name, _ in split_fields(kept[: find_body(kept)])]
    assert fields == [b"Return-Path", b"Delivered-To", b"Received"]
    assert kept.endswith(text + b"\r\nhello\r\n")

"""Our people's mail on the real store: into mailboxes and queue, signed, counted."""

import asyncio
import email
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import dkim
import pytest

from mailclad.base.octets import THREAD_OCTETS
from mailclad.base.secret import Secret
from mailclad.engines.spool.spool import FileSpool, file_spools
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.address import Address, parse_address
from mailclad.protocols.smtp.client.dots import DotStuffer
from mailclad.protocols.smtp.command import Mail, Notify, Rcpt
from mailclad.protocols.smtp.data import DataReceiver
from mailclad.services.provision.signing_keys import DomainKeys, published
from mailclad.services.receive.incoming import Given, Incoming
from mailclad.services.receive.reception import Reception
from mailclad.services.receive.refusal import CannotLeave
from mailclad.services.submit.refusal import AuthorNotOwned, NotADomain, SenderNotOwned
from mailclad.services.submit.signing import Signing
from mailclad.services.submit.submission import Submission
from mailclad.services.submit.terms import SubmitTerms
from mailclad.store.errors import SentTooMuch
from mailclad.store.model import ALL_UIDS, Account, Alias, Column
from mailclad.store.queue import Queued
from mailclad.store.sending import Allowance, Sent
from mailclad.store.signing_keys import KeyState
from mailclad.store.trace import Happening, TraceEvent
from tests.services.clock import NOW, StandingClock

ADA = "ada@example.org"
BOB = "Bob@far.example"
TRACE = b"Return-Path: <ada@example.org>\r\nReceived: from somewhere\r\n\tby us; now\r\n"
HEADER = b"From: Ada <ada@example.org>\r\nTo: bob@far.example\r\n"
WHOLE = HEADER + b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
BODY = b"\r\nhello\r\n..dots\r\n"
SIGNED = WHOLE + b"Content-Type: multipart/signed; boundary=none\r\n"
"""Nothing in it may be changed."""


class Seen:
    """A trace that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[TraceEvent] = []

    def note(self, event: TraceEvent) -> None:
        self.events.append(event)


class House:
    """ada and grace, whose domain has keys where it is said."""

    def __init__(self, store: SqliteStore, directory: Path, terms: SubmitTerms) -> None:
        self.clock = StandingClock()
        self.store = store
        self.keys = DomainKeys(store, self.clock)
        self.trace = Seen()
        self.woken = 0
        secret = Secret(b"k" * 32)
        host = "mx.example.org"
        reception = Reception(store, self.clock, secret, host, trace=self.trace)
        store.watch_queue(self._wake)
        signing = Signing(store, self.clock)
        spools = file_spools(directory)
        self.submission = Submission(store, reception, signing, spools, self.clock, host, terms)

    def _wake(self) -> None:
        self.woken += 1

    async def submit(
        self,
        message: bytes,
        *recipients: str,
        mail: Mail = Mail(parse_address(ADA)),
        notify: frozenset[Notify] | None = None,
    ) -> None:
        account = await self.account()
        await self.submission.sender(account, mail)
        given = []
        for text in recipients:
            address = parse_address(text)
            leads = await self.submission.recipient(address)
            given.append(Given(Rcpt(address, notify), leads))
        incoming = Incoming("id1", TRACE + message, len(TRACE), mail, given)
        await self.submission.submit(account, incoming)

    async def account(self) -> Account:
        return await self.store.find_account(ADA)

    async def queued(self) -> list[tuple[Queued, bytes]]:
        """What leaves, as it goes over the wire."""
        found = []
        for each in (await self.store.queue_page()).messages:
            body = await self.store.body(each.message.content)
            found.append((each, body.read(each.message.start, body.octets)))
            body.close()
        return found

    async def inbox(self, address: str) -> list[bytes]:
        account = await self.store.find_account(address)
        stat = await self.store.stat(account.id, "INBOX")
        found = []
        async for rows in self.store.fetch(stat.id, ALL_UIDS, (Column.CONTENT,)):
            for (content,) in rows:
                body = await self.store.body(content)
                found.append(body.read(0, body.octets))
                body.close()
        return found


@asynccontextmanager
async def opened(directory: Path, terms: SubmitTerms) -> AsyncIterator[House]:
    store = SqliteStore.open(directory, asyncio.get_running_loop())
    try:
        await store.add_domain("example.org")
        for name in ("ada", "grace"):
            await store.add_account(f"{name}@example.org", "", NOW)
        yield House(store, directory, terms)
    finally:
        await store.close()


Check = Callable[[House], Awaitable[None]]
InHouse = Callable[..., None]


@pytest.fixture
def in_house(tmp_path: Path) -> InHouse:
    def run(check: Check, terms: SubmitTerms = SubmitTerms()) -> None:
        async def main() -> None:
            async with opened(tmp_path, terms) as house:
                await check(house)

        asyncio.run(main())

    return run


def test_one_message_for_here_and_elsewhere(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.submit(WHOLE + BODY, BOB, "grace@example.org")
        ((queued, octets),) = await house.queued()
        assert [one.address for one in queued.recipients] == [BOB]
        assert octets.startswith(b"Received: "), "Return-Path stays here"
        assert octets.endswith(WHOLE + BODY)
        assert await house.inbox("grace@example.org") == [TRACE.splitlines(True)[0] + octets]
        assert queued.message.account == (await house.account()).id
        assert house.woken == 1

    in_house(check)


def test_nobody_is_woken_for_mail_that_stays(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.submit(WHOLE + BODY, "grace@example.org")
        assert (await house.queued(), house.woken) == ([], 0)

    in_house(check)


def over_the_wire(octets: bytes) -> bytes:
    """Dots stuffed by our client, and what our server makes of that."""
    stuffer = DotStuffer()
    wire = stuffer.feed(octets) + stuffer.finish()
    assert re.search(rb"(?<!\r)\n|\r(?!\n)|(?<=\r\n)\.(?![.\r])", wire) is None
    spool = FileSpool(Path("/nowhere"))
    assert DataReceiver(spool, len(wire)).feed(wire) == b""
    return spool.view()[:]


def records(found: dict[str, str]) -> Callable[..., str | None]:
    def txt(name: bytes, timeout: int = 5) -> str | None:
        return found.get(name.decode().rstrip("."))

    return txt


@pytest.mark.slow
@pytest.mark.parametrize(
    "message",
    [
        WHOLE + BODY,
        HEADER + BODY,
        b"\r\nno header\r\n",
        HEADER + BODY * (THREAD_OCTETS // len(BODY)),
    ],
)
def test_what_leaves_is_signed_twice_and_dkimpy_agrees(in_house: InHouse, message: bytes) -> None:
    async def check(house: House) -> None:
        keys = [published(key) for key in await house.keys.ensure("example.org")]
        await house.submit(message, BOB, "grace@example.org")
        ((_, octets),) = await house.queued()
        verifier = dkim.DKIM(octets)
        dns = records({key.name: key.value for key in keys})
        assert octets.count(b"DKIM-Signature:") == 2
        assert [verifier.verify(at, dnsfunc=dns) for at in (0, 1)] == [True, True]
        assert over_the_wire(octets) == octets
        forged = b"Subject: added\r\n" + octets
        assert not dkim.DKIM(forged).verify(0, dnsfunc=dns), "nobody can add a field"

    in_house(check)


@pytest.mark.slow
def test_keys_sign_while_they_are_active(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        first = await house.keys.ensure("example.org")
        again = await house.keys.ensure("example.org")
        assert {key.selector for key in again} == {key.selector for key in first}
        prepared = await house.keys.make("example.org")
        assert prepared[0].selector == f"{first[0].selector}2"
        await house.submit(WHOLE + BODY, BOB)
        await house.store.set_key_state("example.org", prepared[0].selector, KeyState.ACTIVE)
        for key in first:
            await house.store.set_key_state("example.org", key.selector, KeyState.RETIRED)
        await house.submit(WHOLE + BODY, BOB)
        house.clock.seconds += 60
        await house.submit(WHOLE + BODY, BOB)
        signed = [octets.count(b"DKIM-Signature:") for _, octets in await house.queued()]
        assert signed == [2, 2, 1], "changes are noticed within a minute"

    in_house(check)


@pytest.mark.slow
def test_a_key_that_is_damaged_takes_the_other_not_with_it(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        (key, *_) = await house.keys.ensure("example.org")
        damaged = replace(key, selector="broken", pem=Secret(b"-----BEGIN"))
        await house.store.add_signing_key(damaged)
        await house.submit(WHOLE + BODY, BOB)
        ((_, octets),) = await house.queued()
        assert octets.count(b"DKIM-Signature:") == 2

    in_house(check)


@pytest.mark.slow
def test_two_who_make_the_first_keys_make_them_once(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await asyncio.gather(*(house.keys.ensure("example.org") for _ in range(4)))
        kinds = [key.kind for key in await house.store.signing_keys()]
        assert kinds == ["ed25519", "rsa"]

    in_house(check)


@pytest.mark.slow
def test_mail_that_stays_is_not_signed(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.keys.ensure("example.org")
        await house.submit(WHOLE + BODY, "grace@example.org")
        (octets,) = await house.inbox("grace@example.org")
        assert octets == TRACE + WHOLE + BODY

    in_house(check)


def test_nobody_sends_as_somebody_else(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        with pytest.raises(SenderNotOwned):
            await house.submit(WHOLE + BODY, BOB, mail=Mail(Address("grace", "example.org")))
        with pytest.raises(SenderNotOwned):
            await house.submit(WHOLE + BODY, BOB, mail=Mail(Address("ada", "far.example")))
        for author in (
            b"grace@example.org",
            b"ada@far.example",
            b"ada@example.org, eve@x.example",
        ):
            with pytest.raises(AuthorNotOwned):
                await house.submit(b"From: " + author + b"\r\n" + BODY, BOB)
        assert await house.queued() == []
        await house.submit(WHOLE + BODY, BOB, mail=Mail(None))
        ((queued, _),) = await house.queued()
        assert queued.message.sender == ""

    in_house(check)


@pytest.mark.parametrize("domain", ["[127.0.0.1]", "[IPv6:::1]", "localhost"])
def test_mail_goes_to_domains(in_house: InHouse, domain: str) -> None:
    async def check(house: House) -> None:
        with pytest.raises(NotADomain):
            await house.submission.recipient(Address("bob", domain))

    in_house(check)


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\r", b"a\nb", b"a\rb", b"a\0b"]
)
@pytest.mark.parametrize("recipient", [BOB, "list@example.org"])
def test_nothing_leaves_that_others_could_read_differently(
    in_house: InHouse, end: bytes, recipient: str
) -> None:
    """Only BDAT brings it this far; mailboxes here take it as it is."""

    async def check(house: House) -> None:
        await house.store.set_alias(Alias("list@example.org", ("eve@far.example", ADA)))
        message = SIGNED + b"\r\nhello" + end + b"MAIL FROM:<eve@x.example>\r\n"
        with pytest.raises(CannotLeave):
            await house.submit(message, recipient)
        assert await house.queued() == []
        await house.submit(message, "grace@example.org")

    in_house(check)


def test_a_line_end_across_two_pieces_is_one(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        start = len(TRACE) + len(SIGNED) + 2
        body = b"x" * (256 * 1024 - start - 1) + b"\r\nhello\xff\r\n"
        await house.submit(SIGNED + b"\r\n" + body, BOB)
        ((queued, octets),) = await house.queued()
        assert octets.endswith(body)
        assert queued.message.eight_bit

    in_house(check)


TEXT = WHOLE + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"


@pytest.mark.slow
@pytest.mark.rfc("6376", "5.3")
@pytest.mark.parametrize(
    "body",
    [
        "Grüße".encode() + b"\r\n",
        b"<p>" * 1000 + b"\r\n",
        b"a\nb\0c\r\n",
        ("Grüße" * 100_000).encode() + b"\r\n",
    ],
)
def test_what_a_server_might_convert_is_encoded_before_it_is_signed(
    in_house: InHouse, body: bytes
) -> None:
    async def check(house: House) -> None:
        keys = [published(key) for key in await house.keys.ensure("example.org")]
        await house.submit(TEXT + b"\r\n" + body, BOB, "grace@example.org")
        ((queued, octets),) = await house.queued()
        assert not queued.message.eight_bit
        assert max(map(len, octets.splitlines())) < 998
        found = email.message_from_bytes(octets)
        assert found.get_payload(decode=True) == body
        dns = records({key.name: key.value for key in keys})
        assert dkim.DKIM(octets).verify(0, dnsfunc=dns)
        (kept,) = await house.inbox("grace@example.org")
        assert kept.endswith(octets), "one message for all"
        await house.submit(TEXT + b"\r\n" + body, "grace@example.org")
        assert (await house.inbox("grace@example.org"))[1] == TRACE + TEXT + b"\r\n" + body

    in_house(check)


def test_what_may_not_be_encoded_leaves_as_it_is(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.submit(SIGNED + b"\r\nhell\xc3\xb6\r\n", BOB)
        ((queued, octets),) = await house.queued()
        assert octets.endswith(b"\r\nhell\xc3\xb6\r\n")
        assert queued.message.eight_bit

    in_house(check)


def test_an_account_sends_no_more_than_it_may(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.submit(WHOLE + BODY, BOB, "grace@example.org")
        with pytest.raises(SentTooMuch):
            await house.submit(WHOLE + BODY, BOB)
        assert len(await house.queued()) == len(await house.inbox("grace@example.org")) == 1

    in_house(check, SubmitTerms(Allowance(Sent(9, 2), Sent(9, 9))))


def test_what_is_held_is_held_for_everybody(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        mail = Mail(parse_address(ADA), hold_for=3_600)
        await house.submit(WHOLE + BODY, BOB, "grace@example.org", mail=mail)
        assert await house.inbox("grace@example.org") == []
        ((queued, _),) = await house.queued()
        assert queued.message.not_before == NOW + 3_600
        assert [one.destination for one in queued.recipients] == ["far.example", "example.org"]
        assert await house.store.lease_due(NOW + 3_599, "me", NOW + 4_000) == []
        assert len(await house.store.lease_due(NOW + 3_600, "me", NOW + 4_000)) == 2

    in_house(check)


def test_who_asks_hears_that_it_has_arrived(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        mail = Mail(parse_address(ADA), envelope_id="a+b")
        asked = frozenset({Notify.SUCCESS})
        await house.submit(WHOLE + BODY, "grace@example.org", BOB, mail=mail, notify=asked)
        (notice,) = await house.inbox(ADA)
        assert notice.startswith(b"Return-Path: <>\r\nFrom: Mail delivery <postmaster@mx.")
        assert b"\r\nOriginal-Envelope-Id: a+b\r\n" in notice
        assert b"\r\nFinal-Recipient: rfc822; grace@example.org\r\nAction: delivered\r\n" in notice
        assert b"far.example\r\nAction" not in notice, "who delivers there tells of that"
        told = [event.happening for event in house.trace.events]
        assert told.count(Happening.RECEIVED) == told.count(Happening.NOTICE) == 1

    in_house(check)


def test_who_did_not_ask_hears_nothing(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        never = frozenset({Notify.NEVER})
        for notify in (None, never, frozenset({Notify.FAILURE})):
            await house.submit(WHOLE + BODY, "grace@example.org", notify=notify)
        mail, asked = Mail(None), frozenset({Notify.SUCCESS})
        await house.submit(WHOLE + BODY, "grace@example.org", mail=mail, notify=asked)
        assert await house.inbox(ADA) == []
        assert await house.queued() == []

    in_house(check)


def test_the_journal_tells_what_became_of_it(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.submit(WHOLE + BODY, BOB, "grace@example.org")
        kept, queued = house.trace.events
        ((waiting, _),) = await house.queued()
        assert (kept.happening, kept.message_id) == (Happening.RECEIVED, "1@example.org")
        assert "; in INBOX for grace@example.org" in kept.text
        assert queued.happening is Happening.QUEUED
        assert queued.queue == waiting.message.id
        assert queued.addresses == (BOB.lower(),)
        assert kept.identity == queued.identity == "id1"

    in_house(check)

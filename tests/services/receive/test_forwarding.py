"""Aliases that lead elsewhere, on the real store: out, back, and round in circles."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.address import Address, parse_address
from mailclad.protocols.smtp.command import Mail, Notify, Rcpt
from mailclad.services.receive.guard import Opinion
from mailclad.services.receive.incoming import Given, Incoming, Leads
from mailclad.services.receive.reception import Reception
from mailclad.services.receive.refusal import ComesAgain, InOurName, NobodyHere, NotOurDomain
from mailclad.store.model import Alias
from mailclad.store.queue import Notify as Wanted
from mailclad.store.queue import Queued
from tests.services.clock import NOW, StandingClock

DAY = 86_400
CARL = parse_address("Carl@far.example")
MESSAGE = b"Subject: x\r\n\r\nhello\r\n"


class House:
    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.clock = StandingClock()
        self.reception = Reception(store, self.clock, Secret(b"k" * 32), "mx.example.org")

    async def take(
        self,
        *recipients: str,
        sender: Address | None = CARL,
        header: bytes = b"",
        notify: frozenset[Notify] | None = None,
        opinion: Opinion = Opinion(),
    ) -> None:
        given = []
        for text in recipients:
            address = parse_address(text)
            leads = await self.reception.recipient(address, bounce=sender is None)
            given.append(Given(Rcpt(address, notify), leads))
        trace = b"Return-Path: <>\r\n"
        octets = trace + header + MESSAGE
        message = Incoming("id1", octets, len(trace), Mail(sender), given)
        await self.reception.receive(message, opinion)

    async def queued(self) -> list[Queued]:
        return list((await self.store.queue_page()).messages)

    async def ways(self) -> list[tuple[str, list[str]]]:
        return [
            (one.message.sender, [each.address for each in one.recipients])
            for one in await self.queued()
        ]

    async def number(self, address: str) -> int:
        account = await self.store.find_account(address)
        return (await self.store.stat(account.id, "INBOX")).messages


InHouse = Callable[[Callable[[House], Awaitable[None]]], None]


@pytest.fixture
def in_house(tmp_path: Path) -> InHouse:
    def run(check: Callable[[House], Awaitable[None]]) -> None:
        async def main() -> None:
            store = SqliteStore.open(tmp_path, asyncio.get_running_loop())
            try:
                for domain in ("example.org", "second.example"):
                    await store.add_domain(domain)
                await store.add_account("ada@example.org", "", NOW)
                for address, *targets in (
                    ("out@example.org", "Bob@there.example"),
                    ("mixed@example.org", "bob@there.example", "ada@example.org"),
                    ("also@second.example", "eve@there.example"),
                    ("team@example.org", "out@example.org", "also@second.example"),
                ):
                    await store.set_alias(Alias(address, tuple(targets)))
                await check(House(store))
            finally:
                await store.close()

        asyncio.run(main())

    return run


def test_a_reverse_path_of_the_aliass_domain(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.take("out@example.org", "also@second.example", "ada@example.org")
        (first, to_bob), (second, to_eve) = await house.ways()
        assert (to_bob, to_eve) == (["Bob@there.example"], ["eve@there.example"])
        assert first.startswith("SRS0=")
        assert first.endswith("=far.example=Carl@example.org")
        assert second.startswith("SRS0=")
        assert second.endswith("=far.example=Carl@second.example")
        assert await house.number("ada@example.org") == 1

    in_house(check)


def test_our_own_people_and_nobody_stay_what_they_are(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.take("out@example.org", sender=Address("ada", "Example.org"))
        await house.take("out@example.org", sender=None)
        assert [sender for sender, _ in await house.ways()] == ["ada@Example.org", ""]

    in_house(check)


def test_a_sender_without_room_is_remembered(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        sender = parse_address("Bounces+" * 20 + "@far.example")
        await house.take("out@example.org", sender=sender)
        ((rewritten, _),) = await house.ways()
        assert rewritten.startswith("SRS2=")
        assert rewritten.endswith("@example.org")
        await house.take(rewritten.lower(), sender=None)
        assert (await house.ways())[1] == ("", [str(sender)])

        with pytest.raises(NobodyHere):
            await house.take(rewritten, sender=CARL)
        with pytest.raises(NobodyHere):
            await house.take("SRS2=" + "A" * 16 + "@example.org", sender=None)
        house.clock.seconds += 20 * DAY
        await house.take("out@example.org", sender=sender)
        house.clock.seconds += 20 * DAY
        assert await house.store.forget_senders(house.clock.now()) == 0
        await house.take(rewritten, sender=None)
        house.clock.seconds += 2 * DAY
        with pytest.raises(NobodyHere):
            await house.take(rewritten, sender=None)
        assert await house.store.forget_senders(house.clock.now()) == 1

    in_house(check)


def test_aliases_of_aliases_and_plus_addresses(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        leads = await house.reception.recipient(parse_address("team+x@example.org"))
        assert leads == Leads(
            elsewhere=(Address("Bob", "there.example"), Address("eve", "there.example"))
        )

    in_house(check)


def test_a_bounce_goes_back_to_who_wrote(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.take("out@example.org")
        ((rewritten, _),) = await house.ways()
        await house.take(rewritten.lower(), sender=None)
        assert (await house.ways())[1] == ("", ["carl@far.example"])

        with pytest.raises(NobodyHere):  # not a bounce: we are no relay
            await house.take(rewritten, sender=CARL)
        with pytest.raises(NobodyHere):
            await house.take(rewritten.replace("Carl", "eve"), sender=None)
        with pytest.raises(NotOurDomain):
            await house.take(rewritten.replace("example.org", "far.example"), sender=None)
        house.clock.seconds += 22 * DAY
        with pytest.raises(NobodyHere):
            await house.take(rewritten, sender=None)

    in_house(check)


def test_a_bounce_of_what_came_by_twice_goes_back_to_who_wrote(in_house: InHouse) -> None:
    """Sent on by us, by others back to us, and by us again: both rewritings are ours to undo."""

    async def check(house: House) -> None:
        await house.take("out@example.org")
        ((first, _),) = await house.ways()
        theirs = f"SRS1=ABCD=example.org={first.partition('@')[0].removeprefix('SRS0')}"
        await house.take("out@example.org", sender=Address(theirs, "other.example"))
        second = (await house.ways())[1][0]
        assert second.startswith("SRS1=")
        await house.take(second, sender=None)
        assert (await house.ways())[2] == ("", ["Carl@far.example"])

    in_house(check)


def test_a_bounce_for_a_domain_that_is_ours_by_now(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        await house.take("out@example.org", sender=Address("ada", "old.example"))
        ((rewritten, _),) = await house.ways()
        await house.store.add_domain("old.example")
        with pytest.raises(NobodyHere):
            await house.take(rewritten, sender=None)
        await house.store.set_alias(Alias("*@old.example", ("ada@example.org",)))
        await house.take(rewritten, sender=None)
        assert await house.number("ada@example.org") == 1

    in_house(check)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("out@example.org", "out@example.org"),
        ("OUT@example.org", "out@example.org"),
        ("out+1@example.org", "out@example.org"),
        ("out+1@example.org", "out+2@example.org"),
    ],
)
def test_what_comes_round_is_refused(in_house: InHouse, before: str, now: str) -> None:
    async def check(house: House) -> None:
        with pytest.raises(ComesAgain):
            await house.take(now, header=f"Delivered-To: {before}\r\n".encode())
        assert await house.queued() == []

    in_house(check)


def test_success_is_told_where_it_happens(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        asked = frozenset({Notify.SUCCESS})
        await house.take("out@example.org", notify=asked)
        ((queued),) = await house.queued()
        assert queued.recipients[0].notify == Wanted.SUCCESS, "the next server's to tell"

        await house.take("mixed@example.org", notify=asked)
        _, forwarded, notice = await house.queued()
        assert forwarded.recipients[0].notify == Wanted.NEVER
        assert (notice.message.sender, notice.recipients[0].address) == ("", str(CARL))
        body = await house.store.body(notice.message.content)
        octets = body.read(0, body.octets)
        body.close()
        assert b"\r\nAction: expanded\r\n" in octets
        assert b"\r\nFinal-Recipient: rfc822; mixed@example.org\r\n" in octets

    in_house(check)


def test_nothing_is_sent_to_an_address_literal(in_house: InHouse) -> None:
    """Neither a notice nor a bounce: a stranger must not have us connect where he likes."""

    async def check(house: House) -> None:
        inside = parse_address("eve@[127.0.0.1]")
        await house.take("ada@example.org", sender=inside, notify=frozenset({Notify.SUCCESS}))
        assert await house.queued() == []
        await house.take("out@example.org", sender=inside)
        ((rewritten, _),) = await house.ways()
        with pytest.raises(NobodyHere):
            await house.take(rewritten, sender=None)

    in_house(check)


def test_senders_of_junk_are_told_nothing(in_house: InHouse) -> None:
    async def check(house: House) -> None:
        asked = frozenset({Notify.SUCCESS})
        await house.take("ada@example.org", notify=asked, opinion=Opinion(junk="a list"))
        assert await house.queued() == []

    in_house(check)


@pytest.mark.parametrize(
    "author",
    [b"ceo@example.org", b"ceo@Pay.Example.ORG", b"a@far.example, ceo@example.org", b"Ceo", b""],
)
def test_junk_in_our_name_is_not_sent_on(in_house: InHouse, author: bytes) -> None:
    """The next server would see our address vouch for it."""

    async def check(house: House) -> None:
        header, junk = b"From: " + author + b"\r\n", Opinion(junk="DMARC")
        for sender in (CARL, parse_address("ceo@example.org"), None):
            with pytest.raises(InOurName):
                await house.take("out@example.org", sender=sender, header=header, opinion=junk)
        await house.take("ada@example.org", header=header, opinion=junk)
        assert await house.queued() == []
        await house.take("out@example.org", header=b"From: x@far.example\r\n", opinion=junk)
        await house.take("out@example.org", header=header)
        assert len(await house.queued()) == 2

    in_house(check)

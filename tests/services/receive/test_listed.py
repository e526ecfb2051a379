"""Block lists as a guard: refused, junk, or nothing at all."""

import asyncio

import pytest
import structlog

from mailclad.base.resolver import Answer
from mailclad.services.receive import listed
from mailclad.services.receive.dnsbl import DnsList
from mailclad.services.receive.guard import Refused
from mailclad.services.receive.listed import BlockLists
from tests.dns.fake import FakeResolver, Known
from tests.services.receive.meeting import Meeting

LISTS = (DnsList("a.test", 2), DnsList("b.test", 1))
A: tuple[str, str] = ("1.2.0.192.a.test", "A")
B: tuple[str, str] = ("1.2.0.192.b.test", "A")
YES = ["127.0.0.2"]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, ""),
        ({A: YES}, "550 5.7.1 Your address is on a.test"),
        ({A: YES, B: YES}, "550 5.7.1 Your address is on a.test, b.test"),
        ({B: YES}, "junk: the sending server is on b.test"),
        ({A: ["127.255.255.254"], B: ["8.8.8.8"]}, ""),
    ],
)
def test_by_weight(known: dict[tuple[str, str], Known], said: str) -> None:
    guard = BlockLists(FakeResolver(known), LISTS, 2)

    async def scenario() -> str:
        try:
            opinion = await Meeting(guard).whole(b"x")
        except Refused as refused:
            return f"{refused.reply.code} {refused.reply.status} {refused.reply.text}"
        return f"junk: {opinion.junk}" if opinion.junk else ""

    assert asyncio.run(scenario()) == said


def test_a_wrong_listing_can_be_complained_of() -> None:
    guard = BlockLists(FakeResolver({A: YES}), LISTS, 2)
    opinion = asyncio.run(Meeting(guard).whole(b"x", to=["abuse@ours.test"]))
    assert opinion.junk == ""


def test_a_complaint_is_not_junk_because_of_the_message_before_it() -> None:
    async def scenario() -> list[str]:
        meeting = Meeting(BlockLists(FakeResolver({B: YES}), LISTS, 2))
        junk = await meeting.whole(b"x")
        return [junk.junk, (await meeting.whole(b"x", to=["abuse@ours.test"])).junk]

    assert asyncio.run(scenario()) == ["the sending server is on b.test", ""]


class Silent(FakeResolver):
    async def addresses(self, name: str, version: int) -> Answer[str]:
        await asyncio.Event().wait()
        raise AssertionError


def test_lists_that_are_silent_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "TOTAL_SECONDS", 0.01)
    opinion = asyncio.run(Meeting(BlockLists(Silent(), LISTS, 2)).whole(b"x"))
    assert opinion.junk == ""


def test_lists_are_asked_once_a_connection_and_only_about_somebody_who_exists() -> None:
    async def scenario() -> tuple[int, int]:
        resolver = FakeResolver()
        meeting = Meeting(BlockLists(resolver, LISTS, 2))
        await meeting.visit.connected()
        await meeting.mail("bob@x.test")
        before = len(resolver.asked)
        await meeting.recipient("ada@ours.test", "grace@ours.test")
        await meeting.mail("bob@x.test")
        await meeting.recipient("ada@ours.test")
        return before, len(resolver.asked)

    assert asyncio.run(scenario()) == (0, 2)


def test_a_list_that_cannot_be_used_is_told_of_once() -> None:
    guard = BlockLists(FakeResolver({A: ["127.255.255.254"]}), LISTS, 2)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            asyncio.run(Meeting(guard).whole(b"x"))
    (line,) = logs
    assert (line["event"], line["zone"]) == ("block list unusable", "a.test")
    assert "own resolver" in line["reason"]

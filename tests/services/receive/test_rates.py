"""Rates: what is counted, for whom, and how it fades."""

import asyncio
from collections.abc import Iterator

import pytest

from mailclad.mail.address import parse_address
from mailclad.services.receive.guard import Client, Refused
from mailclad.services.receive.rates import NEIGHBOURS, RateLimits, Rates, RateTable
from tests.services.receive.meeting import FakeClock, Meeting

NOBODY = parse_address("nobody@ours.test")


@pytest.fixture
def table() -> Iterator[RateTable]:
    made = RateTable()
    yield made
    made.counts.close()


def client(number: int, network: int = 2) -> Client:
    return Client(f"192.0.{network}.{number}", 25, "mx.ours.test", None, "x")


def connects(guard: Rates, who: Client) -> bool:
    try:
        asyncio.run(Meeting(guard, who).visit.connected())
    except Refused as refused:
        return (refused.reply.code, refused.close) != (421, True)
    return True


def test_connections_of_an_address_and_of_its_network(table: RateTable) -> None:
    guard = Rates(table, FakeClock(), RateLimits(connections=3))
    assert [connects(guard, client(1)) for _ in range(5)] == [True] * 3 + [False] * 2
    others = [connects(guard, client(2 + at // 3)) for at in range(3 * NEIGHBOURS)]
    assert others == [True] * 3 * (NEIGHBOURS - 1) + [False] * 3
    assert connects(guard, client(1, network=3))


def test_counts_fade_and_workers_share_them(table: RateTable) -> None:
    clock = FakeClock()
    limits = RateLimits(connections=3)
    for _ in range(3):
        assert connects(Rates(table, clock, limits), client(1))
    assert not connects(Rates(table, clock, limits), client(1))
    clock.ahead = 60
    assert connects(Rates(table, clock, limits), client(1))


def test_a_steady_rate_below_the_limit_is_never_refused(table: RateTable) -> None:
    clock = FakeClock()
    guard = Rates(table, clock, RateLimits(connections=60))
    for _ in range(600):
        clock.ahead += 60 / 50
        assert connects(guard, client(1))


def test_messages_and_recipients_are_deferred(table: RateTable) -> None:
    async def scenario() -> list[tuple[int, bool]]:
        meeting = Meeting(Rates(table, FakeClock(), RateLimits(messages=2, recipients=3)))
        said = []
        for sender, to in (("a@x.test", 2), ("a@x.test", 2), ("a@x.test", 0)):
            try:
                await meeting.mail(sender)
                await meeting.recipient(*["ada@ours.test"] * to)
            except Refused as refused:
                said.append((refused.reply.code, refused.close))
        await meeting.recipient("postmaster@ours.test")
        return said

    assert asyncio.run(scenario()) == [(450, False), (450, False)]


def test_who_guesses_addresses_is_slowed_down_and_sent_away(
    table: RateTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("mailclad.services.receive.rates.asyncio.sleep", sleep)

    async def scenario() -> None:
        meeting = Meeting(Rates(table, FakeClock(), RateLimits(unknown=10)))
        for _ in range(10):
            await meeting.mail("bob@x.test")
            meeting.visit.refused(meeting.sender, NOBODY)
        with pytest.raises(Refused) as refused:
            await meeting.mail("bob@x.test")
        assert (refused.value.reply.code, refused.value.close) == (421, True)

    asyncio.run(scenario())
    assert slept == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert not connects(Rates(table, FakeClock(), RateLimits(unknown=10)), client(1))


def test_nothing_is_limited_by_zero(table: RateTable) -> None:
    guard = Rates(table, FakeClock(), RateLimits(0, 0, 0, 0))
    meeting = Meeting(guard)
    for _ in range(5_000):
        meeting.visit.refused(meeting.sender, NOBODY)
    assert all(connects(guard, client(1)) for _ in range(500))

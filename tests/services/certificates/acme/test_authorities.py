"""Several authorities: who fails is passed over, a name that fails is no reason to."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mailclad.servers.https_client import parse_url
from mailclad.services.certificates.acme.authorities import KNOWN, Authorities
from mailclad.services.certificates.acme.order import AuthorityFailed, OrderFailed, Wanted
from tests.acme.authority import Answered, TestAuthority, problem
from tests.acme.world import KEY, NAMES, World

WANTED = Wanted(NAMES, KEY)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with two authorities, and both behind one door."""

    def run(work: Callable[[World, World, Authorities], Awaitable[None]]) -> None:
        async def staged() -> None:
            async with asyncio.timeout(20), TestAuthority() as first, TestAuthority() as second:
                one, other = World(first, tmp_path), World(second, tmp_path)
                clients = [one.client(name="one"), other.client(name="other")]
                await work(one, other, Authorities(clients, one.clock))

        asyncio.run(staged())

    return run


def limited(seconds: int) -> Answered:
    found = problem("rateLimited", 429)
    found.headers.append(("Retry-After", str(seconds)))
    return found


def test_the_first_one_is_asked(play: Any) -> None:
    async def work(one: World, other: World, both: Authorities) -> None:
        assert (await both.obtain(WANTED)).authority == "one"
        assert other.authority.requests == []
        assert both.failures == {}

    play(work)


def test_the_next_one_is_asked_where_it_fails(play: Any) -> None:
    async def work(one: World, other: World, both: Authorities) -> None:
        one.authority.instead["/order"] = Answered(500, b"")
        assert (await both.obtain(WANTED)).authority == "other"
        assert "status 500" in str(both.failures["one", NAMES])
        one.authority.instead.clear()
        assert (await both.obtain(WANTED)).authority == "one"
        assert both.failures == {}

    play(work)


def test_who_has_reached_its_limit_is_not_asked_until_then(play: Any) -> None:
    async def work(one: World, other: World, both: Authorities) -> None:
        one.authority.instead["/order"] = limited(7200)
        await both.obtain(WANTED)
        asked = len(one.authority.requests)
        assert (await both.obtain(WANTED)).authority == "other"
        assert len(one.authority.requests) == asked
        one.authority.instead.clear()
        one.clock.at += 7200
        assert (await both.obtain(WANTED)).authority == "one"

    play(work)


def test_a_limit_for_some_names_is_none_for_others(play: Any) -> None:
    async def work(one: World, other: World, both: Authorities) -> None:
        one.authority.instead["/order"] = limited(7200)
        await both.obtain(WANTED)
        one.authority.instead.clear()
        assert (await both.obtain(Wanted(NAMES[:1], KEY))).authority == "one"

    play(work)


def test_what_one_may_not_certify_another_may(play: Any) -> None:
    async def work(one: World, other: World, both: Authorities) -> None:
        one.authority.refuse[NAMES[0]] = ("caa", "finalize")
        assert (await both.obtain(WANTED)).authority == "other"

    play(work)


def test_a_name_that_fails_is_no_reason(play: Any) -> None:
    async def work(one: World, other: World, both: Authorities) -> None:
        one.authority.refuse[NAMES[0]] = ("connection", "challenge")
        with pytest.raises(OrderFailed, match="one does not certify"):
            await both.obtain(WANTED)
        assert other.authority.requests == []

    play(work)


def test_all_fail(play: Any) -> None:
    async def work(one: World, other: World, both: Authorities) -> None:
        one.authority.instead["/order"] = limited(7200)
        other.authority.instead["/order"] = limited(3600)
        for _ in range(2):
            with pytest.raises(OrderFailed, match=r"one: .*; other: ") as caught:
                await both.obtain(WANTED)
            assert caught.value.finding == "ACME-433"
            assert not isinstance(caught.value, AuthorityFailed)
            until = caught.value.not_before
            assert until is not None
            assert until.timestamp() == one.clock.at + 3600
        other.authority.instead["/order"] = Answered(500, b"")
        one.clock.at += 3600
        with pytest.raises(OrderFailed) as caught:
            await both.obtain(WANTED)
        assert caught.value.not_before is None

    play(work)


def test_renewal_is_asked_of_who_gave_it(play: Any) -> None:
    async def work(one: World, other: World, both: Authorities) -> None:
        issued = await both.obtain(WANTED)
        await both.renewal_info("other", issued.chain_pem)
        assert other.authority.count("/ari") == 1
        assert await both.renewal_info("gone", issued.chain_pem) is None

    play(work)


@pytest.mark.parametrize("url", KNOWN.values())
def test_known_directories_are_urls(url: str) -> None:
    assert parse_url(url).port == 443

"""Nonces, waits and limits: how long an authority is asked again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailclad.services.certificates.acme.conversation import (
    LONGEST_PAUSE_SECONDS,
    MAX_BAD_NONCES,
    MAX_TRIES,
)
from mailclad.services.certificates.acme.order import AuthorityFailed
from mailclad.services.certificates.acme.proof import PROOF_SECONDS
from tests.acme.authority import Answered, objection, problem
from tests.acme.world import NAMES, Play, World

PROCESSING = {
    "status": "processing",
    "identifiers": [],
    "authorizations": [],
    "finalize": "https://ca.test/finalize",
}


@pytest.mark.parametrize("count", [1, MAX_BAD_NONCES - 1])
def test_bad_nonces_are_tried_again(play: Play, count: int) -> None:
    """With the nonce of the refusal: no other is fetched."""

    async def work(world: World) -> None:
        world.authority.bad_nonces = count
        await world.obtain("mail.example.test")
        assert world.authority.count("/nonce") == 1

    play(work)


def test_bad_nonces_without_end(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.bad_nonces = 1_000_000
        with pytest.raises(AuthorityFailed, match="none of the nonces"):
            await world.obtain()
        assert world.authority.count("/account") == 0
        assert 1_000_000 - world.authority.bad_nonces == MAX_BAD_NONCES

    play(work)


@pytest.mark.parametrize(
    "busy",
    [
        Answered(503, b"later", [("Retry-After", "7")]),
        Answered(500, b""),
        Answered(429, b"", [("Retry-After", "7")]),
        Answered(429, objection("rateLimited"), [("Retry-After", "7")]),
    ],
)
def test_a_busy_authority_is_asked_again(play: Play, busy: Answered) -> None:
    async def work(world: World) -> None:
        world.authority.once["/order"] = [busy, busy]
        await world.obtain()
        assert world.slept[:2] == ([7.0, 7.0] if busy.headers else [5.0, 5.0])

    play(work)


def test_patience_has_an_end(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.instead["/order"] = Answered(503, b"")
        with pytest.raises(AuthorityFailed, match="status 503"):
            await world.obtain()
        assert world.authority.count("/order") == MAX_TRIES

    play(work)


@pytest.mark.parametrize("hours", [5, 24 * 365 * 50])
def test_a_long_wait_is_left_to_the_next_attempt(play: Play, hours: int) -> None:
    async def work(world: World) -> None:
        limited = problem("rateLimited", 429, "too many certificates already issued")
        limited.headers.append(("Retry-After", str(hours * 3600)))
        world.authority.instead["/order"] = limited
        with pytest.raises(AuthorityFailed, match="too many certificates") as caught:
            await world.obtain()
        assert world.slept == []
        until = caught.value.not_before
        assert until is not None
        hours_to_wait = (until.timestamp() - world.clock.at) / 3600
        assert hours_to_wait == min(hours, 8 * 24)
        assert caught.value.finding == "ACME-433"
        assert f"until {until:%Y-%m-%d %H:%M} UTC" in str(caught.value)

    play(work)


def test_a_limit_that_is_told_in_words(play: Play) -> None:
    async def work(world: World) -> None:
        until = datetime.fromtimestamp(world.clock.at, UTC) + timedelta(days=1)
        detail = f"too many, retry after {until:%Y-%m-%d %H:%M:%S} UTC: see https://ca.test/x"
        world.authority.instead["/order"] = problem("rateLimited", 429, detail)
        with pytest.raises(AuthorityFailed) as caught:
            await world.obtain()
        assert caught.value.not_before == until

    play(work)


@pytest.mark.slow
def test_a_decision_that_never_comes(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.polls = 1_000_000
        with pytest.raises(AuthorityFailed, match="no decision within 600 seconds"):
            await world.obtain("mail.example.test")
        assert PROOF_SECONDS <= sum(world.slept) < PROOF_SECONDS + LONGEST_PAUSE_SECONDS

    play(work)


def test_it_asks_no_more_often_than_the_authority_wants(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.polls = 1_000_000
        world.authority.poll_headers = [("Retry-After", "100000")]
        with pytest.raises(AuthorityFailed, match="no decision"):
            await world.obtain("mail.example.test")
        assert world.slept[1:] == [LONGEST_PAUSE_SECONDS] * 5

    play(work)


def test_an_order_that_is_not_ready_yet(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.once["/finalize"] = [problem("orderNotReady", 403)]
        shown = iter(["pending", "pending", "ready"])

        def alter(order: dict[str, Any]) -> dict[str, Any]:
            return order | {"status": next(shown)} if order["status"] == "pending" else order

        world.authority.alter = alter
        assert (await world.obtain()).names == NAMES
        assert world.authority.count("/finalize") == 2

    play(work)


def test_a_certificate_that_takes_its_time(play: Play) -> None:
    async def work(world: World) -> None:
        shown = iter(["processing", "processing", "valid"])

        def alter(order: dict[str, Any]) -> dict[str, Any]:
            return order | {"status": next(shown)} if order["status"] == "valid" else order

        world.authority.alter = alter
        assert (await world.obtain()).names == NAMES

    play(work)


@pytest.mark.parametrize(
    "path", ["/dir", "/nonce", "/account", "/order", "/authz", "/chall", "/finalize", "/cert"]
)
def test_an_answer_that_is_lost_is_asked_for_again(play: Play, path: str) -> None:
    """Whether or not the authority did what was asked."""

    async def work(world: World) -> None:
        world.authority.lost[path] = 1
        issued = await world.obtain()
        assert (issued.names, issued.dropped) == (NAMES, {})
        assert len(world.authority.accounts) == 1

    play(work)


def test_a_busy_authority_gives_no_nonce_for_a_moment(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.once["/nonce"] = [Answered(503, b"", [("Retry-After", "9")])]
        await world.obtain()
        assert world.slept[0] == 9.0

    play(work)


@pytest.mark.rfc(8555, "7.4")
def test_the_first_question_waits_as_long_as_the_authority_asks(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.once["/finalize"] = [
            Answered(200, PROCESSING, [("Retry-After", "11")]),
        ]
        with pytest.raises(AuthorityFailed, match="no decision"):
            await world.obtain()
        assert 11.0 in world.slept

    play(work)

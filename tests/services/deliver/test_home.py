"""Queued mail for our own people: kept here when its time has come, whatever it then leads to."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mailclad.base.resolver import Mx
from mailclad.engines.sqlite.verify import verify
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.deliver.route import Relay, Route, Routes
from mailclad.store.errors import OverQuota, StoreUnavailable
from mailclad.store.model import Alias
from mailclad.store.queue import Change, Dispatch, Notify, QueueFilter, RecipientState
from mailclad.store.trace import Happening
from tests.engines.stores import add_account
from tests.services.deliver.world import ANN, LETTER, NOW, World

EVE = "eve@here.test"
KEPT = b"Return-Path: <ann@here.test>\r\n"

Scenario = Callable[[World], Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture
def world(tmp_path: Path, ca: PrivateCa) -> Run:
    def run(scenario: Scenario, routes: Routes = Routes()) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), World(tmp_path, ca, routes) as made:
                await add_account(made.store, EVE)
                await scenario(made)

        asyncio.run(main())
        assert verify(tmp_path) == []

    return run


@pytest.mark.rfc("4865", "4")
def test_held_mail_comes_when_its_time_has_come_and_not_before(world: Run) -> None:
    async def scenario(w: World) -> None:
        w.start()
        octets = KEPT + b"Received: ours\r\n" + LETTER
        message = await w.queue(EVE, octets=octets, start=len(KEPT), not_before=NOW + 60)
        dropped = await w.queue(EVE, not_before=NOW + 60)
        await w.store.change(Change.DROP, QueueFilter(message=dropped), NOW)
        w.clock.at += 59
        await w.settled(message)
        assert await w.inbox(EVE) == []
        w.clock.at += 1
        assert await w.settled(message) == []
        (got,) = await w.inbox(EVE)
        assert got.startswith(KEPT + b"Delivered-To: eve@here.test\r\nReceived: from mail.here.te")
        assert got.endswith(b"\r\nReceived: ours\r\n" + LETTER)
        assert got.count(b"Return-Path") == 1
        await w.until(lambda: bool(w.trace.of(Happening.SENT)))
        (event,) = w.trace.of(Happening.SENT)
        assert event.text == "taken by mail.here.test: 250 2.1.5 kept here"
        (attempt,) = await w.attempts(message)
        assert (attempt.host, attempt.answer) == ("mail.here.test", "250 2.1.5 kept here")
        assert await w.inbox() == [], "the sender did not ask"
        assert w.targets == []

    world(scenario)


def test_where_it_leads_is_looked_up_at_that_time(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.dns["peer.test", "MX"] = [Mx(10, "mx.peer.test")]
        await w.store.set_alias(Alias("team@here.test", (ANN, "bob@peer.test")))
        message = await w.queue("team@here.test", EVE, "gone@here.test")
        w.start()
        assert await w.settled(message) == []
        ann_has = await w.inbox()
        assert [LETTER in one for one in ann_has].count(True) >= 1
        (notice,) = [one for one in ann_has if one.startswith(b"Return-Path: <>")]
        assert b"Final-Recipient: rfc822; gone@here.test" in notice
        assert b"Status: 5.1.1\r\n" in notice
        assert b"Delivered-To" not in (await w.inbox(EVE))[0], "nobody is told of the others"
        await w.until(lambda: len(mx.messages) == 1)

    world(scenario)


def test_the_relay_for_everything_does_not_get_it(world: Run) -> None:
    async def scenario(w: World) -> None:
        w.start()
        assert await w.settled(await w.queue(EVE)) == []
        assert len(await w.inbox(EVE)) == 1
        assert w.targets == []

    world(scenario, Routes({"*": Route(Relay("relay.test"))}))


def test_a_domain_that_became_ours_takes_what_waits_for_it(world: Run) -> None:
    async def scenario(w: World) -> None:
        message = await w.queue("bob@new.test")
        await w.store.add_domain("new.test")
        await add_account(w.store, "bob@new.test")
        w.start()
        assert await w.settled(message) == []
        assert len(await w.inbox("bob@new.test")) == 1

    world(scenario)


def test_a_message_that_was_here_before_goes_round_no_more(world: Run) -> None:
    async def scenario(w: World) -> None:
        w.start()
        seen = b"Delivered-To: eve@here.test\r\n" + LETTER
        assert await w.settled(await w.queue(EVE, octets=seen)) == []
        assert b"Status: 5.4.6\r\n" in (await w.inbox())[0]

    world(scenario)


@pytest.mark.rfc("3461", "5.2.3")
def test_who_asked_hears_once_that_it_has_arrived(world: Run) -> None:
    async def scenario(w: World) -> None:
        w.start()
        message = await w.queue(recipients=(w.to(EVE, Notify.SUCCESS),))
        assert await w.settled(message) == []
        (notice,) = await w.inbox()
        assert b"Action: delivered\r\n" in notice

    world(scenario)


def test_a_full_mailbox_is_one_recipients_only(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(w: World) -> None:
        enqueue = w.store.enqueue
        eve = await w.store.find_account(EVE)

        async def full(dispatch: Dispatch) -> Any:
            if dispatch.local is not None and eve.id in dict(dispatch.local.recipients):
                raise OverQuota("full")
            return await enqueue(dispatch)

        message = await w.queue(ANN, EVE)
        monkeypatch.setattr(w.store, "enqueue", full)
        w.start()
        assert await w.settled(message) == []
        found = await w.inbox()
        assert len(found) == 2
        assert b"Status: 5.2.2\r\n" in found[1]
        assert await w.inbox(EVE) == []

    world(scenario)


def test_a_store_that_cannot_now_is_asked_again(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(w: World) -> None:
        message = await w.queue(EVE)

        async def busy(dispatch: Dispatch) -> Any:
            raise StoreUnavailable("busy")

        with monkeypatch.context() as patch:
            patch.setattr(w.store, "enqueue", busy)
            w.start()
            assert await w.settled(message) == [
                (RecipientState.WAITING, "451 4.3.0 the message could not be kept now")
            ]
        assert await w.again(message, 600) == []
        assert len(await w.inbox(EVE)) == 1

    world(scenario)

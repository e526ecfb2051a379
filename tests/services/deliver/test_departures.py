"""Mail leaves the queue: whatever DNS and the other servers do, each recipient has a fate."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from mailclad.base.resolver import DnsProblem, Mx
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.mail.tls_rpt import PolicyType, ResultType
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.deliver import after, courier, departures
from mailclad.services.deliver.route import Relay, Route, Routes
from mailclad.services.queue.hooks import AttemptMade
from mailclad.store.errors import BodyDamaged, StoreUnavailable
from mailclad.store.queue import (
    Deadline,
    Limits,
    Notify,
    QueueFilter,
    QueueId,
    RecipientState,
    Return,
    Suppressed,
    Work,
)
from mailclad.store.trace import Happening
from tests.services.deliver.world import ANN, DAY, LETTER, NOW, QUICK, FakeMx, World

WAITING, FAILED = RecipientState.WAITING, RecipientState.FAILED
BOB = "bob@peer.test"
LATER = b"451 4.3.0 later\r\n"
PEER = ("peer.test", "MX")

Scenario = Callable[[World], Awaitable[None]]
Run = Callable[[Scenario], None]


@pytest.fixture
def world(tmp_path: Path, ca: PrivateCa) -> Run:
    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), World(tmp_path, ca) as made:
                await scenario(made)

        asyncio.run(main())
        assert verify(tmp_path) == []

    return run


def test_a_message_leaves_as_soon_as_it_is_queued(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        message = await w.queue(BOB)
        assert await w.settled(message) == []
        assert mx.messages == [LETTER]
        assert mx.in_tls == [True]
        (attempt,) = await w.attempts(message)
        assert (attempt.host, attempt.tls_version) == ("mx.peer.test", "TLSv1.3")
        assert attempt.answer == "250 2.0.0 taken"
        assert "verified by an authority" in attempt.verified
        await w.until(lambda: bool(w.trace.events))
        (event,) = w.trace.of(Happening.SENT)
        assert event.addresses == (ANN, BOB)
        assert event.text == "taken by mx.peer.test: 250 2.0.0 taken"
        ((policy, failure),) = w.notes.sessions
        assert policy.policy_type is PolicyType.NO_POLICY_FOUND
        assert failure is None

    world(scenario)


def test_one_connection_carries_many_messages(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.connections = 2
        messages = [await w.queue(BOB) for _ in range(30)]
        w.start()
        for message in messages:
            assert await w.settled(message) == []
        assert len(mx.messages) == 30
        assert mx.connections == 2
        later = await w.queue(BOB)
        assert await w.settled(later) == []
        assert mx.connections == 2

    world(scenario)


def test_start_octets_stay_here_and_the_envelope_goes_whole(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", offers=("DSN", "SIZE 1000000"))
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        kept = b"Return-Path: <ann@here.test>\r\n"
        to = w.to(BOB, Notify.SUCCESS | Notify.FAILURE, "rfc822;Bob+40peer.test")
        message = await w.queue(
            octets=kept + LETTER, start=len(kept), recipients=(to,), envid="a+2Bb", ret=Return.FULL
        )
        w.start()
        assert await w.settled(message) == []
        assert mx.messages == [LETTER]
        (mail,) = [line for line in mx.lines if line.startswith("MAIL")]
        size = f"SIZE={len(LETTER)}"
        assert mail == f"MAIL FROM:<{ANN}> {size} RET=FULL ENVID=a+2Bb"
        (rcpt,) = [line for line in mx.lines if line.startswith("RCPT")]
        assert rcpt == f"RCPT TO:<{BOB}> NOTIFY=FAILURE,SUCCESS ORCPT=rfc822;Bob@peer.test"
        assert await w.inbox() == []  # the next server will tell

    world(scenario)


@pytest.mark.rfc("5321", "5")
def test_a_server_that_cannot_now_hands_over_to_the_next(world: Run) -> None:
    async def scenario(w: World) -> None:
        one = await w.server("mx1.peer.test", greeting=b"421 4.3.2 not now\r\n")
        two = await w.server("mx2.peer.test", answers={"MAIL": LATER, "DATA": LATER})
        three = await w.server("mx3.peer.test")
        w.dns["mx0.peer.test", "A"] = ["192.0.2.250"]  # nobody listens
        w.dns[PEER] = [Mx(n, f"mx{n}.peer.test") for n in (3, 2, 1, 0)]
        w.start()
        message = await w.queue(BOB)
        assert await w.settled(message) == []
        assert (one.messages, two.messages, three.messages) == ([], [], [LETTER])
        attempts = await w.attempts(message)
        assert [a.host.partition(".")[0] for a in attempts] == ["mx0", "mx1", "mx2", "mx3"]
        assert attempts[0].answer.startswith("451 4.4.1 ")
        assert attempts[1].answer == "421 4.3.2 not now"

    world(scenario)


def test_a_refusal_is_final_a_delay_is_not(world: Run) -> None:
    async def scenario(w: World) -> None:
        answers = {
            f"RCPT TO:<{BOB}>": b"550 5.1.1 who?\r\n",
            "RCPT TO:<eve@peer.test>": b"450 4.2.0 greylisted\r\n",
        }
        mx = await w.server("mx.peer.test", answers=answers)
        other = await w.server("mx2.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test"), Mx(20, "mx2.peer.test")]
        w.start()
        message = await w.queue(BOB, "eve@peer.test", "joe@peer.test")
        states = await w.settled(message)
        assert [state for state, _ in states] == [FAILED, WAITING, RecipientState.DELIVERED]
        assert states[1][1] == "450 4.2.0 greylisted"
        assert len(mx.messages) == 1
        assert other.connections == 0
        (notice,) = await w.inbox()
        assert notice.startswith(b"Return-Path: <>\r\nFrom: Mail delivery")
        assert b"There is no such address there." in notice
        assert b"eve@" not in notice
        assert b"Remote-MTA: dns; mx.peer.test" in notice
        mx.answers["RCPT TO:<eve@peer.test>"] = b"250 2.1.5 ok\r\n"
        assert await w.again(message, 600) == []
        assert len(await w.inbox()) == 1

    world(scenario)


def test_recipients_beyond_what_a_server_takes_go_in_the_next_transaction(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", offers=("LIMITS RCPTMAX=2",))
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        message = await w.queue(*(f"r{n}@peer.test" for n in range(5)))
        assert await w.settled(message) == []
        assert len(mx.messages) == 3
        assert mx.connections == 1
        assert len([line for line in mx.lines if line.startswith("RCPT")]) == 5

    world(scenario)


def test_too_many_recipients_are_told_by_452(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        refused = b"452 4.5.3 too many\r\n"
        mx.answers["RCPT TO:<r1@peer.test>"] = refused
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        message = await w.queue("r0@peer.test", "r1@peer.test")
        ((_, _), (state, answer)) = await w.settled(message)
        assert (state, answer) == (WAITING, "452 4.5.3 too many")
        # Asked again at once, because another was taken; alone it was refused, which ends it.
        assert len([line for line in mx.lines if "r1@" in line]) == 2

    world(scenario)


@pytest.mark.parametrize(
    ("records", "state", "answer"),
    [
        pytest.param([Mx(0, "")], FAILED, "5.1.10", marks=pytest.mark.rfc("7505", "3")),
        (None, FAILED, "5.1.2"),
        (DnsProblem("SERVFAIL"), WAITING, "4.4.3"),
        ([Mx(5, "mail.here.test"), Mx(9, "backup.test")], FAILED, "5.4.6"),
        ([Mx(5, "nowhere.test")], FAILED, "5.4.4"),
    ],
)
def test_where_there_is_no_way(world: Run, records: object, state: object, answer: str) -> None:
    async def scenario(w: World) -> None:
        if records is not None:
            w.dns[PEER] = records
        w.dns["backup.test", "A"] = ["192.0.2.9"]
        w.start()
        message = await w.queue(BOB)
        found = await w.settled(message)
        attempts = len(await w.inbox())
        if state is WAITING:
            assert [one for one, _ in found] == [WAITING]
            assert answer in found[0][1]
            assert attempts == 0
        else:
            assert found == []
            (notice,) = await w.inbox()
            assert f"Status: {answer}\r\n".encode() in notice

    world(scenario)


def test_a_domain_without_mx_is_its_own_server(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("peer.test")
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        assert mx.messages == [LETTER]

    world(scenario)


def test_private_addresses_get_nothing_unless_the_administrator_names_them(
    tmp_path: Path, ca: PrivateCa
) -> None:
    async def scenario() -> None:
        relay = Relay("127.0.0.1")
        routes = Routes({"named.test": Route(relay, TlsLevel.MAY)})
        async with asyncio.timeout(30), World(tmp_path, ca, routes) as w:
            mx = await w.server("mx.peer.test")
            w.servers["127.0.0.1"] = mx
            w.dns["mx.peer.test", "A"] = ["127.0.0.1"]
            w.dns[PEER] = [Mx(10, "mx.peer.test")]
            w.permits = lambda address: not address.startswith("127.")
            w.start()
            assert await w.settled(await w.queue(BOB)) == []
            assert b"Status: 5.4.4\r\n" in (await w.inbox())[0]
            assert await w.settled(await w.queue("bob@[127.0.0.1]")) == []
            assert mx.messages == []
            assert await w.settled(await w.queue("x@named.test")) == []
            assert mx.messages == [LETTER]

    asyncio.run(scenario())


def test_a_connection_lost_while_the_message_goes_is_waited_out(world: Run) -> None:
    """The next server is not asked at once: this one may have the message."""

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", cut="hello")
        other = await w.server("mx2.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test"), Mx(20, "mx2.peer.test")]
        w.start()
        message = await w.queue(BOB)
        ((state, answer),) = await w.settled(message)
        assert state is WAITING
        assert "closed the connection" in answer
        assert other.connections == 0
        mx.cut = ""
        assert await w.again(message, 400) == []
        assert mx.messages == [LETTER]

    world(scenario)


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", closes_after_message=True)
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.connections = 1
        w.start()
        for number in range(1, 4):
            message = await w.queue(BOB)
            assert await w.settled(message) == []
            assert mx.connections == number
            assert [a.answer for a in await w.attempts(message)] == ["250 2.0.0 taken"]

    world(scenario)


def test_a_destination_that_is_down_is_paused_and_what_waits_shares_its_fate(world: Run) -> None:
    async def scenario(w: World) -> None:
        w.dns["mx.peer.test", "A"] = ["192.0.2.1"]
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.connections = 1
        messages = [await w.queue(BOB) for _ in range(20)]
        w.start()
        for message in messages:
            ((state, answer),) = await w.settled(message)
            assert (state, answer[:9]) == (WAITING, "451 4.4.1")
        assert 3 <= len(w.targets) < 10
        fresh = await w.queue(BOB)
        due = await w.store.next_due()
        assert due is not None
        assert due >= NOW + 300
        mx = await w.server("mx.peer.test")
        assert mx.messages == []
        w.clock.at += 400
        await w.until(lambda: len(mx.messages) == 1 + len(messages))
        assert await w.settled(fresh) == []

    world(scenario)


# --- leases ---


async def extended(w: World, message: QueueId) -> None:
    """Its lease is whole again, as the clock is now."""
    async with asyncio.timeout(5):
        while True:
            (queued,) = (await w.store.queue_page(QueueFilter(message=message))).messages
            if queued.recipients[0].leased_until == w.clock.at + departures.LEASE_SECONDS:
                return
            await asyncio.sleep(0.002)


def test_what_a_dead_worker_had_is_tried_when_its_lease_runs_out(
    tmp_path: Path, ca: PrivateCa
) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(30), World(tmp_path, ca) as w:
            mx = await w.server("mx.peer.test")
            w.dns[PEER] = [Mx(10, "mx.peer.test")]
            message = await w.queue(BOB)
            until = NOW + departures.LEASE_SECONDS
            (work,) = await w.store.lease_due(NOW, "dead", until)
            assert work.message.id == message
            w.start()
            await asyncio.sleep(0.05)
            assert mx.connections == 0
            w.clock.at = until
            assert await w.settled(message) == []
            await w.until(lambda: mx.messages == [LETTER])

    asyncio.run(scenario())


def test_what_was_leased_without_our_knowledge_is_not_kept_from_others(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost, the lease was not: it is not extended together with others."""
    monkeypatch.setattr(departures, "EXTEND_SECONDS", 0.01)
    monkeypatch.setattr(departures, "LOOK_SECONDS", 0.01)

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", hold=asyncio.Event())
        other = await w.server("mx.other.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.dns["other.test", "MX"] = [Mx(10, "mx.other.test")]
        lost = await w.queue("x@other.test")
        lease = w.store.lease_due
        failed = asyncio.Event()

        async def loses(*args: Any, **kwargs: Any) -> list[Work]:
            found = await lease(*args, **kwargs)
            if not failed.is_set():
                failed.set()
                raise StoreUnavailable("who knows")
            return found

        monkeypatch.setattr(w.store, "lease_due", loses)
        w.start()
        await failed.wait()
        long = await w.queue(BOB)  # goes on and on
        await w.until(lambda: bool(mx.in_tls))
        for _ in range(4):
            w.clock.at += departures.LEASE_SECONDS // 3
            await extended(w, long)
        assert await w.settled(lost) == []
        assert other.messages == [LETTER]

    world(scenario)


def test_two_workers_send_each_message_once(tmp_path: Path, ca: PrivateCa) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(30), World(tmp_path, ca) as w:
            mx = await w.server("mx.peer.test")
            w.dns[PEER] = [Mx(10, "mx.peer.test")]
            second = SqliteStore.open(tmp_path)
            w.start("one")
            other = w.start("two", second)
            messages = [await w.queue(BOB) for _ in range(100)]
            for message in messages:
                assert await w.settled(message) == []
            assert len(mx.messages) == 100
            await other.drain(1)
            await second.close()

    asyncio.run(scenario())


def test_draining_gives_back_what_was_not_sent(world: Run) -> None:
    async def scenario(w: World) -> None:
        hold = asyncio.Event()
        mx = await w.server("mx.peer.test", hold=hold)
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.connections = 1
        for _ in range(5):
            await w.queue(BOB)
        made = w.start()
        await w.until(lambda: bool(mx.in_tls))
        draining = asyncio.create_task(made.drain(5))
        await asyncio.sleep(0)
        hold.set()
        await draining
        counts = await w.store.queue_counts()
        assert (counts.leased, counts.waiting) == (0, 4)
        assert len(mx.messages) == 1

    world(scenario)


def test_draining_does_not_wait_for_ever(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", hold=asyncio.Event())
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        message = await w.queue(BOB)
        made = w.start()
        await w.until(lambda: bool(mx.in_tls))
        await made.drain(0)
        counts = await w.store.queue_counts()
        assert (counts.leased, counts.waiting) == (0, 1)
        mx.hold = None
        w.start("another")
        assert await w.settled(message) == []

    world(scenario)


def test_what_was_taken_before_the_end_is_not_sent_again(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "RECIPIENTS", 1)

    class SecondHeld(asyncio.Event):
        asked = 0

        async def wait(self) -> Literal[True]:
            self.asked += 1
            return True if self.asked == 1 else await super().wait()

    async def scenario(w: World) -> None:
        hold = SecondHeld()
        mx = await w.server("mx.peer.test", hold=hold)
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        message = await w.queue(BOB, "joe@peer.test")
        made = w.start()
        await w.until(lambda: hold.asked == 2)
        await made.drain(0)
        (queued,) = (await w.store.queue_page()).messages
        states = [one.state for one in queued.recipients]
        assert states == [RecipientState.DELIVERED, WAITING]
        mx.hold = None
        w.start("another")
        assert await w.settled(message) == []
        assert mx.messages.count(LETTER) == 2

    world(scenario)


# --- notices ---


def test_who_cannot_be_told_is_not(world: Run) -> None:
    """A bounce of a bounce goes nowhere, and neither does one to nobody."""

    async def scenario(w: World) -> None:
        await w.server("mx.peer.test", answers={"RCPT": b"550 5.1.1 no\r\n"})
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        assert await w.settled(await w.queue(BOB, sender="")) == []
        assert w.trace.of(Happening.NOTICE) == []
        assert await w.settled(await w.queue(BOB, sender="nobody@here.test")) == []
        (event,) = w.trace.of(Happening.NOTICE)
        assert event.text == "the sender was not told: nobody has that address"
        assert await w.inbox() == []
        assert (await w.store.queue_counts()).messages == 0

    world(scenario)


def test_a_notice_to_elsewhere_is_queued_and_sent(world: Run) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test", answers={"RCPT": b"550 5.1.1 no\r\n"})
        far = await w.server("mx.far.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.dns["far.test", "MX"] = [Mx(10, "mx.far.test")]
        w.start()
        await w.queue(BOB, sender="zoe@far.test")
        await w.until(lambda: bool(far.messages))
        assert "MAIL FROM:<>" in far.lines
        assert "RCPT TO:<zoe@far.test>" in far.lines
        assert far.messages[0].startswith(b"From: Mail delivery")

    world(scenario)


def test_late_then_failed(world: Run) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test", answers={"RCPT": b"450 4.2.0 busy\r\n"})
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        message = await w.queue(BOB)
        await w.settled(message)
        assert await w.inbox() == []
        ((state, _),) = await w.again(message, 5 * 3600)
        assert state is WAITING
        (late,) = await w.inbox()
        assert b"Action: delayed\r\n" in late
        await w.again(message, 3600)
        assert len(await w.inbox()) == 1
        assert await w.again(message, 5 * DAY) == []
        _, failed = await w.inbox()
        assert b"Action: failed\r\n" in failed
        assert b"Status: 5.4.7\r\n" in failed

    world(scenario)


def test_success_is_told_where_the_next_server_does_not(world: Run) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        message = await w.queue(recipients=(w.to(BOB, Notify.SUCCESS),))
        assert await w.settled(message) == []
        (notice,) = await w.inbox()
        assert b"Action: relayed\r\n" in notice

    world(scenario)


def test_suppressed_addresses_get_nothing(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        await w.store.suppress(Suppressed(BOB, "it complained", NOW, None))
        w.start()
        message = await w.queue("Bob@Peer.test", "joe@peer.test")
        assert await w.settled(message) == []
        assert [line for line in mx.lines if "RCPT" in line] == ["RCPT TO:<joe@peer.test>"]
        (notice,) = await w.inbox()
        assert b"5.7.1" in notice
        assert re.search(rb"nothing to\s+this address: it complained", notice)

    world(scenario)


def test_a_fault_of_ours_delays_one_message_and_no_other(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(message: object, body: object) -> object:
        raise RuntimeError("a bug")

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        with monkeypatch.context() as patch:
            patch.setattr(departures, "wish_of", broken)
            message = await w.queue(BOB)
            ((state, answer),) = await w.settled(message)
        assert (state, answer[:9]) == (WAITING, "451 4.3.0")
        assert await w.settled(await w.queue(BOB)) == []
        assert mx.messages == [LETTER]

    world(scenario)


def test_a_notice_whose_mailbox_is_gone_does_not_hold_up_results(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test", answers={"RCPT": b"550 5.1.1 no\r\n"})
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        await w.store.set_disabled(ANN, True)
        account = await w.store.find_account(ANN)
        made = w.start()
        original = made._telling.notice

        async def notice(*args: object) -> object:
            found = await original(*args)  # type: ignore[arg-type]
            assert found is not None
            assert found.local is not None
            gone = replace(found.local, recipients=((account.id, "Gone"),))
            return replace(found, local=gone)

        monkeypatch.setattr(made._telling, "notice", notice)
        assert await w.settled(await w.queue(BOB)) == []

    world(scenario)


def test_who_cannot_be_told_now_is_not_given_up(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(w: World) -> None:
        answers = {f"RCPT TO:<{BOB}>": b"550 5.1.1 no\r\n"}
        mx = await w.server("mx.peer.test", answers=answers)
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        made = w.start()

        async def notice(*_: object) -> None:
            raise StoreUnavailable("too busy")

        with monkeypatch.context() as patch:
            patch.setattr(made._telling, "notice", notice)
            message = await w.queue(BOB, "joe@peer.test")
            states = await w.settled(message)
        assert states == [
            (WAITING, "550 5.1.1 no"), (RecipientState.DELIVERED, "250 2.0.0 taken")
        ]  # fmt: skip
        assert w.trace.of(Happening.FAILED) == []
        assert await w.again(message, 400) == []
        assert b"Status: 5.1.1\r\n" in (await w.inbox())[0]
        assert mx.messages.count(LETTER) == 1

    world(scenario)


@pytest.mark.parametrize("problem", [BodyDamaged("in a pack"), OSError("I/O error")])
def test_the_sender_of_a_damaged_message_is_told(
    world: Run, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        message = await w.queue(BOB)

        async def body(*_: object) -> None:
            raise problem

        w.start()
        with monkeypatch.context() as patch:
            patch.setattr(w.store, "body", body)
            w.clock.at += 6 * DAY
            assert await w.settled(message) == []
        (notice,) = await w.inbox()
        assert b"Action: failed\r\n" in notice

    world(scenario)


def test_recipients_behind_a_hundred_that_were_refused_are_asked_for_at_once(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "RECIPIENTS", 2)

    async def scenario(w: World) -> None:
        who = b"550 5.1.1 who?\r\n"
        answers = {f"RCPT TO:<r{n}@peer.test>": who for n in range(3)}
        mx = await w.server("mx.peer.test", answers=answers)
        other = await w.server("mx2.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test"), Mx(20, "mx2.peer.test")]
        w.start()
        message = await w.queue(*(f"r{n}@peer.test" for n in range(5)))
        assert await w.settled(message) == []
        assert mx.messages.count(LETTER) == 2
        assert other.connections == 0

    world(scenario)


# --- TLS that nothing demands ---


def test_without_starttls_mail_goes_in_the_clear_and_is_reported(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", tls=False)
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        assert mx.in_tls == [False]
        ((policy, failure),) = w.notes.sessions
        assert policy.policy_type is PolicyType.NO_POLICY_FOUND
        assert failure is not None
        assert failure.result_type is ResultType.STARTTLS_NOT_SUPPORTED

    world(scenario)


def test_after_a_handshake_that_failed_the_next_try_is_clear(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", starttls=b"220 go\r\n250 and more\r\n")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.start()
        message = await w.queue(BOB)
        assert await w.settled(message) == []
        assert mx.in_tls == [False]
        assert [demand.level for _, demand in w.targets] == [TlsLevel.MAY, TlsLevel.NONE]
        first, second = await w.attempts(message)
        assert "STARTTLS" in first.answer
        assert second.tls_version == ""

    world(scenario)


# --- crowds ---


def test_more_destinations_than_couriers(world: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "COURIERS", 3)

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        messages = []
        for number in range(20):
            w.dns[f"d{number}.test", "MX"] = [Mx(10, "mx.peer.test")]
            messages.append(await w.queue(f"bob@d{number}.test"))
        w.start()
        for message in messages:
            assert await w.settled(message) == []
        assert len(mx.messages) == 20

    world(scenario)


def test_a_lane_that_wanted_more_couriers_does_not_keep_others_from_any(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "COURIERS", 1)

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        messages = []
        for name in ("a.test", "a.test", "b.test", "c.test"):
            w.dns[name, "MX"] = [Mx(10, "mx.peer.test")]
            messages.append(await w.queue(f"bob@{name}"))
        w.start()
        for message in messages:
            assert await w.settled(message) == []
        assert len(mx.messages) == 4

    world(scenario)


def test_a_long_queue_does_not_keep_all_places(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "COURIERS", 2)

    async def scenario(w: World) -> None:
        long = await w.server("mx.long.test")
        short = await w.server("mx.short.test")
        w.dns["long.test", "MX"] = [Mx(10, "mx.long.test")]
        w.dns["short.test", "MX"] = [Mx(10, "mx.short.test")]
        messages = [await w.queue("x@long.test") for _ in range(150)]
        await w.queue("x@short.test")
        w.start()
        await w.until(lambda: bool(short.messages))
        assert len(long.messages) < 100
        for message in messages:
            assert await w.settled(message) == []

    world(scenario)


def test_what_is_in_hand_is_not_begun_again_when_its_lease_runs_out(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set on, or the machine slept."""
    monkeypatch.setattr(departures, "LOOK_SECONDS", 0.01)

    async def scenario(w: World) -> None:
        hold = asyncio.Event()
        mx = await w.server("mx.peer.test", hold=hold)
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        message = await w.queue(BOB, "joe@peer.test")
        w.start()
        await w.until(lambda: bool(mx.in_tls))
        w.clock.at += 10 * departures.LEASE_SECONDS
        await extended(w, message)
        hold.set()
        assert await w.settled(message) == []
        assert mx.messages == [LETTER]
        assert len(mx.in_tls) == 1

    world(scenario)


def test_slow_destinations_do_not_take_all_the_room(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "RECIPIENTS_IN_HAND", 40)
    monkeypatch.setattr(departures, "LEASED_AT_ONCE", 10)
    monkeypatch.setattr("tests.services.deliver.world.QUICK", replace(QUICK, message=20))

    async def scenario(w: World) -> None:
        w.leases = Limits(20)
        slow = await w.server("mx.slow.test", hold=asyncio.Event())
        quick = await w.server("mx.quick.test")
        for name in ("a.test", "b.test"):
            w.dns[name, "MX"] = [Mx(10, "mx.slow.test")]
            for _ in range(30):
                await w.queue(f"x@{name}")
        w.dns["quick.test", "MX"] = [Mx(10, "mx.quick.test")]
        message = await w.queue("x@quick.test")
        w.start()
        assert await w.settled(message) == []
        assert len(quick.messages) == 1
        assert slow.messages == []
        page = await w.store.queue_page()
        assert {one.attempts for queued in page.messages for one in queued.recipients} == {0}

    world(scenario)


def test_no_more_in_hand_than_the_limit(world: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "RECIPIENTS_IN_HAND", 4)

    async def scenario(w: World) -> None:
        hold = asyncio.Event()
        mx = await w.server("mx.peer.test", hold=hold)
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        messages = [await w.queue(BOB) for _ in range(20)]
        w.start()
        await w.until(lambda: len(mx.in_tls) == 4)
        counts = await w.store.queue_counts()
        assert counts.leased == 4
        hold.set()
        for message in messages:
            assert await w.settled(message) == []

    world(scenario)


def test_leases_are_extended_while_a_message_takes_its_time(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "EXTEND_SECONDS", 0.01)

    async def scenario(w: World) -> None:
        hold = asyncio.Event()
        mx = await w.server("mx.peer.test", hold=hold)
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        message = await w.queue(BOB)
        w.start()
        await w.until(lambda: bool(mx.in_tls))
        w.clock.at += departures.LEASE_SECONDS - 1
        await extended(w, message)
        hold.set()
        assert await w.settled(message) == []

    world(scenario)


def test_hooks_hear_of_attempts_and_hold_up_nothing(
    world: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after, "WAITING", 2)
    heard: list[AttemptMade] = []
    go_on = asyncio.Event()

    class Slow:
        async def on_attempt(self, attempt: AttemptMade) -> None:
            heard.append(attempt)
            await go_on.wait()

    async def scenario(w: World) -> None:
        await w.server("mx.peer.test")
        w.dns[PEER] = [Mx(10, "mx.peer.test")]
        w.hooks = (Slow(),)
        w.start()
        for _ in range(6):
            assert await w.settled(await w.queue(BOB)) == []
        await w.until(lambda: len(w.trace.of(Happening.SENT)) == 6)
        assert len(heard) == 1
        go_on.set()
        await w.until(lambda: len(heard) == 3)
        assert heard[0].recipients == (BOB,)
        assert heard[0].attempt.host == "mx.peer.test"

    world(scenario)


# --- by when, and how urgent


async def deadline_world(w: World, *offers: str) -> FakeMx:
    mx = await w.server("mx.peer.test", offers=offers)
    w.dns[PEER] = [Mx(10, "mx.peer.test")]
    return mx


def mail_lines(mx: FakeMx) -> list[str]:
    return [line for line in mx.lines if line.startswith("MAIL")]


@pytest.mark.rfc("2852", "4.1.4")
@pytest.mark.rfc("6710", "4.2")
def test_what_is_left_of_the_time_goes_with_the_message(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await deadline_world(w, "DELIVERBY 5", "MT-PRIORITY MIXER", "DSN")
        for at, gives_up in ((NOW + 60, True), (NOW + 60, False), (NOW - 9, False)):
            deadline = Deadline(at, gives_up)
            assert await w.store.queue_matches(QueueFilter()) == 0
            message = await w.queue(BOB, deadline=deadline, priority=3)
            if gives_up:
                w.start()
            assert await w.settled(message) == []
        said = [line.partition("> ")[2] for line in mail_lines(mx)]
        assert said == [f"BY={by} MT-PRIORITY=3" for by in ("60;R", "60;N", "-9;N")]
        assert await w.inbox() == []

    world(scenario)


@pytest.mark.rfc("2852", "4.1.4.1")
@pytest.mark.parametrize("offer", ["SIZE", "DELIVERBY 61"])
def test_in_time_or_never_goes_only_to_who_promises_it(world: Run, offer: str) -> None:
    async def scenario(w: World) -> None:
        mx = await deadline_world(w, offer)
        w.start()
        assert await w.settled(await w.queue(BOB, deadline=Deadline(NOW + 60, True))) == []
        assert mail_lines(mx) == []
        (notice,) = await w.inbox()
        assert b"Status: 5.3.3\r\n" in notice
        assert b"Deliver-By-Date: Tue, 14 Nov 2023 22:14:20 +0000\r\n" in notice
        other = await w.server("mx2.peer.test", offers=("DELIVERBY",))
        w.dns[PEER] = [Mx(10, "mx.peer.test"), Mx(20, "mx2.peer.test")]
        assert await w.settled(await w.queue(BOB, deadline=Deadline(NOW + 60, True))) == []
        assert other.messages == [LETTER]

    world(scenario)


@pytest.mark.rfc("2852", "4.1.3")
def test_when_the_time_is_over_nothing_more_is_tried(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await deadline_world(w, "DELIVERBY")
        w.clock.at += 61
        w.start()
        late = Deadline(NOW + 60, True)
        assert await w.settled(await w.queue(BOB, ANN, deadline=late)) == []
        assert mx.connections == 0
        assert all(b"Status: 5.4.7\r\n" in notice for notice in await w.inbox())

    world(scenario)


@pytest.mark.rfc("2852", "4.1.4.2")
@pytest.mark.parametrize("offers", [(), ("DSN",)])
@pytest.mark.parametrize(
    ("notify", "asked", "told"),
    [
        (Notify(0), " NOTIFY=DELAY,FAILURE", True),
        (Notify.SUCCESS, " NOTIFY=DELAY,SUCCESS", True),
        (Notify.NEVER, " NOTIFY=NEVER", False),
    ],
)
def test_where_the_deadline_is_lost_the_sender_hears_of_it(
    world: Run, offers: tuple[str, ...], notify: Notify, asked: str, told: bool
) -> None:
    async def scenario(w: World) -> None:
        mx = await deadline_world(w, *offers)
        w.start()
        to = w.to(BOB, notify)
        message = await w.queue(recipients=(to,), deadline=Deadline(NOW + 60, False))
        assert await w.settled(message) == []
        (rcpt,) = [line for line in mx.lines if line.startswith("RCPT")]
        assert rcpt == f"RCPT TO:<{BOB}>" + (asked if offers else "")
        notices = await w.inbox()
        assert len(notices) == told
        assert all(b"Action: relayed\r\n" in notice for notice in notices)

    world(scenario)


@pytest.mark.rfc("2852", "4.1.3")
def test_a_deadline_that_passes_is_told_at_once_and_we_go_on(world: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await deadline_world(w, "DELIVERBY")
        mx.answers["MAIL"] = LATER
        w.start()
        message = await w.queue(BOB, warn_at=NOW + 60, deadline=Deadline(NOW + 60, False))
        await w.settled(message)
        assert await w.store.next_due() == NOW + 60
        w.clock.at += 60
        await w.settled(message)
        (notice,) = await w.inbox()
        assert b"Action: delayed\r\nStatus: 4.4.7\r\n" in notice
        mx.answers["MAIL"] = b"250 ok\r\n"
        assert await w.again(message, 600) == []
        assert mail_lines(mx)[-1].endswith(" BY=-600;N")

    world(scenario)

"""Certificates are ordered when they are due, and what fails holds nothing else back."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from mailclad.base.resolver import Tlsa
from mailclad.base.secret import Secret
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.protocols.acme.request import certificate_id
from mailclad.services.certificates.acme.order import OrderFailed, RenewalWindow
from mailclad.services.certificates.chain import KeyKind
from mailclad.services.certificates.keys import TlsaSeen, public_key_der
from mailclad.services.certificates.renewal import ASK_AGAIN_SECONDS, Busy, Renewal
from mailclad.store.certificates import CertificateState, KeptCertificate
from mailclad.store.renewals import Attempt, KeptWindow
from tests.engines.stores import opened
from tests.services.certificates.issuing import TestIssuer, TestWorld
from tests.services.certificates.kept import DAY, HOST, NAMES
from tests.services.clock import NOW, StandingClock

NEW = "mta-sts.example.net"


@dataclass
class Bench:
    store: SqliteStore
    renewal: Renewal
    issuer: TestIssuer
    world: TestWorld
    clock: StandingClock
    staged: list[int]

    async def run(self, days: float = 0) -> None:
        """Later by so many days: one look, and what was staged is served."""
        self.clock.seconds += int(days * DAY)
        await self.renewal.run()
        for one in await self.store.certificates():
            if one.state is CertificateState.STAGED:
                await self.store.settle_certificate(one.id, CertificateState.LIVE, "proven")

    async def live(self) -> list[KeptCertificate]:
        kept = await self.store.certificates()
        return [one for one in kept if one.state is CertificateState.LIVE]

    async def attempts(self) -> tuple[Attempt, ...]:
        return await self.store.attempts()


@asynccontextmanager
async def bench(directory: Path, kinds: Sequence[KeyKind] = (KeyKind.EC,)) -> AsyncIterator[Bench]:
    async with opened(directory) as store:
        clock, world, staged = StandingClock(), TestWorld(), list[int]()
        issuer = TestIssuer(clock)
        renewal = Renewal(store, issuer, world, kinds, clock, lambda: staged.append(clock.now()))
        yield Bench(store, renewal, issuer, world, clock, staged)


def with_bench(directory: Path, act: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        async with bench(directory) as made:
            await act(made)

    asyncio.run(main())


def test_the_first_is_ordered_at_once_and_the_next_when_it_is_due(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        (first,) = await bench.live()
        assert first.names == NAMES
        assert first.not_after - first.not_before == 90 * DAY
        assert bench.staged == [NOW]
        await bench.run(59)
        assert len(bench.issuer.asked) == 1
        await bench.run(4)
        (second,) = await bench.live()
        assert second.id != first.id
        leaf = x509.load_pem_x509_certificate(first.chain_pem)
        assert bench.issuer.asked[1].replaces == certificate_id(leaf)
        assert second.key_pem.reveal() != first.key_pem.reveal()
        assert [one.issued for one in await bench.attempts()] == [True, True]

    with_bench(tmp_path, act)


def test_the_authority_is_asked_for_its_window_as_often_as_it_wants(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        begins = datetime.fromtimestamp(NOW, UTC)
        bench.issuer.window = RenewalWindow(
            begins + timedelta(days=10), begins + timedelta(days=11), begins + timedelta(days=2)
        )
        await bench.run()
        assert bench.issuer.windows_asked == 1
        await bench.run(1)
        assert bench.issuer.windows_asked == 1
        await bench.run(1)
        assert bench.issuer.windows_asked == 2
        await bench.run(9)
        assert len(bench.issuer.asked) == 2

    with_bench(tmp_path, act)


def test_an_authority_that_says_nothing_is_asked_again_after_six_hours(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        await bench.run()
        (window,) = await bench.store.renewal_windows()
        assert window.ask_again == NOW + ASK_AGAIN_SECONDS

    with_bench(tmp_path, act)


def test_a_name_that_fails_is_dropped_told_and_tried_the_next_day(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.issuer.bad = {NAMES[1]: "port 80 is closed"}
        await bench.run()
        (live,) = await bench.live()
        assert live.names == (HOST,)
        (attempt,) = await bench.attempts()
        assert attempt.failed == {NAMES[1]: "port 80 is closed"}
        await bench.run(0.9)
        assert len(bench.issuer.asked) == 1

        await bench.run(0.2)  # in vain: nothing is issued, nothing is changed
        assert bench.issuer.asked[1].gains == {NAMES[1]}
        assert [one.id for one in await bench.live()] == [live.id]

        bench.issuer.bad = {}
        await bench.run(1.1)
        (grown,) = await bench.live()
        assert grown.names == NAMES

    with_bench(tmp_path, act)


def test_a_name_that_never_works_costs_no_certificate_a_day(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.issuer.bad = {NAMES[1]: "port 80 is closed"}
        for _ in range(40):
            await bench.run(1.01)
        issued = [one for one in await bench.attempts() if one.issued]
        assert len(issued) == 1

    with_bench(tmp_path, act)


def test_names_that_came_are_ordered_and_names_that_went_are_left_out_next(
    tmp_path: Path,
) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        bench.world.names = (*NAMES, NEW)
        await bench.run(0.1)
        (grown,) = await bench.live()
        assert grown.names == (*NAMES, NEW)
        bench.world.names = NAMES
        await bench.run(0.1)
        assert [one.id for one in await bench.live()] == [grown.id]

    with_bench(tmp_path, act)


def test_a_name_that_cannot_be_looked_up_stays_where_it_is(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        bench.world.names, bench.world.unsure = (HOST,), {NAMES[1]: "no answer", NEW: "no answer"}
        await bench.run(63)
        (live,) = await bench.live()
        assert live.names == NAMES

    with_bench(tmp_path, act)


def test_failures_are_kept_and_put_the_next_attempt_off(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        until = datetime.fromtimestamp(NOW + 2 * DAY, UTC)
        bench.issuer.failure = OrderFailed("too many", not_before=until, finding="ACME-433")
        await bench.run()
        (failed,) = await bench.attempts()
        assert (failed.told, failed.finding) == ("too many", "ACME-433")
        await bench.run(1.9)
        assert len(bench.issuer.asked) == 1
        bench.issuer.failure = None
        await bench.run(0.2)
        assert len(await bench.live()) == 1

    with_bench(tmp_path, act)


def test_where_no_order_can_succeed_none_is_made(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.world.hindrance = f"{HOST} has no address"
        await bench.run()
        assert bench.issuer.asked == []
        assert await bench.attempts() == ()
        bench.world.hindrance = ""
        await bench.run()
        assert len(await bench.live()) == 1

    with_bench(tmp_path, act)


def test_one_that_could_not_be_proven_is_not_ordered_again_at_once(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.renewal.run()
        (staged,) = await bench.store.certificates()
        await bench.store.settle_certificate(staged.id, CertificateState.REFUSED, "no proof")
        await bench.run(0.9)
        assert len(bench.issuer.asked) == 1
        await bench.run(0.2)
        assert len(bench.issuer.asked) == 2

    with_bench(tmp_path, act)


def test_two_processes_do_not_order_the_same(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        (order,) = (await bench.renewal.plan()).orders
        await bench.store.take_duty(order.lease, NOW, NOW + 60)
        with pytest.raises(Busy):
            await bench.renewal.order(order)
        await bench.store.release_duty(order.lease, NOW)
        assert (await bench.renewal.order(order)).issued

    with_bench(tmp_path, act)


def test_a_failed_order_does_not_block_the_next(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.issuer.failure = OrderFailed("no")
        for _ in range(2):
            (order,) = (await bench.renewal.plan()).orders
            with pytest.raises(OrderFailed):
                await bench.renewal.order(order)

    with_bench(tmp_path, act)


def test_what_another_process_has_ordered_meanwhile_is_not_ordered_again(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        (order,) = (await bench.renewal.plan()).orders
        await bench.renewal.order(order)
        with pytest.raises(Busy):
            await bench.renewal.order(order)
        assert len(bench.issuer.asked) == 1

    with_bench(tmp_path, act)


def test_an_order_that_crashes_each_time_is_not_made_each_time(tmp_path: Path) -> None:
    """Each may have used up one of the five that are given in a week."""

    async def act(bench: Bench) -> None:
        bench.issuer.failure = RuntimeError("a fault of ours")
        for _ in range(7 * 24 * 4):
            with suppress(RuntimeError):
                await bench.run(1 / (24 * 4))
        assert 5 <= len(bench.issuer.asked) <= 12
        bench.issuer.failure = None
        await bench.run(1)
        assert [one.told for one in await bench.attempts()][:2] == ["issued until 2026-04-09", ""]

    with_bench(tmp_path, act)


def test_what_was_staged_by_a_process_that_died_is_told_of_again(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.renewal.run()
        bench.staged.clear()
        await bench.renewal.run()
        assert bench.staged == [NOW]
        assert len(bench.issuer.asked) == 1

    with_bench(tmp_path, act)


def test_an_hour_without_proofs_costs_no_name_that_is_certified(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        bench.issuer.failure = OrderFailed("no", names=dict.fromkeys(NAMES, "port 80 is closed"))
        await bench.run(63)
        bench.issuer.failure = None
        await bench.run(0.1)
        (live,) = await bench.live()
        assert live.made_at > NOW
        assert live.names == NAMES

    with_bench(tmp_path, act)


def test_an_authority_that_cannot_be_asked_has_said_what_it_said(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        soon = datetime.fromtimestamp(NOW, UTC) + timedelta(days=10)
        bench.issuer.window = RenewalWindow(soon, soon + timedelta(days=1), soon)
        await bench.run()
        bench.issuer.window = None
        await bench.run(9)
        await bench.run(3)
        assert len(bench.issuer.asked) == 2

    with_bench(tmp_path, act)


def test_a_window_noted_by_a_clock_that_was_ahead_is_asked_for_again(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        (live,) = await bench.live()
        ahead = KeptWindow(live.id, None, None, NOW + 400 * DAY)
        await bench.store.keep_renewal_window(ahead)
        await bench.run()
        assert bench.issuer.windows_asked == 1

    with_bench(tmp_path, act)


def test_more_than_a_hundred_names_are_several_certificates(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.world.names = (HOST, *(f"n{n}.example" for n in range(120)))
        await bench.run()
        assert sorted(len(one.names) for one in await bench.live()) == [21, 100]
        second = max(await bench.live(), key=lambda one: one.series)
        bench.issuer.bad = {second.names[0]: "it has moved away"}
        await bench.run(63)
        assert sorted(len(one.names) for one in await bench.live()) == [20, 100]
        bench.world.names = NAMES
        await bench.run(1)
        assert len(await bench.live()) == 1

    with_bench(tmp_path, act)


@pytest.mark.slow
def test_a_kind_of_key_that_is_wanted_no_more_goes_when_another_is_there(tmp_path: Path) -> None:
    """One that was installed by hand, too: it may be all there is."""

    async def main() -> None:
        async with bench(tmp_path, (KeyKind.EC,)) as made:
            await made.run()
        async with bench(tmp_path, (KeyKind.RSA,)) as made:
            made.issuer.failure = OrderFailed("no")
            await made.run()
            assert [one.kind for one in await made.live()] == ["ec"]
            made.issuer.failure = None
            for _ in range(2):
                await made.run(1)
            assert [one.kind for one in await made.live()] == ["rsa"]

    asyncio.run(main())


def tlsa_of(*keys: Secret) -> TlsaSeen:
    digests = (hashlib.sha256(public_key_der(key)).digest() for key in keys)
    found = frozenset(Tlsa(3, 1, 1, digest) for digest in digests)
    return TlsaSeen(found, found, 3600)


def test_tlsa_roll_over(tmp_path: Path) -> None:
    """The key stays until the next one was shown for two times to live; then it changes."""

    async def act(bench: Bench) -> None:
        await bench.run()
        (first,) = await bench.live()
        bench.world.seen = tlsa_of(first.key_pem)
        await bench.run(63)
        (second,) = await bench.live()
        assert second.key_pem.reveal() == first.key_pem.reveal()

        (following,) = await bench.store.next_keys()
        assert following.pem.reveal() != first.key_pem.reveal()
        bench.world.seen = tlsa_of(first.key_pem, following.pem)
        await bench.renewal.look_at_tlsa()
        await bench.run(63)
        (third,) = await bench.live()
        assert third.key_pem.reveal() == following.pem.reveal()

        await bench.renewal.look_at_tlsa()
        (later,) = await bench.store.next_keys()
        assert later.pem.reveal() != following.pem.reveal()
        assert later.shown_since is None

    with_bench(tmp_path, act)


def test_without_an_answer_about_tlsa_the_key_stays(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        await bench.run()
        (first,) = await bench.live()
        bench.world.seen = None
        await bench.run(63)
        (second,) = await bench.live()
        assert second.id != first.id
        assert second.key_pem.reveal() == first.key_pem.reveal()

    with_bench(tmp_path, act)

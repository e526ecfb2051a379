"""Greylisting on the real store: who waits, who passes, what is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.receive import greylist
from mailclad.services.receive.greylist import (
    PASSED_SECONDS,
    WAIT_SECONDS,
    WAITING_SECONDS,
    Greylisting,
)
from mailclad.services.receive.guard import Client, Refused
from mailclad.store.errors import StoreUnavailable
from mailclad.store.greylist import MAX_WAITING, Greylist
from tests.services.receive.meeting import CLIENT, FakeClock, Meeting


def run(directory: Path, test: Callable[[SqliteStore, FakeClock], Awaitable[None]]) -> None:
    async def scenario() -> None:
        store = SqliteStore.open(directory, asyncio.get_running_loop())
        await test(store, FakeClock())
        await store.close()

    asyncio.run(scenario())


async def passes(
    guard: Greylisting, sender: str = "bob@x.test", to: str = "ada@ours.test", peer: str = ""
) -> bool:
    client = Client(peer or CLIENT.peer, 25, "mx.ours.test", None, "x")
    meeting = Meeting(guard, client)
    await meeting.mail(sender)
    try:
        await meeting.recipient(to)
    except Refused as refused:
        return refused.reply.code != 451
    return True


def test_who_comes_back_passes_and_the_network_with_it(tmp_path: Path) -> None:
    async def test(store: SqliteStore, clock: FakeClock) -> None:
        guard = Greylisting(store, clock)
        assert not await passes(guard)
        clock.ahead = WAIT_SECONDS - 1
        assert not await passes(guard)
        assert not await passes(guard, sender="else@x.test")
        clock.ahead = WAIT_SECONDS
        assert await passes(guard)
        for one in (guard, Greylisting(store, clock)):  # remembered, and read
            assert await passes(one, "other@y.test", "grace@ours.test", "192.0.2.200")
        assert not await passes(guard, peer="198.51.100.1")

    run(tmp_path, test)


def test_postmaster_does_not_wait(tmp_path: Path) -> None:
    async def test(store: SqliteStore, clock: FakeClock) -> None:
        assert await passes(Greylisting(store, clock), to="postmaster@ours.test")

    run(tmp_path, test)


def test_what_is_old_is_forgotten(tmp_path: Path) -> None:
    async def test(store: SqliteStore, clock: FakeClock) -> None:
        assert not await passes(Greylisting(store, clock))
        clock.ahead = WAITING_SECONDS + 1
        await Greylisting(store, clock).forget()
        assert not await passes(Greylisting(store, clock))  # anew, from now on
        clock.ahead += WAIT_SECONDS
        assert await passes(Greylisting(store, clock))
        clock.ahead += PASSED_SECONDS // 2
        assert await passes(Greylisting(store, clock))
        clock.ahead += PASSED_SECONDS // 2 + 1
        await Greylisting(store, clock).forget()
        assert await passes(Greylisting(store, clock))  # it came in between
        clock.ahead += PASSED_SECONDS + 1
        await Greylisting(store, clock).forget()
        assert not await passes(Greylisting(store, clock))

    run(tmp_path, test)


@pytest.mark.slow
def test_one_network_fills_neither_the_list_nor_its_neighbours_place(tmp_path: Path) -> None:
    async def test(store: SqliteStore, clock: FakeClock) -> None:
        network = "192.0.2.0/24"
        for number in range(MAX_WAITING):
            guess = number.to_bytes(16, "big")
            assert not await store.passes_greylist(network, guess, 1_000, 300)
        assert not await store.passes_greylist(network, b"neighbour", 1_001, 300)
        assert await store.forget_greylist(1_001, 0) == MAX_WAITING - 1
        assert await store.passes_greylist(network, b"neighbour", 1_301, 300)

    run(tmp_path, test)


class Failing(Greylist):
    async def passes_greylist(
        self, network: str, triplet: bytes, now: int, wait_seconds: int
    ) -> bool:
        raise StoreUnavailable

    async def forget_greylist(self, waiting_since: int, passed_since: int) -> int:
        raise StoreUnavailable


def test_without_the_store_mail_passes() -> None:
    assert asyncio.run(passes(Greylisting(Failing(), FakeClock())))


class Yes(Failing):
    async def passes_greylist(
        self, network: str, triplet: bytes, now: int, wait_seconds: int
    ) -> bool:
        return True


def test_a_worker_remembers_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greylist, "REMEMBERED", 10)
    guard = Greylisting(Yes(), FakeClock())
    for number in range(20):
        assert asyncio.run(passes(guard, peer=f"10.0.{number}.1"))
    assert len(guard._known) == 10

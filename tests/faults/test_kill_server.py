"""kill -9 of a worker and of the whole server under 64 deliveries and 4 people at once.

What was acknowledged is there, once and byte for byte, and the store is whole.
``MAILCLAD_KILL_ROUNDS`` says how often; ``MAILCLAD_KILL_SEED`` repeats the moments of a run,
as far as two cores do the same twice.
"""

import asyncio
import os
import random
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.rounds import EVERYBODY, Book, check, loaded
from tests.faults.serving import House, wait_until

TRIES = 10
ROUNDS = int(os.environ.get("MAILCLAD_KILL_ROUNDS", "3"))
ROUNDS_IN_A_HOUSE = 5  # each reads all that is there: more of them would mostly read


def houses(folder: Path) -> Iterator[tuple[House, int]]:
    """Fresh installations, with the number of rounds for each."""
    for first in range(0, ROUNDS, ROUNDS_IN_A_HOUSE):
        here = folder / str(first)
        here.mkdir()
        house = House(here, here / "data")
        house.prepare(EVERYBODY)
        try:
            yield house, min(ROUNDS_IN_A_HOUSE, ROUNDS - first)
        finally:
            house.end()


async def one_round(house: House, book: Book, moments: random.Random) -> None:
    """A worker dies and is replaced, the service goes on; then everything dies at once."""
    async with loaded(house, book) as load:
        await load.more(moments.randint(1, 200))
        await asyncio.sleep(moments.uniform(0, 0.02))
        before = house.worker_pids()
        victim = moments.choice(before)
        os.kill(victim, signal.SIGKILL)
        await asyncio.to_thread(
            wait_until,
            lambda: victim not in house.worker_pids() and len(house.worker_pids()) == len(before),
            "the worker is not replaced",
        )
        await load.more(moments.randint(1, 800))
        await asyncio.sleep(moments.uniform(0, 0.02))
        house.kill_all()


@pytest.mark.slow
@pytest.mark.timeout(60 + 20 * ROUNDS)
def test_acknowledged_mail_survives_kill_of_worker_and_server(tmp_path: Path) -> None:
    seed = os.environ.get("MAILCLAD_KILL_SEED") or secrets.token_hex(4)
    print(f"MAILCLAD_KILL_SEED={seed}")  # noqa: T201 - shown when the test fails
    moments = random.Random(seed)
    deliveries = changes = 0
    for house, rounds in houses(tmp_path):
        book = Book(house)
        house.start()
        for _ in range(rounds):
            asyncio.run(one_round(house, book, moments))
            house.start()
            assert asyncio.run(check(house, book)) == []
        house.stop()
        # Two dozen log-ins at once from one address may be one too many; nothing else is.
        assert [reply for reply in book.refused if not reply.startswith("454")] == []
        deliveries += len(book.acknowledged)
        changes += sum(changer.done for changer in book.changers)
    print(f"{ROUNDS} rounds, {deliveries} deliveries and {changes} changes acknowledged")  # noqa: T201
    assert deliveries >= 50 * ROUNDS
    assert changes >= 10 * ROUNDS


@pytest.mark.slow
def test_a_server_that_acknowledges_too_early_is_found_out(tmp_path: Path) -> None:
    """Else the test above would prove nothing."""

    async def kill_under_load() -> None:
        async with loaded(house, book) as load:
            await load.more(100)
            house.kill_all()

    house = House(tmp_path, tmp_path / "data")
    house.prepare(EVERYBODY)
    book = Book(house)
    try:
        for _ in range(TRIES):  # now and then the kill finds nothing under way
            house.start("-m", "tests.faults.careless", "early")
            asyncio.run(kill_under_load())
            house.start()
            problems = asyncio.run(check(house, book))
            house.kill_all()
            if any("is gone" in problem for problem in problems):
                return
        pytest.fail(f"{TRIES} rounds noticed nothing")
    finally:
        house.end()

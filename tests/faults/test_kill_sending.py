"""kill -9, and orders to stop, in the middle of sending: nothing acknowledged is lost.

Another server writes down what it takes.  What it had said yes to when everything died, and we had
not yet written down, comes again; nothing else does, and after an orderly end nothing at all.
``MAILCLAD_KILL_ROUNDS`` says how often, ``MAILCLAD_KILL_SEED`` repeats the moments of a run.
"""

import asyncio
import contextlib
import os
import random
import re
import secrets
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from mailclad.app.clock import SystemClock
from mailclad.app.open import opened
from mailclad.engines.sqlite.verify import verify
from mailclad.services.deliver.departures import LEASE_SECONDS
from mailclad.store.queue import Limits
from tests.faults.load import Unexpected, Wire
from tests.faults.serving import SECONDS, House, address, wait_until
from tests.faults.sink import Sink, listening
from tests.ports import free_ports

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("MAILCLAD_KILL_ROUNDS", "5"))
SENDER = "reader0"
CLIENTS = 6
EACH_CONNECTION = 5  # so that workers of an old configuration can end
LEAST = 20
"""Messages acknowledged in a round before anything happens."""

MORE = """
[[deliver.route]]
domain = "there.test"
host = "127.0.0.1"
port = {port}
policy = "none"
"""

_MESSAGE_ID = re.compile(rb"\r\nMessage-ID: <(\d+)@there\.test>\r\n")


class Outbox:
    """Clients that submit on 465 for elsewhere; ``acknowledged`` are the numbers taken."""

    def __init__(self, house: House) -> None:
        self.acknowledged: set[int] = set()
        self._house = house
        self._next = 1
        self._over = False

    @contextlib.asynccontextmanager
    async def filling(self) -> AsyncIterator[None]:
        self._over = False
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(self._client())
            try:
                yield
            finally:
                self._over = True

    async def more(self, count: int) -> None:
        goal = len(self.acknowledged) + count
        async with asyncio.timeout(SECONDS):
            while len(self.acknowledged) < goal:
                await asyncio.sleep(0.002)

    async def _client(self) -> None:
        while not self._over:
            with contextlib.suppress(OSError, EOFError, Unexpected):
                await self._connection()
            await asyncio.sleep(0.01)

    async def _connection(self) -> None:
        port = self._house.ports["submission", "implicit"]
        context = self._house.context()
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        try:
            wire = Wire(reader, writer)
            await wire.hello(None, lmtp=False)
            await wire.login(address(SENDER))
            for _ in range(EACH_CONNECTION):
                number, self._next = self._next, self._next + 1
                (reply,) = await wire.send(number, ["bob@there.test"], each=False)
                if reply.startswith("250"):
                    self.acknowledged.add(number)
        finally:
            writer.transport.abort()


def taken(sink: Sink) -> Counter[int]:
    """How often each number was taken: what it had answered 250, heard or not."""
    return Counter(
        int(found[1]) for one in sink.messages if (found := _MESSAGE_ID.search(b"\r\n" + one))
    )


async def take_back_leases(data: Path) -> int:
    """What the dead had leased is theirs for two minutes more; how many of them there were."""
    now = SystemClock().now()
    later = now + LEASE_SECONDS + 1
    async with opened(data) as things:
        leased = (await things.store.queue_counts()).leased
        limits = Limits(100_000)
        while await things.store.lease_due(later, "heir", later + 60, limits=limits):
            pass
        await things.store.return_leases("heir")
    return leased


async def emptied(data: Path) -> None:
    """All that waits has been sent by the server that runs."""
    async with opened(data) as things, asyncio.timeout(2 * SECONDS):
        while (await things.store.queue_counts()).messages:
            await asyncio.sleep(0.02)


@dataclass
class Tally:
    """``doubled``: how many came more than once; ``open``: what was leased when all died."""

    doubled: int = 0
    open: int = 0


Round = Callable[[House, Outbox, random.Random], Awaitable[None]]


def play(folder: Path, rounds: int, happen: Round, *program: str) -> tuple[Tally, Outbox, Sink]:
    """Submit, let it happen, start again, and drain; at the end nothing is missing or broken.

    ``program`` stands for ``-m mailclad``.
    """
    seed = os.environ.get("MAILCLAD_KILL_SEED") or secrets.token_hex(4)
    print(f"MAILCLAD_KILL_SEED={seed}")  # noqa: T201 - shown when the test fails
    moments = random.Random(seed)
    tally = Tally()

    async def main() -> tuple[Outbox, Sink]:
        outbox = Outbox(house)
        async with listening(port=port) as sink:
            await asyncio.to_thread(house.start, *program)
            for _ in range(rounds):
                before = taken(sink)
                async with outbox.filling():
                    await outbox.more(LEAST + moments.randint(0, 100))
                    await happen(house, outbox, moments)
                if not house.is_running:
                    assert verify(house.data) == []
                    tally.open += await take_back_leases(house.data)
                    await asyncio.to_thread(house.start, *program)
                await emptied(house.data)
                fresh = taken(sink) - before
                tally.doubled += sum(count - 1 for count in fresh.values())
            await asyncio.to_thread(house.stop)
            return outbox, sink

    house = House(folder, folder / "data")
    (port,) = free_ports(1)
    house.prepare([SENDER], MORE.format(port=port))
    try:
        outbox, sink = asyncio.run(main())
    finally:
        house.end()
    assert verify(house.data) == []
    missing = outbox.acknowledged - taken(sink).keys()
    assert missing == set(), f"{len(missing)} of {len(outbox.acknowledged)} never arrived"
    return tally, outbox, sink


async def kill(house: House, outbox: Outbox, moments: random.Random) -> None:
    await asyncio.sleep(moments.uniform(0, 0.1))
    house.kill_all()


@pytest.mark.timeout(60 + 20 * ROUNDS)
def test_what_was_acknowledged_leaves_whatever_is_killed(tmp_path: Path) -> None:
    tally, outbox, _ = play(tmp_path, ROUNDS, kill)
    print(f"{ROUNDS} rounds, {len(outbox.acknowledged)} messages, {tally}")  # noqa: T201
    assert tally.doubled <= tally.open, "what was not under way came twice"


def test_who_writes_down_what_he_will_do_is_found_out(tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    with pytest.raises(AssertionError, match="never arrived"):
        play(tmp_path, 2, kill, "-m", "tests.faults.careless", "sending")


async def end_orderly(house: House, outbox: Outbox, moments: random.Random) -> None:
    await asyncio.sleep(moments.uniform(0, 0.1))
    await asyncio.to_thread(house.stop)


def has_others(house: House, old: set[int]) -> bool:
    return bool(set(house.worker_pids()) - old)


async def reload(house: House, outbox: Outbox, moments: random.Random) -> None:
    """New workers take over while the old ones send what they have begun."""
    file = house.folder / "mailclad.toml"
    for _ in range(2):
        file.write_text(file.read_text().replace("per_day = 1", "per_day = 11"))
        old = set(house.worker_pids())
        house.running.send_signal(signal.SIGHUP)
        await asyncio.to_thread(wait_until, partial(has_others, house, old), "no new worker")
        await outbox.more(moments.randint(1, 30))


@pytest.mark.parametrize("happen", [end_orderly, reload])
def test_an_orderly_end_sends_nothing_twice_and_leaves_no_lease(
    tmp_path: Path, happen: Round
) -> None:
    tally, outbox, _ = play(tmp_path, 2, happen)
    assert tally == Tally(), "neither doubled nor leased"
    assert len(outbox.acknowledged) >= 2 * LEAST

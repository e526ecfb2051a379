"""A queue of a million messages: what each verb takes, and that none takes long.

    python -m tests.faults.long_queue [MESSAGES [DIRECTORY]]

Fills a store, then leases and settles as a worker would, and looks as an administrator would.
Ends with an error when a step takes longer than anybody should wait for it.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.queue import (
    Change,
    Dispatch,
    Envelope,
    NewRecipient,
    QueueFilter,
    QueueId,
    RecipientState,
    Result,
    Settlement,
    Work,
)

NOW = 1_796_000_000
DESTINATIONS = 5_000
AT_ONCE = 500
ROUNDS = 20

LONGEST_STEP_SECONDS = 1.0
"""Of a step of delivery or a page; summaries and counts may take ten times that."""

WAITING = RecipientState.WAITING

Step = Callable[[], Awaitable[object]]


def envelope(number: int) -> Envelope:
    """One destination has half of all mail."""
    domain = "large.example" if number % 2 else f"d{number % DESTINATIONS}.example"
    to = NewRecipient(f"person{number}@{domain}", domain)
    return Envelope(
        f"a{number % 100}@example.org", (to,), NOW + 432_000, NOW + 14_400, f"{number}"
    )


async def fill(store: SqliteStore, messages: int) -> None:
    for first in range(0, messages, AT_ONCE):
        envelopes = tuple(envelope(n) for n in range(first, min(first + AT_ONCE, messages)))
        await store.enqueue(
            Dispatch(b"Subject: x\r\n\r\nhello\r\n", NOW + first // 1_000, envelopes)
        )


def settlement(work: Work, place: int) -> Settlement:
    """Every second one is delivered, the others wait for an hour."""
    number = work.recipients[0].number
    if place % 2:
        return Settlement(work.message.id, (Result(number, RecipientState.DELIVERED, "250 ok"),))
    later = Result(number, RecipientState.WAITING, "451 later", NOW + 100_000)
    return Settlement(work.message.id, (later,))


def own_memory() -> int:
    """In MB, without what is mapped of the index, which is the system's to take away."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) // 1_000


class Times:
    def __init__(self) -> None:
        self.slow: list[str] = []
        self.memory = 0

    async def take(self, name: str, step: Step, times: int = 1, most: float = 1.0) -> None:
        spent = []
        for _ in range(times):
            began = time.perf_counter()
            await step()
            spent.append(time.perf_counter() - began)
        median = statistics.median(spent) * 1_000
        print(f"{name:48}{median:10.1f} ms, at most {max(spent) * 1_000:8.1f} ms")  # noqa: T201
        self.memory = max(self.memory, own_memory())
        if max(spent) > most * LONGEST_STEP_SECONDS:
            self.slow.append(name)


async def all_destinations(store: SqliteStore) -> int:
    after, count = "", 0
    while page := await store.destinations(after):
        count, after = count + len(page), page[-1].name
    return count


async def all_pages(store: SqliteStore) -> int:
    after: QueueId | None = None
    count = 0
    while True:
        page = await store.queue_page(after=after, limit=100)
        count += len(page.messages)
        if page.next is None:
            return count
        after = page.next


async def deliver(store: SqliteStore, now: int, times: Times) -> None:
    works: list[Work] = []

    async def lease() -> None:
        works[:] = await store.lease_due(now, "me", now + 600)

    async def settle() -> None:
        some = [settlement(work, place) for place, work in enumerate(works)]
        await store.settle("me", some)

    for _ in range(3):
        await times.take("lease 1,000 recipients", lease)
        await times.take(f"settle {len(works):,}", settle)

    async def round_() -> None:
        await lease()
        await settle()

    await times.take("lease and settle 1,000", round_, ROUNDS)


async def look(store: SqliteStore, middle: QueueId, times: Times) -> None:
    for name, which in (
        ("everything", QueueFilter()),
        ("a sender", QueueFilter(sender="a7@example.org")),
        ("a destination", QueueFilter(destination="large.example")),
        ("a destination with little mail", QueueFilter(destination="d4998.example")),
        ("a destination's waiting", QueueFilter(destination="large.example", state=WAITING)),
        ("held ones", QueueFilter(state=RecipientState.HELD)),
        ("old ones", QueueFilter(queued_before=NOW + 5)),
    ):

        async def page(which: QueueFilter = which) -> None:
            await store.queue_page(which, middle, 100)

        await times.take(f"a page in the middle: {name}", page, 5)
    await times.take("counts", store.queue_counts, 5)
    await times.take("next_due", store.next_due, 5)
    large = QueueFilter(destination="large.example")
    await times.take("matches of a destination", lambda: store.queue_matches(large), 2, 10)
    await times.take("summary of all destinations", lambda: all_destinations(store), 2, 10)
    await times.take("all pages of the list", lambda: all_pages(store), 1, 600)


async def change_some(store: SqliteStore, now: int, times: Times) -> None:
    for change in (Change.HOLD, Change.RELEASE, Change.RETRY, Change.DROP):

        async def alter(change: Change = change) -> None:
            await store.change(change, QueueFilter(), now)

        await times.take(f"{change.value} 1,000", alter, 3)


async def main(messages: int, directory: Path) -> int:
    store = SqliteStore.open(directory)
    began = time.perf_counter()
    await fill(store, messages)
    print(f"{messages:,} queued in {time.perf_counter() - began:.0f} s")  # noqa: T201
    times = Times()
    now = NOW + messages // 1_000
    await deliver(store, now, times)
    await look(store, QueueId((NOW + messages // 2_000) << 20), times)
    await change_some(store, now, times)
    await store.close()
    octets = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    print(f"{octets // 1_000_000:,} MB on disk, {times.memory:,} MB of memory")  # noqa: T201
    for name in times.slow:
        print(f"too slow: {name}")  # noqa: T201
    return bool(times.slow)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        sys.exit(asyncio.run(main(count, Path(folder))))

"""The queue's verbs, tied to readers and committer (docs/design/queue.md)."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from mailclad.engines.sqlite import (
    queue_leasing,
    queue_listing,
    queue_settling,
    queue_summary,
    suppressing,
)
from mailclad.engines.sqlite.arrival import Arrival, Passing
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.model import NewMessage
from mailclad.store.queue import (
    DESTINATIONS_AT_ONCE,
    EVERYTHING,
    LEASED_AT_ONCE,
    PAGE_MESSAGES,
    USUAL_LIMITS,
    Attempt,
    Change,
    Changed,
    DestinationSummary,
    Dispatch,
    Limits,
    Page,
    Queue,
    QueueCounts,
    QueueFilter,
    QueueId,
    Settlement,
    Suppressed,
    Work,
)
from mailclad.store.sending import Spending


class SqliteQueue(Verbs, Queue):
    async def enqueue(self, dispatch: Dispatch) -> tuple[QueueId, ...]:
        return await self._enqueue(arrival_of(dispatch))

    async def _enqueue(self, arrival: Arrival) -> tuple[QueueId, ...]:
        await self._committer.arrive(arrival)
        if arrival.queued:
            self._wake_queue()
        return arrival.queued

    async def lease_due(
        self,
        now: int,
        owner: str,
        until: int,
        limit: int = LEASED_AT_ONCE,
        limits: Limits = USUAL_LIMITS,
    ) -> list[Work]:
        return await self._write(queue_leasing.lease_due, now, owner, until, limit, limits)

    async def next_due(self) -> int | None:
        return self._readers.here(queue_leasing.next_due)

    async def settle(
        self,
        owner: str,
        settlements: Sequence[Settlement],
        notices: Sequence[Dispatch] = (),
        pauses: Mapping[str, int] | None = None,
    ) -> int:
        arrivals = [arrival_of(notice) for notice in notices]

        def run(tx: Transaction) -> int:
            return queue_settling.settle(tx, owner, settlements, arrivals, pauses or {})

        counted = cast("int", await self._committer.work(run, arrivals))
        if any(notice.envelopes for notice in notices):
            self._wake_queue()
        return counted

    async def extend_leases(self, owner: str, until: int, messages: Collection[QueueId]) -> int:
        return await self._write(queue_leasing.extend, owner, until, messages)

    async def return_leases(self, owner: str, messages: Collection[QueueId] | None = None) -> int:
        return await self._write(queue_leasing.give_back, owner, messages)

    # --- administration ---

    async def change(
        self, change: Change, which: QueueFilter, now: int, after: QueueId | None = None
    ) -> Changed:
        return await self._write(queue_listing.change, change, which, now, after)

    async def queue_page(
        self,
        which: QueueFilter = EVERYTHING,
        after: QueueId | None = None,
        limit: int = PAGE_MESSAGES,
    ) -> Page:
        return await self._readers.there(queue_listing.page, which, after, limit)

    async def queue_matches(self, which: QueueFilter) -> int:
        return await self._readers.there(queue_listing.matches, which)

    async def destinations(
        self, after: str = "", limit: int = DESTINATIONS_AT_ONCE
    ) -> list[DestinationSummary]:
        return await self._readers.there(queue_summary.page, after, limit)

    async def queue_counts(self) -> QueueCounts:
        return self._readers.here(queue_listing.counts)

    async def queue_attempts(self, message: QueueId) -> list[Attempt]:
        return self._readers.here(queue_listing.attempts, message)

    async def forget_attempts(self, before: int) -> int:
        return await self._write(queue_listing.forget_attempts, before)

    # --- suppression ---

    async def suppress(self, suppressed: Suppressed) -> None:
        await self._write(suppressing.add, suppressed)

    async def unsuppress(self, address: str) -> bool:
        return await self._write(suppressing.remove, address)

    async def suppressed(self, addresses: Sequence[str], now: int) -> dict[str, Suppressed]:
        return self._readers.here(suppressing.among, addresses, now)

    async def suppressions(self, after: str = "", limit: int = PAGE_MESSAGES) -> list[Suppressed]:
        return await self._readers.there(suppressing.page, after, limit)


def arrival_of(dispatch: Dispatch, spending: Spending | None = None) -> Arrival:
    """What the committer makes durable."""
    future = asyncio.get_running_loop().create_future()
    local = dispatch.local
    if local is None:
        passing = Passing(dispatch.octets, dispatch.now)
        return Arrival((passing,), (), (), future, dispatch.envelopes, spending)
    message = NewMessage(dispatch.octets, local.prepared, 0, dispatch.now)
    owners = tuple(account for account, _ in local.recipients)
    return Arrival((message,), local.recipients, owners, future, dispatch.envelopes, spending)

"""All messages under way to the same servers, and the couriers that carry them.

How many go at once is ``services.queue.concurrency``'s to say: few at first, more as messages
are taken.  When no server can be reached, a few times in a row, the destination is paused, and
messages that only waited here share the fate of the last.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from mailclad.services.deliver.connect import Body
from mailclad.services.deliver.route import Route
from mailclad.services.deliver.trip import Trip
from mailclad.services.queue.concurrency import Destination, after_failure, after_success
from mailclad.store.queue import Work

TURN = 10
"""Messages that a courier carries before it makes room, where lanes have none: enough that a
connection is worth it."""


class Carrier(Protocol):
    """Takes one message after the other; for one task."""

    async def carry(self, trip: Trip, body: Body) -> None:
        """Decide everybody's fate; raises only what reading the message raises."""
        ...

    async def close(self) -> None: ...


class Depot(Protocol):
    """Who has the lane; ``carry`` never raises."""

    async def carry(self, carrier: Carrier, work: Work) -> Trip: ...

    def finish(self, trip: Trip, pause_until: int | None) -> Awaitable[None]: ...

    def take_place(self, lane: "Lane") -> bool:
        """Whether one more courier may start; a lane without any is called when one may."""
        ...

    def is_crowded(self) -> bool:
        """Whether there are lanes that wait for their first courier."""
        ...

    def patience(self) -> float:
        """Seconds that a courier without work may keep its connection."""
        ...

    def ended(self, lane: "Lane") -> None: ...


Key = str | Route
"""What has a lane of its own: a destination, or all that is handed to the same relay."""

HERE = ""
"""The lane of all domains of ours: no destination has that name."""


class Lane:
    """``most``: connections at once, whatever the servers take."""

    __slots__ = (
        "_chance", "_depot", "_idle", "_new_carrier", "_now", "couriers",
        "key", "most", "state", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        key: Key,
        most: int,
        depot: Depot,
        new_carrier: Callable[[], Carrier],
        now: Callable[[], int],
        chance: Callable[[], float],
        state: Destination,
    ) -> None:
        self.key = key
        self.most = most
        self.state = state
        self.waiting: deque[Work] = deque()
        self.couriers: set[asyncio.Task[None]] = set()
        self._depot = depot
        self._new_carrier = new_carrier
        self._now = now
        self._chance = chance
        self._idle: list[asyncio.Future[Work]] = []

    def put(self, work: Work) -> None:
        while self._idle:
            waiter = self._idle.pop()  # the last one: others may end
            if not waiter.done():
                waiter.set_result(work)
                return
        self.waiting.append(work)
        self.start_couriers()

    def start_couriers(self) -> None:
        """As many as there is work for, and room."""
        room = min(self.state.limit, self.most) - len(self.couriers)
        for _ in range(min(room, len(self.waiting))):
            if not self._depot.take_place(self):
                return
            task = asyncio.create_task(self._run())
            self.couriers.add(task)
            task.add_done_callback(self._ended)

    def stop(self) -> "set[asyncio.Task[None]]":
        """Take nothing more; the couriers that are still under way."""
        self.waiting.clear()
        self.most = 0
        for waiter in self._idle:
            waiter.cancel()
        self._idle.clear()
        return set(self.couriers)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.couriers.discard(task)
        self._depot.ended(self)

    async def _run(self) -> None:
        carrier = self._new_carrier()
        carried = 0
        try:
            while (work := await self._next(carried)) is not None:
                await self._carry(carrier, work)
                carried += 1
        finally:
            await carrier.close()

    async def _next(self, carried: int) -> Work | None:
        """None: there is nothing more, too many are at it, or it is the turn of others."""
        if len(self.couriers) > min(self.state.limit, self.most):
            return None
        if carried >= TURN and self._depot.is_crowded():
            return None
        if self.waiting:
            return self.waiting.popleft()
        waiter: asyncio.Future[Work] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        done, _ = await asyncio.wait((waiter,), timeout=self._depot.patience())
        if done:
            return None if waiter.cancelled() else waiter.result()
        self._idle.remove(waiter)
        return None

    async def _carry(self, carrier: Carrier, work: Work) -> None:
        known = self.state.failures
        trip = await self._depot.carry(carrier, work)
        until = None
        if trip.reached:
            self.state = after_success(self.state, self.most)
            self.start_couriers()
        elif trip.unreachable and self.state.failures == known:  # else others met the same one
            self.state, until = after_failure(self.state, self._now(), self._chance())
        await self._depot.finish(trip, until)
        if until is not None:
            await self._share(trip, until)

    async def _share(self, trip: Trip, until: int) -> None:
        """Nobody could be reached for this one, so nobody can for those behind it."""
        while self.waiting:
            shared = Trip(self.waiting.popleft())
            shared.failed(trip.problem)
            shared.end()
            await self._depot.finish(shared, until)

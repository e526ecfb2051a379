"""The loop that empties the queue: leases what is due, has it carried, settles what came of it.

RFC 5321 §4.5.4.1, docs/design/queue.md.  One in each worker process, under an owner's name of its
own.  Wakes when this process has queued something, when something is due, after each settlement
and now and then, for what other processes have queued.  A process that dies leaves leases that
run out; one that is drained gives them back.
Limits: ``RECIPIENTS_IN_HAND``, ``COURIERS``, leases, and the store's own in each call.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from mailclad.services.deliver.after import After
from mailclad.services.deliver.carried import NOTHING_LEFT, Carried, wish_of
from mailclad.services.deliver.conclusion import conclude, untold
from mailclad.services.deliver.connect import Body
from mailclad.services.deliver.courier import Courier, Means
from mailclad.services.deliver.home import Home
from mailclad.services.deliver.host import deferred, refused
from mailclad.services.deliver.lane import HERE, Carrier, Key, Lane
from mailclad.services.deliver.settler import Finished, Settler
from mailclad.services.deliver.telling import Telling
from mailclad.services.deliver.trip import Trip
from mailclad.services.deliver.withhold import withhold
from mailclad.services.queue.concurrency import Destination
from mailclad.services.queue.hooks import AttemptHook
from mailclad.services.queue.notice import Event
from mailclad.store.errors import BodyDamaged, MessageNotFound, StoreProblem
from mailclad.store.interface import Store
from mailclad.store.queue import (
    LEASED_AT_ONCE,
    Dispatch,
    Limits,
    QueuedMessage,
    QueueId,
    Settlement,
    Work,
)
from mailclad.store.queue_name import queue_name
from mailclad.store.trace import Trace

LEASE_SECONDS = 120
"""So long nobody touches what a process had that died."""

EXTEND_SECONDS = LEASE_SECONDS / 3
"""How often the living extend theirs: one that comes late does not matter."""

LOOK_SECONDS = 2.0
"""How often the queue is looked at for what other processes put there: one short read."""

GATHER_SECONDS = 0.02
"""From one lease to the next: what is queued meanwhile shares a commit.  Who comes after a
silence does not wait."""

RECIPIENTS_IN_HAND = 10_000
"""Leased and not settled: their envelopes lie in memory, some 20 MB, their octets only while they
are sent.  Where half of it is taken each destination has a small share, so that slow ones do
not keep the others from having any."""

COURIERS = 400
"""Connections at once: a message in each takes 64 KB and a descriptor or two."""

IDLE_SECONDS = 5.0
"""How long a connection waits for the next message: long enough for the next commit, too short
for a server to mind."""

CROWDED_SECONDS = 0.1
"""The same when half of all couriers are out: others wait for the place."""

AHEAD = 10
"""Messages leased for each connection that a destination may have, so that none waits for a
commit between two."""

REMEMBERED = 10_000
"""Destinations whose failures are remembered while nothing goes there."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """``connections``: to one destination at once, of this process.

    ``leases``: messages in hand for a destination, of all processes.
    """

    owner: str
    connections: int
    leases: Limits


class Departures:
    def __init__(
        self,
        store: Store,
        means: Means,
        home: Home,
        telling: Telling,
        trace: Trace,
        terms: Terms,
        chance: Callable[[], float],
        hooks: Sequence[AttemptHook] = (),
    ) -> None:
        self._store = store
        self._means = means
        self._home = home
        self._telling = telling
        self._terms = terms
        self._chance = chance
        self._after = After(hooks)
        self._settler = Settler(store, terms.owner, trace, self._after, self._settled)
        self._lanes: dict[Key, Lane] = {}
        self._ill: dict[Key, Destination] = {}
        self._starved: dict[Key, Lane] = {}
        self._stopping = asyncio.Event()
        self._in_hand: set[tuple[QueueId, int]] = set()
        self._couriers = 0
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._unwatch: Callable[[], None] = _nothing

    # --- life ---

    def start(self) -> None:
        self._unwatch = self._store.watch_queue(self._woken.set)
        self._tasks = [
            asyncio.create_task(work)
            for work in (
                self._lease_for_ever(),
                self._settler.run(),
                self._extend_for_ever(),
                self._after.run(),
            )
        ]

    def stop_leasing(self) -> None:
        """Leave what is due to other processes; what is in hand goes on."""
        self._unwatch()
        self._unwatch = _nothing
        self._stopping.set()
        self._woken.set()

    async def drain(self, seconds: float) -> None:
        """Lease nothing more; what is under way has so long, the rest is given back."""
        if not self._tasks:
            return
        self.stop_leasing()
        leasing, *others = self._tasks
        await leasing  # what the store has leased for us must be known before it is given back
        couriers = {task for lane in self._lanes.values() for task in lane.stop()}
        if couriers:
            await asyncio.wait(couriers, timeout=seconds)
        for courier in couriers:
            courier.cancel()
        await asyncio.gather(*couriers, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 1.0)):
                await self._settler.empty()
        for task in others:
            await _ended(task)
        self._tasks = []
        with contextlib.suppress(StoreProblem):  # they run out
            await self._store.return_leases(self._terms.owner)

    # --- leasing ---

    async def _lease_for_ever(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            wait = LOOK_SECONDS
            try:
                wait = await self._lease()
            except StoreProblem as problem:
                _log.warning("the queue cannot be read", reason=str(problem))
            except Exception:  # a fault of ours must not stop all mail
                _log.exception("leasing failed")
            await _happens(self._stopping, GATHER_SECONDS)
            await _happens(self._woken, wait)

    async def _lease(self) -> float:
        """Take what is due and fits; how long to wait for more."""
        room = min(RECIPIENTS_IN_HAND - len(self._in_hand), LEASED_AT_ONCE)
        now = self._means.clock.now()
        due = await self._store.next_due()
        if due is None or room <= 0:
            return LOOK_SECONDS
        if due > now:
            return min(LOOK_SECONDS, float(due - now))
        until = now + LEASE_SECONDS
        leased = await self._store.lease_due(now, self._terms.owner, until, room, self._limits())
        new = self._new(leased)
        works, withheld = await withhold(self._store, new, now)
        here = frozenset(await self._store.domains()) if works else frozenset()
        taken = [(work.message.id, one.number) for work in new for one in work.recipients]
        self._in_hand.update(taken)
        for trip in withheld:
            await self.finish(trip, None)
        for work in works:
            self._lane_of(work.destination, here).put(work)
        return 0.0 if len(taken) >= room else LOOK_SECONDS

    def _limits(self) -> Limits:
        """No message ahead for a connection, where the room for all is scarce."""
        leases = self._terms.leases
        if len(self._in_hand) < RECIPIENTS_IN_HAND // 2:
            return leases
        exceptions = {name: max(most // AHEAD, 1) for name, most in leases.exceptions.items()}
        return Limits(max(leases.each // AHEAD, 1), exceptions)

    def _new(self, leased: Sequence[Work]) -> Sequence[Work]:
        """Without what is in hand already: when the clock is set on, leases run out, ours too."""
        works: list[Work] = []
        for work in leased:
            new = tuple(
                one
                for one in work.recipients
                if (work.message.id, one.number) not in self._in_hand
            )
            if new:
                works.append(replace(work, recipients=new))
        return works

    async def _extend_for_ever(self) -> None:
        """Of what is in hand alone: what was leased without our knowledge runs out."""
        while True:
            await asyncio.sleep(EXTEND_SECONDS)
            if self._in_hand:
                messages = {message for message, _ in self._in_hand}
                until = self._means.clock.now() + LEASE_SECONDS
                with contextlib.suppress(StoreProblem):  # tried again before they run out
                    await self._store.extend_leases(self._terms.owner, until, messages)

    def _settled(self, settlements: Sequence[Settlement]) -> None:
        self._in_hand.difference_update(
            (one.message, result.number) for one in settlements for result in one.results
        )
        self._woken.set()

    # --- lanes ---

    def _lane_of(self, destination: str, here: Collection[str]) -> Lane:
        """``here`` are our domains, whose mail stays, whatever the routes say."""
        if destination in here:
            return self._lane(HERE, self._terms.connections, lambda: self._home)
        route = self._means.routes.find(destination)
        key = route if route.relay is not None else destination
        most = route.connections or self._terms.connections
        return self._lane(key, most, partial(Courier, self._means))

    def _lane(self, key: Key, most: int, new_carrier: Callable[[], Carrier]) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(
                key,
                most,
                self,
                new_carrier,
                self._means.clock.now,
                self._chance,
                self._ill.pop(key, Destination()),
            )
        return lane

    def take_place(self, lane: Lane) -> bool:
        if self._couriers >= COURIERS:
            if not lane.couriers:  # else one of its own calls it
                self._starved[lane.key] = lane
            return False
        self._starved.pop(lane.key, None)
        self._couriers += 1
        return True

    def is_crowded(self) -> bool:
        return bool(self._starved)

    def patience(self) -> float:
        return IDLE_SECONDS if self._couriers < COURIERS // 2 else CROWDED_SECONDS

    def ended(self, lane: Lane) -> None:
        """A courier of this lane has ended: others may begin, or the lane is done."""
        self._couriers -= 1
        while self._starved and self._couriers < COURIERS:
            self._starved.pop(next(iter(self._starved))).start_couriers()
        if lane.waiting:
            lane.start_couriers()
        elif not lane.couriers and self._lanes.pop(lane.key, None) is not None:
            self._remember(lane)

    def _remember(self, lane: Lane) -> None:
        if lane.state.failures:
            self._ill[lane.key] = lane.state
            while len(self._ill) > REMEMBERED:
                del self._ill[next(iter(self._ill))]

    # --- one message ---

    async def carry(self, carrier: Carrier, work: Work) -> Trip:
        """Everybody's fate; what fails on our side is a delay."""
        trip = Trip(work)
        try:
            if _is_over(work.message, self._means.clock.now()):
                trip.failed(refused("5.4.7", "the time that its sender gave it is over"))
            else:
                body = await self._body(work.message)
                trip.wish = wish_of(work.message, body)
                await carrier.carry(trip, body)
        except StoreProblem as problem:
            _log.warning(
                "a queued message cannot be read",
                queue=queue_name(work.message.id),
                reason=str(problem),
            )
            trip.failed(deferred("4.3.0", "the message could not be read here"))
        except asyncio.CancelledError:
            await self.finish(trip, None)  # what servers have decided is so
            raise
        except Exception:  # a fault of ours must not end the other messages
            _log.exception("delivery failed", queue=queue_name(work.message.id))
            trip.failed(deferred("4.3.0", "a fault of this server; its administrator can see it"))
        trip.end()
        return trip

    async def finish(self, trip: Trip, pause_until: int | None) -> None:
        """Never raises."""
        now = self._means.clock.now()
        conclusion = conclude(trip, now, self._chance)
        notice = None
        if conclusion.events:
            try:
                notice = await self._notice(trip.message, conclusion.events)
            except StoreProblem as problem:
                _log.warning(
                    "notice not written", queue=queue_name(trip.message.id), reason=str(problem)
                )
                conclusion = untold(conclusion, now)
            except Exception:  # the results are true all the same
                _log.exception("notice not written", queue=queue_name(trip.message.id))
        pauses: Mapping[str, int] = {}
        if pause_until is not None:
            pauses = {trip.work.destination: pause_until}
        self._settler.add(Finished(conclusion, notice, pauses))

    async def _notice(self, message: QueuedMessage, events: Sequence[Event]) -> Dispatch | None:
        """With nothing of the message where that is damaged."""
        try:
            return await self._telling.notice(message, await self._body(message), events)
        except (BodyDamaged, MessageNotFound, OSError) as problem:
            _log.warning(
                "notice without the message", queue=queue_name(message.id), reason=str(problem)
            )
            return await self._telling.notice(message, NOTHING_LEFT, events)

    async def _body(self, message: QueuedMessage) -> Body:
        stored = await self._store.body(message.content)
        return Carried(stored, message.start, message.octets)


def _nothing() -> None:
    """Nobody watches."""


async def _happens(event: asyncio.Event, seconds: float) -> None:
    """Or so much time passes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _is_over(message: QueuedMessage, now: int) -> bool:
    """RFC 2852 §4.1.3: nothing more may be tried."""
    return message.deadline is not None and message.deadline.gives_up and message.is_late(now)


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

"""The queue agrees with the plain model, after any sequence of verbs.

Two stores are open on one directory, as two workers have it; each verb goes through the
one that is in use, so each must see what the other did.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.model import ALL_UIDS
from mailclad.store.queue import (
    Attempt,
    Change,
    Deadline,
    Envelope,
    Limits,
    NewRecipient,
    Notify,
    QueueFilter,
    RecipientState,
    Result,
    Settlement,
    Work,
)
from tests.conformance.queue_model import QueueModel
from tests.engines.stores import add_account, inbox_of

OWNERS = st.sampled_from(["worker-1", "worker-2"])
DESTINATIONS = st.sampled_from(["a.example", "b.example", "c.example"])
SENDERS = st.sampled_from(["", "ann@example.org", "bob@example.org"])
SECONDS = st.integers(0, 400)


@st.composite
def recipients(draw: st.DrawFn) -> NewRecipient:
    domain = draw(DESTINATIONS)
    return NewRecipient(f"{draw(st.sampled_from('xyz'))}@{domain}", domain, Notify.FAILURE)


@st.composite
def filters(draw: st.DrawFn) -> QueueFilter:
    return QueueFilter(
        sender=draw(st.none() | SENDERS),
        destination=draw(st.none() | DESTINATIONS),
        state=draw(st.none() | st.sampled_from(RecipientState)),
    )


class QueueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._directory = Path(tempfile.mkdtemp())
        self._stores: list[SqliteStore] = []
        self._works: list[tuple[str, Work]] = []
        self._model: QueueModel

    def _run(self, verb: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(verb)

    @initialize()
    def open(self) -> None:
        async def begin() -> None:
            self._stores = [SqliteStore.open(self._directory) for _ in range(2)]
            self._model = QueueModel(self._stores[0], await add_account(self._stores[0]))

        self._run(begin())

    @rule(number=st.sampled_from([0, 1]))
    def use(self, number: int) -> None:
        self._model.store = self._stores[number]

    @rule()
    def compact(self) -> None:
        self._run(self._model.store.compact())

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        self._model.now += seconds

    def _envelope(self, data: st.DataObject, octets: bytes) -> Envelope:
        now = self._model.now
        return Envelope(
            data.draw(SENDERS),
            tuple(data.draw(st.lists(recipients(), min_size=1, max_size=4))),
            expires=now + 1_000,
            warn_at=now + 100,
            start=data.draw(st.integers(0, min(3, len(octets)))),
            priority=data.draw(st.sampled_from([-9, 0, 0, 0, 4])),
            not_before=data.draw(st.sampled_from([0, 0, now + 300])),
            requiretls=data.draw(st.booleans()),
            deadline=data.draw(st.sampled_from([None, Deadline(-5, False), Deadline(now, True)])),
        )

    @rule(octets=st.binary(max_size=40), count=st.integers(0, 2), data=st.data())
    def enqueue(self, octets: bytes, count: int, data: st.DataObject) -> None:
        envelopes = tuple(self._envelope(data, octets) for _ in range(count))
        local = not envelopes or data.draw(st.booleans())
        self._run(self._model.enqueue(self._model.dispatch(octets, envelopes, local)))

    @rule(
        owner=OWNERS, seconds=SECONDS, limit=st.integers(1, 6), each=st.integers(1, 3),
        exceptional=st.none() | st.integers(0, 3),
    )  # fmt: skip
    def lease(
        self, owner: str, seconds: int, limit: int, each: int, exceptional: int | None
    ) -> None:
        limits = Limits(each, {} if exceptional is None else {"a.example": exceptional})
        works = self._run(self._model.lease(owner, seconds, limit, limits))
        self._works += [(owner, work) for work in works]

    @rule(data=st.data(), notice=st.booleans(), pause=st.none() | DESTINATIONS)
    def settle(self, data: st.DataObject, notice: bool, pause: str | None) -> None:
        """Of any lease there ever was, so that many results come late or twice."""
        if not self._works:
            return
        owner, work = data.draw(st.sampled_from(self._works))
        states = st.sampled_from(
            [RecipientState.DELIVERED, RecipientState.FAILED, RecipientState.WAITING]
        )
        now = self._model.now
        results = tuple(
            Result(
                one.number, data.draw(states), f"answer {now}", now + data.draw(SECONDS),
                data.draw(st.booleans()),
            )
            for one in work.recipients
        )  # fmt: skip
        tries = data.draw(st.sampled_from([0, 1, 15]))
        attempt = Attempt(now, work.destination, "mx", "192.0.2.1", "1.3", "", "", "dane", "250")
        settlement = Settlement(work.message.id, results, (attempt,) * tries)
        notices = []
        if notice:
            some = (self._envelope(data, b"notice"),) if data.draw(st.booleans()) else ()
            notices.append(self._model.dispatch(b"notice", some, not some))
        pauses = {} if pause is None else {pause: now + 200}
        self._run(self._model.settle(owner, [settlement], notices, pauses))

    @rule(owner=OWNERS, seconds=SECONDS)
    def extend(self, owner: str, seconds: int) -> None:
        ids = {work.message.id for _, work in self._works[::2]}
        self._run(self._model.extend(owner, self._model.now + seconds, ids))

    @rule(owner=OWNERS, some=st.booleans())
    def give_back(self, owner: str, some: bool) -> None:
        ids = {work.message.id for _, work in self._works[::2]} if some else None
        self._run(self._model.give_back(owner, ids))

    @rule(change=st.sampled_from(Change), which=filters())
    def change(self, change: Change, which: QueueFilter) -> None:
        self._run(self._model.change(change, which))

    @rule(which=filters(), data=st.data())
    def look(self, which: QueueFilter, data: st.DataObject) -> None:
        self._run(self._model.check_filter(which))
        if self._model.messages:
            key = data.draw(st.sampled_from(sorted(self._model.messages)))
            self._run(self._model.check_filter(QueueFilter(message=key)))
            before = QueueFilter(queued_before=(key >> 20) + data.draw(st.integers(0, 1)))
            self._run(self._model.check_filter(before))

    @rule()
    def empty_inbox(self) -> None:
        """The octets stay as long as the queue has them."""

        async def empty() -> None:
            store = self._model.store
            await store.remove(await inbox_of(store, self._model.account), ALL_UIDS)

        self._run(empty())
        self._model.local = 0

    @invariant()
    def agrees(self) -> None:
        if self._stores:
            self._run(self._model.check())

    def teardown(self) -> None:
        with contextlib.closing(self._runner):
            for store in self._stores:
                self._runner.run(store.close())
        problems = verify(self._directory)
        shutil.rmtree(self._directory)
        assert problems == []


TestQueue = pytest.mark.slow(QueueMachine.TestCase)
TestQueue.settings = settings(
    max_examples=25, stateful_step_count=30, suppress_health_check=list(HealthCheck)
)

"""The queue as plain dictionaries: each verb done on a queue and repeated here, then compared.

Which recipients a lease takes is for the engine to choose, within rules that are checked: only
what is due, no more than the limits, nothing less urgent first, and nothing left without need.
"""

from collections import Counter
from dataclasses import dataclass, field

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.conformance import new_message
from mailclad.store.model import AccountId
from mailclad.store.queue import (
    ATTEMPTS_KEPT,
    OPEN_STATES,
    Attempt,
    Change,
    DestinationSummary,
    Dispatch,
    Envelope,
    Limits,
    LocalShare,
    Queued,
    QueueFilter,
    QueueId,
    RecipientState,
    Result,
    Settlement,
    Work,
    queued_at,
)

WAITING, LEASED, HELD = OPEN_STATES
FINAL = (RecipientState.DELIVERED, RecipientState.FAILED)


@dataclass
class Recipient:
    address: str
    destination: str
    next_attempt: int
    state: RecipientState = WAITING
    attempts: int = 0
    warned: bool = False
    answer: str = ""
    owner: str | None = None
    until: int | None = None

    def rest(self, state: RecipientState) -> None:
        self.state, self.owner, self.until = state, None, None

    def facts(self) -> tuple[object, ...]:
        return (
            self.address, self.destination, self.state, self.next_attempt, self.attempts,
            self.warned, self.answer, self.owner, self.until,
        )  # fmt: skip


@dataclass
class Message:
    envelope: Envelope
    octets: bytes
    recipients: list[Recipient]


@dataclass
class QueueModel:
    store: SqliteStore
    account: AccountId
    now: int = 1_700_000_000
    messages: dict[QueueId, Message] = field(default_factory=dict)
    attempts: dict[QueueId, list[Attempt]] = field(default_factory=dict)
    pauses: dict[str, int] = field(default_factory=dict)
    local: int = 0

    def _all(self) -> list[tuple[QueueId, Recipient]]:
        return [(key, one) for key, m in self.messages.items() for one in m.recipients]

    def _waiting(self, destination: str) -> list[tuple[QueueId, Recipient]]:
        return [
            (key, one)
            for key, one in self._all()
            if one.state is WAITING and one.destination == destination
        ]

    def _end(self) -> None:
        """Messages without an open recipient go, and pauses nobody waits for."""
        for key, message in list(self.messages.items()):
            if not any(one.state in OPEN_STATES for one in message.recipients):
                del self.messages[key]
        for name in list(self.pauses):
            if not self._waiting(name):
                del self.pauses[name]

    # --- verbs ---

    def dispatch(self, octets: bytes, envelopes: tuple[Envelope, ...], local: bool) -> Dispatch:
        share = LocalShare(new_message(octets).prepared, ((self.account, "INBOX"),))
        return Dispatch(octets, self.now, envelopes, share if local else None)

    def _add(self, ids: tuple[QueueId, ...], dispatch: Dispatch) -> None:
        assert len(ids) == len(dispatch.envelopes)
        assert list(ids) == sorted(ids)
        for key, envelope in zip(ids, dispatch.envelopes, strict=True):
            assert key not in self.messages
            assert queued_at(key) == self.now
            at = max(self.now, envelope.not_before)
            to = [Recipient(one.address, one.destination, at) for one in envelope.recipients]
            self.messages[key] = Message(envelope, bytes(dispatch.octets), to)
        self.local += dispatch.local is not None

    async def enqueue(self, dispatch: Dispatch) -> None:
        self._add(await self.store.enqueue(dispatch), dispatch)

    async def lease(self, owner: str, seconds: int, limit: int, limits: Limits) -> list[Work]:
        until = self.now + seconds
        for _, one in self._all():
            if one.state is LEASED and one.until is not None and one.until <= self.now:
                one.rest(WAITING)
        works = await self.store.lease_due(self.now, owner, until, limit, limits)
        under_way = {name: self._under_way(name) for name in self._destinations()}
        taken: Counter[str] = Counter()
        for work in works:
            for leased in work.recipients:
                one = self.messages[work.message.id].recipients[leased.number]
                assert one.state is WAITING
                assert one.destination == work.destination
                assert max(one.next_attempt, self.pauses.get(one.destination, 0)) <= self.now
                one.state, one.owner, one.until = LEASED, owner, until
                taken[one.destination] += 1
        assert sum(taken.values()) <= limit
        for name, before in under_way.items():
            new = len({work.message.id for work in works if work.destination == name})
            assert new <= max(0, limits.of(name) - before)
            full = new == max(0, limits.of(name) - before) or sum(taken.values()) == limit
            self._check_left(name, works, full)
        self._end()
        return works

    def _check_left(self, name: str, works: list[Work], full: bool) -> None:
        if self.pauses.get(name, 0) > self.now:
            return
        left = [
            (-self.messages[key].envelope.priority, one.next_attempt, key)
            for key, one in self._waiting(name)
            if one.next_attempt <= self.now
        ]
        took = [
            (-work.message.priority, one.next_attempt, work.message.id)
            for work in works
            for one in work.recipients
            if work.destination == name
        ]
        assert full or not left, "due and allowed, but not leased"
        assert not left or not took or max(took) <= min(left), "something less urgent was first"

    def _under_way(self, name: str) -> int:
        return len(
            {k for k, one in self._all() if one.state is LEASED and one.destination == name}
        )

    def _destinations(self) -> set[str]:
        return {one.destination for _, one in self._all()}

    async def settle(
        self,
        owner: str,
        settlements: list[Settlement],
        notices: list[Dispatch],
        pauses: dict[str, int],
    ) -> None:
        before = set(self.messages)
        counted = await self.store.settle(owner, settlements, notices, pauses)
        expected = 0
        for settlement in settlements:
            message = self.messages.get(settlement.message)
            log = self.attempts.setdefault(settlement.message, [])
            log += settlement.attempts
            del log[:-ATTEMPTS_KEPT]
            for result in settlement.results:
                if message is not None and result.number < len(message.recipients):
                    one = message.recipients[result.number]
                    expected += self._settle(one, result, owner)
        assert counted == expected
        for name, until in pauses.items():
            self.pauses[name] = max(until, self.pauses.get(name, 0))
        await self._learn_notices(before, notices)
        self._end()

    def _settle(self, one: Recipient, result: Result, owner: str) -> bool:
        if result.state in FINAL:
            counts = one.state in OPEN_STATES
        else:
            counts = one.state is LEASED and one.owner == owner
        if counts:
            one.rest(result.state)
            one.attempts += 1
            one.answer = result.answer
            one.warned |= result.warned
            if result.state is WAITING:
                one.next_attempt = result.next_attempt
        return counts

    async def _learn_notices(self, before: set[QueueId], notices: list[Dispatch]) -> None:
        page = await self.store.queue_page()
        new = [each.message.id for each in page.messages if each.message.id not in before]
        for notice in notices:
            count = len(notice.envelopes)
            self._add(tuple(new[:count]), notice)
            del new[:count]
        assert not new

    async def extend(self, owner: str, until: int, messages: set[QueueId]) -> None:
        mine = [one for key, one in self._all() if one.owner == owner and key in messages]
        assert await self.store.extend_leases(owner, until, messages) == len(mine)
        for one in mine:
            one.until = until

    async def give_back(self, owner: str, messages: set[QueueId] | None) -> None:
        mine = [
            one
            for key, one in self._all()
            if one.owner == owner and (messages is None or key in messages)
        ]
        assert await self.store.return_leases(owner, messages) == len(mine)
        for one in mine:
            one.rest(WAITING)

    async def change(self, change: Change, which: QueueFilter) -> None:
        affected = {Change.RELEASE: (HELD,), Change.DROP: (WAITING, HELD)}.get(change, (WAITING,))
        changed = await self.store.change(change, which, self.now)
        assert changed.next is None
        count = 0
        for key, message in self.messages.items():
            for one in list(message.recipients):
                if one.state in affected and _matches(which, key, message, one):
                    count += 1
                    self._change(change, message, one)
        assert changed.recipients == count
        self._end()

    def _change(self, change: Change, message: Message, one: Recipient) -> None:
        match change:
            case Change.HOLD:
                one.state = HELD
            case Change.RELEASE:
                one.state = WAITING
            case Change.RETRY:
                one.next_attempt = max(self.now, message.envelope.not_before)
                self.pauses.pop(one.destination, None)
            case Change.DROP:
                one.rest(RecipientState.FAILED)
                one.address = ""  # gone

    # --- all that can be read ---

    async def check(self) -> None:
        found: list[Queued] = []
        page = await self.store.queue_page(limit=3)
        while True:
            found += page.messages
            if page.next is None:
                break
            page = await self.store.queue_page(after=page.next, limit=3)
        assert [each.message.id for each in found] == sorted(self.messages)
        for each in found:
            await self._check_message(each)
        counts = await self.store.queue_counts()
        states = Counter(one.state for _, one in self._all())
        assert (counts.waiting, counts.leased, counts.held) == tuple(
            states[state] for state in OPEN_STATES
        )
        assert counts.messages == len(self.messages)
        assert counts.octets == sum(each.message.octets for each in found)
        assert counts.oldest == (queued_at(min(self.messages)) if self.messages else None)
        assert await self.store.next_due() == self._next_due()
        await self._check_destinations()
        assert (await self.store.stat(self.account, "INBOX")).messages == self.local
        for key, log in self.attempts.items():
            assert await self.store.queue_attempts(key) == log

    def _next_due(self) -> int | None:
        moments = [
            max(one.next_attempt, self.pauses.get(one.destination, 0))
            for _, one in self._all()
            if one.state is WAITING
        ]
        moments += [one.until for _, one in self._all() if one.until is not None]
        return min(moments, default=None)

    async def _check_message(self, each: Queued) -> None:
        ours = self.messages[each.message.id]
        assert each.message.sender == ours.envelope.sender
        assert each.message.requiretls == ours.envelope.requiretls
        assert each.message.deadline == ours.envelope.deadline
        assert [
            (
                one.address, one.destination, one.state, one.next_attempt, one.attempts,
                one.warned, one.answer, one.owner, one.leased_until,
            )
            for one in each.recipients
        ] == [one.facts() for one in ours.recipients if one.address]  # fmt: skip
        body = await self.store.body(each.message.content)
        assert body.read(0, body.octets) == ours.octets
        assert each.message.octets == len(ours.octets) - ours.envelope.start
        body.close()

    async def check_filter(self, which: QueueFilter) -> None:
        page = await self.store.queue_page(which)
        assert [each.message.id for each in page.messages] == [
            key
            for key, message in sorted(self.messages.items())
            if any(
                one.address and _matches(which, key, message, one) for one in message.recipients
            )
        ]
        assert await self.store.queue_matches(which) == len(page.messages)

    async def _check_destinations(self) -> None:
        found: list[DestinationSummary] = []
        while page := await self.store.destinations(found[-1].name if found else "", 2):
            found += page
        here: dict[str, list[tuple[QueueId, Recipient]]] = {}
        for key, one in self._all():
            if one.state in OPEN_STATES:
                here.setdefault(one.destination, []).append((key, one))
        assert [each.name for each in found] == sorted(here)
        for summary in found:
            self._check_summary(summary, here[summary.name])

    def _check_summary(
        self, summary: DestinationSummary, here: list[tuple[QueueId, Recipient]]
    ) -> None:
        states = Counter(one.state for _, one in here)
        counted = (summary.waiting, summary.leased, summary.held)
        assert counted == tuple(states[state] for state in OPEN_STATES)
        first = min(key for key, _ in here)
        assert summary.oldest == queued_at(first)
        assert summary.answer in {one.answer for key, one in here if key == first}
        pause = self.pauses.get(summary.name, 0)
        waiting = [max(one.next_attempt, pause) for _, one in here if one.state is WAITING]
        assert summary.next_attempt == min(waiting, default=None)


def _matches(which: QueueFilter, key: QueueId, message: Message, one: Recipient) -> bool:
    return all(
        (
            which.message in (None, key),
            which.sender in (None, message.envelope.sender),
            which.destination in (None, one.destination),
            which.queued_before is None or queued_at(key) < which.queued_before,
            which.state in (None, one.state),
        )
    )

"""Results are written down in batches, and not forgotten when the store cannot."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mailclad.services.deliver import settler
from mailclad.services.deliver.after import After
from mailclad.services.deliver.conclusion import Conclusion
from mailclad.services.deliver.settler import Finished, Settler
from mailclad.store.errors import DiskFull, MailboxNotFound
from mailclad.store.queue import Dispatch, QueueId, Settlement
from mailclad.store.trace import NoTrace


class FakeQueue:
    """Takes settlements, or raises what is next in ``problems``."""

    def __init__(self, *problems: Exception | None) -> None:
        self.problems = list(problems)
        self.calls: list[list[QueueId]] = []
        self.notices: list[int] = []

    async def settle(
        self,
        owner: str,
        settlements: Sequence[Settlement],
        notices: Sequence[Dispatch],
        pauses: Mapping[str, int],
    ) -> int:
        problem = self.problems.pop(0) if self.problems else None
        if problem is not None:
            raise problem
        await asyncio.sleep(0)
        self.calls.append([one.message for one in settlements])
        self.notices.append(len(notices))
        return len(settlements)


def finished(number: int, notice: Any = None) -> Finished:
    return Finished(Conclusion(Settlement(QueueId(number), ()), (), ()), notice)


async def settle(queue: Any, *batches: Sequence[Finished]) -> int:
    settled: list[Settlement] = []
    made = Settler(queue, "me", NoTrace(), After(()), settled.extend)
    task = asyncio.create_task(made.run())
    for batch in batches:
        for one in batch:
            made.add(one)
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await made.empty()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return len(settled)


def test_what_ends_meanwhile_is_one_batch() -> None:
    queue = FakeQueue()
    many = [finished(number) for number in range(2, 9)]
    assert asyncio.run(settle(queue, [finished(1)], many)) == 8
    assert queue.calls == [[1], [2, 3, 4, 5, 6, 7, 8]]


def test_those_that_end_one_after_the_other_share_a_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settler, "GATHER_SECONDS", 0.1)
    queue = FakeQueue()
    assert asyncio.run(settle(queue, *[[finished(number)] for number in range(9)])) == 9
    assert queue.calls == [[0], [1, 2, 3, 4, 5, 6, 7, 8]]


def test_a_full_disk_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settler, "AGAIN_SECONDS", 0.001)
    queue = FakeQueue(DiskFull("full"), DiskFull("full"))
    assert asyncio.run(settle(queue, [finished(1), finished(2)])) == 2
    assert queue.calls == [[1, 2]]


def test_one_that_cannot_be_written_does_not_hold_up_the_others() -> None:
    notice = object()
    queue = FakeQueue(MailboxNotFound("gone"), None, MailboxNotFound("gone"))
    assert asyncio.run(settle(queue, [finished(1), finished(2, notice)])) == 2
    assert queue.calls == [[1], [2]]
    assert queue.notices == [0, 0]


def test_a_disk_that_fills_up_meanwhile_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settler, "AGAIN_SECONDS", 0.001)
    full = DiskFull("full")
    queue = FakeQueue(MailboxNotFound("gone"), full, full, None, full)
    assert asyncio.run(settle(queue, [finished(1), finished(2)])) == 2
    assert queue.calls == [[1], [2]]


def test_a_fault_of_ours_does_not_end_settling() -> None:
    queue = FakeQueue(RuntimeError("a bug"), RuntimeError("again"))
    assert asyncio.run(settle(queue, [finished(1, object()), finished(2)], [finished(3)])) == 3
    assert queue.calls == [[1], [2], [3]]
    assert queue.notices == [0, 0, 0]


def test_what_cannot_be_written_at_all_is_not_settled() -> None:
    bug = RuntimeError("a bug")
    queue = FakeQueue(bug, bug, bug)
    assert asyncio.run(settle(queue, [finished(1), finished(2)])) == 1
    assert queue.calls == [[2]]


def test_a_batch_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settler, "AT_ONCE", 3)
    queue = FakeQueue()
    assert asyncio.run(settle(queue, [finished(number) for number in range(7)])) == 7
    assert [len(call) for call in queue.calls] == [3, 3, 1]

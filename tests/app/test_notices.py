"""Hints reach every other worker that listens, and cost nothing where nobody does."""

import asyncio
from collections.abc import Iterator

import pytest

from mailclad.app.notices import MAILBOXES_WAITING, NoticeBoard, Notices
from mailclad.store.model import MailboxId


@pytest.fixture
def board() -> Iterator[NoticeBoard]:
    made = NoticeBoard(3)
    yield made
    made.close()


def test_others_hear_it_and_the_announcer_does_not(board: NoticeBoard) -> None:
    async def scenario() -> list[tuple[int, int, int]]:
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[tuple[int, int, int]] = asyncio.Queue()
        views = []
        for slot in range(2):
            board.take(slot)
            view = Notices(loop, board, slot)
            view.listen(lambda m, s, slot=slot: heard.put_nowait((slot, m, s)))  # type: ignore[misc]
            views.append(view)
        views[0].announce(MailboxId(7), 41)
        views[0].announce(MailboxId(7), 42)
        views[0].announce(MailboxId(8), 43)
        got = [await heard.get() for _ in range(2)]
        for view in views:
            view.close()
        return got + [heard.get_nowait() for _ in range(heard.qsize())]

    assert asyncio.run(scenario()) == [(1, 7, 42), (1, 8, 43)]


def test_a_new_owner_of_a_slot_does_not_hear_the_old_owners_hints(board: NoticeBoard) -> None:
    async def scenario() -> list[int]:
        loop = asyncio.get_running_loop()
        board.put(1, b"\1" * 16)
        heard: list[int] = []
        view = Notices(loop, board, 1)
        view.listen(lambda mailbox, _: heard.append(mailbox))
        board.put(1, (5).to_bytes(8, "little") + bytes(8))
        while not heard:
            await asyncio.sleep(0)
        view.close()
        return heard

    assert asyncio.run(scenario()) == [5]


def test_a_full_pipe_delays_hints_but_loses_none(board: NoticeBoard) -> None:
    async def scenario() -> set[int]:
        loop = asyncio.get_running_loop()
        board.take(0)
        board.take(1)
        teller, hearer = Notices(loop, board, 0), Notices(loop, board, 1)
        for mailbox in range(1, 6001):
            teller.announce(MailboxId(mailbox), 1)
        await asyncio.sleep(0)  # all are sent, as far as they fit
        heard: set[int] = set()
        hearer.listen(lambda mailbox, _: heard.add(mailbox))
        async with asyncio.timeout(10):
            while len(heard) < 6000:
                await asyncio.sleep(0)
        teller.close()
        hearer.close()
        return heard

    assert asyncio.run(scenario()) == set(range(1, 6001))


def test_hints_kept_for_a_worker_that_does_not_read_are_bounded(board: NoticeBoard) -> None:
    async def scenario() -> int:
        loop = asyncio.get_running_loop()
        board.take(0)
        board.take(1)
        while board.put(1, bytes(4096)):
            pass
        teller = Notices(loop, board, 0)
        for mailbox in range(MAILBOXES_WAITING + 5):
            teller.announce(MailboxId(mailbox), 1)
        kept = len(teller._waiting[1])
        teller.close()
        return kept

    assert asyncio.run(scenario()) == MAILBOXES_WAITING


def test_slots_are_given_out_once_until_released(board: NoticeBoard) -> None:
    for expected in range(3):
        slot = board.free_slot()
        assert slot == expected
        board.take(slot)
    assert board.free_slot() is None
    board.release(1)
    assert board.free_slot() == 1
    assert board.readers() == [0, 2]

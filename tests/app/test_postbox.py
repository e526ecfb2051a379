"""Commands tell a running server what they changed; without a server nothing happens."""

import asyncio
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.app.notices import NoticeBoard, hint
from mailclad.app.open import opened
from mailclad.app.postbox import FILE_NAME, Postbox, announcer
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.model import MailboxId
from mailclad.store.queue import EVERYTHING, Change, Dispatch, Envelope, NewRecipient


@pytest.fixture
def board() -> Iterator[NoticeBoard]:
    made = NoticeBoard(3)
    made.take(0)
    made.take(2)
    yield made
    made.close()


def test_hints_reach_every_worker(tmp_path: Path, board: NoticeBoard) -> None:
    postbox = Postbox(tmp_path, board)
    announce, silence = announcer(tmp_path)
    announce(MailboxId(7), 42)
    silence()
    postbox.pass_on()
    for slot in (0, 2):
        assert os.read(board.inbox(slot), 100) == hint(MailboxId(7), 42)
    postbox.pass_on()  # nothing is there: nothing happens
    postbox.close()


def test_without_a_server_nothing_happens(tmp_path: Path, board: NoticeBoard) -> None:
    announcer(tmp_path)[0](MailboxId(1), 1)
    Postbox(tmp_path, board).close()
    announce, silence = announcer(tmp_path)
    announce(MailboxId(1), 1)
    silence()


def test_a_full_pipe_loses_hints_and_not_the_command(tmp_path: Path, board: NoticeBoard) -> None:
    postbox = Postbox(tmp_path, board)
    announce, silence = announcer(tmp_path)
    for number in range(10_000):
        announce(MailboxId(number), 1)
    silence()
    postbox.close()


def test_a_file_in_its_place_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"")
    announce, silence = announcer(tmp_path)
    announce(MailboxId(1), 1)
    silence()
    assert (tmp_path / FILE_NAME).read_bytes() == b""


def test_who_delivers_hears_of_a_command_that_made_mail_due(
    tmp_path: Path, board: NoticeBoard
) -> None:
    woken: list[bool] = []

    async def scenario() -> None:
        server = SqliteStore.open(tmp_path)
        to = (NewRecipient("x@a.example", "a.example"),)
        await server.enqueue(Dispatch(b"octets", 1, (Envelope("", to, 999, 99),)))
        server.watch_queue(lambda: woken.append(True))
        postbox = Postbox(tmp_path, board)
        async with opened(tmp_path) as things:
            await things.store.change(Change.RETRY, EVERYTHING, 5)
        assert not woken
        postbox.pass_on()
        came = os.read(board.inbox(0), 100)
        assert came == hint(MailboxId(0), 0)
        for mailbox, mod_seq in struct.iter_unpack("<QQ", came):
            server.noticed(mailbox, mod_seq)
        postbox.close()
        await server.close()

    asyncio.run(scenario())
    assert woken == [True]

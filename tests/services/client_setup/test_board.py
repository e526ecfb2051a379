"""Whether any page waits: known to all processes that were forked from one."""

import multiprocessing

from mailclad.services.client_setup.board import WatchBoard


def test_every_process_sees_what_one_has_opened() -> None:
    board = WatchBoard()
    assert not board.is_open(0)
    page = multiprocessing.get_context("fork").Process(target=board.open_until, args=(1_000,))
    page.start()
    page.join(10)
    assert page.exitcode == 0
    assert board.is_open(999)
    assert not board.is_open(1_000)


def test_a_shorter_watch_closes_no_longer_one() -> None:
    board = WatchBoard()
    board.open_until(1_000)
    board.open_until(500)
    assert board.is_open(999)

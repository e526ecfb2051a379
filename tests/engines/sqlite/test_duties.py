"""A duty is one process's at a time, and due again when it was said."""

import asyncio
from pathlib import Path

from mailclad.engines.sqlite.store import SqliteStore


async def both(directory: Path) -> tuple[SqliteStore, SqliteStore]:
    return SqliteStore.open(directory), SqliteStore.open(directory)


def test_one_of_two_gets_it_and_the_other_when_it_is_due_again(tmp_path: Path) -> None:
    async def run() -> list[bool]:
        one, other = await both(tmp_path)
        taken = [
            await one.take_duty("reports", 100, 160),
            await other.take_duty("reports", 100, 160),
            await other.take_duty("reports", 159, 220),
            await other.take_duty("reports", 160, 220),
            await one.take_duty("reports", 160, 220),
            await one.take_duty("refresh", 160, 220),
            await other.take_duty("refresh", 159, 219),
        ]
        await one.close()
        await other.close()
        return taken

    assert asyncio.run(run()) == [True, False, False, True, False, True, False]


def test_a_clock_that_was_ahead_stops_no_duty(tmp_path: Path) -> None:
    async def run() -> list[bool]:
        store = SqliteStore.open(tmp_path)
        times = (10_000, 100, 130, 160)
        taken = [await store.take_duty("reports", now, now + 60) for now in times]
        await store.close()
        return taken

    assert asyncio.run(run()) == [True, True, False, True]


def test_who_is_done_early_lets_go_of_it(tmp_path: Path) -> None:
    async def run() -> list[bool]:
        one, other = await both(tmp_path)
        taken = [
            await one.take_duty("order", 100, 1900),
            await other.take_duty("order", 110, 1910),
        ]
        await one.release_duty("order", 120)
        taken.append(await other.take_duty("order", 120, 1920))
        await one.close()
        await other.close()
        return taken

    assert asyncio.run(run()) == [True, False, True]

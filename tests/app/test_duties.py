"""Duties are seen to again and again, and one that fails takes none with it."""

import asyncio

from mailclad.app.duties import Duty, attend
from tests.sessions.smtp.talk import FakeClock


class FakeDuties:
    """All is always due."""

    async def take_duty(self, name: str, now: int, next_due: int) -> bool:
        return True

    async def release_duty(self, name: str, now: int) -> None:
        """It is due already."""


def test_a_duty_that_fails_does_not_keep_the_next_from_being_done() -> None:
    done = asyncio.Event()

    async def fail() -> None:
        raise RuntimeError("broken")

    async def do() -> None:
        done.set()

    async def run() -> None:
        duties = [Duty("bad", 60, fail), Duty("good", 60, do)]
        attending = asyncio.create_task(attend(duties, FakeDuties(), FakeClock()))
        await asyncio.wait_for(done.wait(), 10)
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)

    asyncio.run(run())
    assert done.is_set()


def test_a_long_duty_delays_no_other_and_is_not_begun_twice() -> None:
    begun: list[str] = []
    often = asyncio.Event()

    async def long() -> None:
        begun.append("long")
        await asyncio.Event().wait()

    async def short() -> None:
        begun.append("short")
        if begun.count("short") == 3:
            often.set()

    async def run() -> None:
        duties = [Duty("long", 60, long), Duty("short", 0, short)]
        attending = asyncio.create_task(attend(duties, FakeDuties(), FakeClock()))
        await asyncio.wait_for(often.wait(), 10)
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)

    asyncio.run(run())
    assert begun.count("long") == 1

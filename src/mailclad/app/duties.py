"""What the server does now and then beside its connections, one process for all.

Comes in: duties with their names.  Each worker looks at all of them; the store says whose turn
it is.  Each runs by itself, so that a long one delays no other; never twice in a process.  A duty
that fails is logged and tried again when it is due the next time.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from mailclad.base.clock import Clock
from mailclad.store.duties import Duties
from mailclad.store.errors import StoreProblem

LOOK_SECONDS = 30.0
"""How often a worker looks at its duties, at most: looking costs one short query for each."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Duty:
    """``run`` does what there is to do and returns; it is called every so many seconds."""

    name: str
    every_seconds: int
    run: Callable[[], Awaitable[object]]


async def attend(duties: Sequence[Duty], store: Duties, clock: Clock) -> None:
    """See to all duties until cancelled."""
    shortest = min((duty.every_seconds for duty in duties), default=LOOK_SECONDS)
    look = min(LOOK_SECONDS, shortest)
    running: dict[str, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as group:
        while True:
            for duty in duties:
                if duty.name not in running or running[duty.name].done():
                    running[duty.name] = group.create_task(_see_to(duty, store, clock))
            # Not all workers at once.
            await asyncio.sleep(look * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


async def _see_to(duty: Duty, store: Duties, clock: Clock) -> None:
    now = clock.now()
    try:
        if await store.take_duty(duty.name, now, now + duty.every_seconds):
            await duty.run()
    except StoreProblem as problem:
        _log.warning("duty put off", duty=duty.name, reason=str(problem))
    except Exception:  # one duty's fault must not end the others
        _log.exception("duty failed", duty=duty.name)

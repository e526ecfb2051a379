"""Tells hooks of attempts that are written down, beside the delivery, which never waits for them.

Limit: ``WAITING``; what is more is not told, and the log says so.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

import structlog

from mailclad.services.queue.hooks import AttemptHook, AttemptMade
from mailclad.store.queue_name import queue_name

WAITING = 1_000
"""Attempts that hooks have not heard of yet: some seconds of a busy day."""

_log = structlog.get_logger()


class After:
    def __init__(self, hooks: Sequence[AttemptHook]) -> None:
        self._hooks = hooks
        self._waiting: deque[AttemptMade] = deque()
        self._some = asyncio.Event()

    def add(self, attempts: Iterable[AttemptMade]) -> None:
        if not self._hooks:
            return
        for attempt in attempts:
            if len(self._waiting) >= WAITING:
                _log.warning(
                    "a hook is too slow and misses an attempt",
                    queue=queue_name(attempt.message.id),
                )
                return
            self._waiting.append(attempt)
        self._some.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._some.wait()
            while self._waiting:
                attempt = self._waiting.popleft()
                for hook in self._hooks:
                    await hook.on_attempt(attempt)
            self._some.clear()

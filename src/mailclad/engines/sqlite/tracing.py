"""The trace: noted in memory, written once a second with what else is committed then.

Nothing waits for it and nothing fails by it: what cannot be written is dropped, and the log
says how much.  Limits: ``WAITING_EVENTS``, ``REFUSALS_A_MINUTE``.
"""

import asyncio
import contextlib
from dataclasses import replace

import structlog

from mailclad.engines.sqlite import trace_rows
from mailclad.engines.sqlite.committer import Committer
from mailclad.engines.sqlite.readers import Readers
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.errors import StoreProblem
from mailclad.store.trace import (
    ADDRESSES_AN_EVENT,
    LIVES_AT_ONCE,
    REFUSALS_A_MINUTE,
    Happening,
    Life,
    Trace,
    TraceEvent,
    TraceReader,
)

GATHER_SECONDS = 1.0

WAITING_EVENTS = 20_000
"""More than the fastest disk stores messages in a second; some 20 MB while a store hangs."""

_log = structlog.get_logger()


class _RefusalLimit:
    """So many a minute, by the events' own clock; the log is told of the others."""

    def __init__(self) -> None:
        self._minute = 0
        self._count = 0

    def allows(self, at: int) -> bool:
        if at // 60 != self._minute:
            left_out = self._count - REFUSALS_A_MINUTE
            if left_out > 0:
                _log.info("refusals left out of the trace", refusals=left_out)
            self._minute, self._count = at // 60, 0
        self._count += 1
        return self._count <= REFUSALS_A_MINUTE


class SqliteTrace(Verbs, Trace, TraceReader):
    def __init__(self, readers: Readers, committer: Committer) -> None:
        super().__init__(readers, committer)
        self._refusals = _RefusalLimit()
        self._noted: list[TraceEvent] = []
        self._dropped = 0
        self._saving: asyncio.Task[None] | None = None

    def note(self, event: TraceEvent) -> None:
        if event.happening is Happening.REFUSED and not self._refusals.allows(event.at):
            return
        if len(self._noted) >= WAITING_EVENTS:
            self._dropped += 1
            return
        if len(event.addresses) > ADDRESSES_AN_EVENT:  # else a thousand of each would wait
            event = replace(event, addresses=event.addresses[:ADDRESSES_AN_EVENT])
        self._noted.append(event)
        if self._saving is None:
            self._saving = asyncio.get_running_loop().create_task(self._save_soon())

    async def trace(self, name: str, limit: int = LIVES_AT_ONCE) -> list[Life]:
        await self._save()
        return await self._readers.there(trace_rows.find, name, limit)

    async def forget_trace(self, now: int) -> int:
        return await self._write(trace_rows.forget, now)

    async def _save_soon(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        self._saving = None
        await self._save()

    async def _save(self) -> None:
        events, self._noted = self._noted, []
        dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.warning("trace incomplete", dropped=dropped)
        if not events:
            return
        try:
            await self._write(trace_rows.add, events)
        except StoreProblem as problem:
            _log.warning("trace not written", dropped=len(events), reason=str(problem))

    async def _end_trace(self) -> None:
        """Write what is noted; before the store closes."""
        if self._saving is not None:
            self._saving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._saving
        await self._save()

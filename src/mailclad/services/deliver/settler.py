"""Writes down what attempts did, many in one commit.

What ends while one commit is being made is gathered for the next.  What the store cannot take
now is tried again: until it has, leases are extended and nothing is forgotten; when the
process dies first, the message is sent twice (docs/design/queue.md).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from mailclad.services.deliver.after import After
from mailclad.services.deliver.conclusion import Conclusion
from mailclad.store.errors import StoreProblem
from mailclad.store.queue import Dispatch, Queue, Settlement
from mailclad.store.queue_name import queue_name
from mailclad.store.trace import Trace, TraceEvent

AGAIN_SECONDS = 5.0
"""Until a store that could not write is asked again: a full disk is not emptied sooner."""

GATHER_SECONDS = 0.02
"""From one commit to the next: what ends meanwhile shares it.  Nobody waits for it but others of
the same destination, and a process that dies sends so much more of a second's mail twice."""

AT_ONCE = 1_000
"""Messages settled in one call: a transaction of some 20 ms."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Finished:
    """``pauses``: until when nothing more is tried at a destination."""

    conclusion: Conclusion
    notice: Dispatch | None = None
    pauses: Mapping[str, int] | None = None


class Settler:
    """``settled`` is called after each commit with what was in it.

    What never can be written is not told of: it stays leased, and is not sent again and again.
    """

    def __init__(
        self,
        queue: Queue,
        owner: str,
        trace: Trace,
        after: After,
        settled: Callable[[Sequence[Settlement]], None],
    ) -> None:
        self._queue = queue
        self._owner = owner
        self._trace = trace
        self._after = after
        self._settled = settled
        self._gathered: list[Finished] = []
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()

    def add(self, finished: Finished) -> None:
        self._gathered.append(finished)
        self._some.set()
        self._none.clear()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._some.wait()
            await self._settle_some()
            if not self._gathered:
                self._some.clear()
                self._none.set()
            await asyncio.sleep(GATHER_SECONDS)

    async def empty(self) -> None:
        """Wait until all is written."""
        await self._none.wait()

    async def _settle_some(self) -> None:
        batch = written = self._gathered[:AT_ONCE]
        try:
            await self._write(batch)
        except StoreProblem as problem:
            if problem.temporary:
                _log.warning("results of deliveries not written yet", reason=str(problem))
                await asyncio.sleep(AGAIN_SECONDS)
                return
            written = await self._write_each(batch)
        except Exception:  # a fault of ours must not keep all results
            _log.exception("results of deliveries not written")
            written = await self._write_each(batch)
        del self._gathered[: len(batch)]
        for finished in written:
            self._after.add(finished.conclusion.attempts)
            for event in finished.conclusion.traces:
                self._tell(event)
        self._settled([finished.conclusion.settlement for finished in written])

    def _tell(self, event: TraceEvent) -> None:
        self._trace.note(event)
        _log.info(
            f"message {event.happening}",
            id=event.identity,
            queue=None if event.queue is None else queue_name(event.queue),
            recipient=event.addresses[-1],
            what=event.text,
        )

    async def _write_each(self, batch: Sequence[Finished]) -> list[Finished]:
        """One of a batch cannot be written: a mailbox may have gone that a notice was for."""
        return [
            finished
            for finished in batch
            if await self._write_alone(finished)
            or await self._write_alone(replace(finished, notice=None))
        ]

    async def _write_alone(self, finished: Finished) -> bool:
        """Whether it is written; waits until the store can say."""
        while True:
            try:
                await self._write((finished,))
            except Exception as problem:
                if isinstance(problem, StoreProblem) and problem.temporary:
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                _log.warning(
                    "result of a delivery not written",
                    queue=queue_name(finished.conclusion.settlement.message),
                    with_notice=finished.notice is not None,
                    reason=str(problem),
                )
                return False
            return True

    async def _write(self, batch: Sequence[Finished]) -> None:
        notices = [one.notice for one in batch if one.notice is not None]
        pauses: dict[str, int] = {}
        for one in batch:
            pauses.update(one.pauses or {})
        settlements = [one.conclusion.settlement for one in batch]
        await self._queue.settle(self._owner, settlements, notices, pauses)

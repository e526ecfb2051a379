"""One conversation with a milter: questions out, answers in, and what holds when it fails.

Comes in: questions in the words of ``protocols/milter``.  Goes out: how each was settled.  A
milter that is silent, gone or talks nonsense is left alone from then on; the log says why.
Limit: ``seconds`` for each answer, and for the beginning.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from mailclad.protocols.milter.agreement import Step
from mailclad.protocols.milter.answer import Change, Progress, Settled, Verdict
from mailclad.protocols.milter.connection import ABORT, QUIT, Ask, MilterConnection
from mailclad.protocols.milter.packet import Nonsense
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.filter_failure import FILTER_DOWN, OnFailure

_log = structlog.get_logger()


class Stream(Protocol):
    """An open connection to a filter; everything may raise OSError."""

    def write(self, octets: bytes) -> None: ...

    async def drain(self) -> None: ...

    async def read(self) -> bytes: ...

    def close(self) -> None:
        """What was written is still sent."""

    def abort(self) -> None:
        """At once."""


class Dial(Protocol):
    """Makes a connection; raises OSError."""

    async def __call__(self) -> Stream: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """``name`` is for the log; ``seconds`` is for each answer."""

    name: str
    dial: Dial
    seconds: float
    on_failure: OnFailure


class MilterTalk:
    """Nothing here raises anything of the milter's doing: a failure settles what was asked."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._connection = MilterConnection()
        self._stream: Stream | None = None

    @property
    def steps(self) -> Step:
        """What was agreed; nothing where nobody is there."""
        return self._connection.agreement.steps if self._stream is not None else Step(0)

    @property
    def stands(self) -> bool:
        """Whether the milter still has a say."""
        return self._stream is not None

    async def begin(self) -> Settled:
        """Connect and agree."""
        try:
            async with asyncio.timeout(self._terms.seconds):
                self._stream = stream = await self._terms.dial()
                stream.write(self._connection.start())
                while not self._connection.agreed():
                    await self._receive(stream)
        except (OSError, TimeoutError, Nonsense) as problem:
            return self.fail(problem)
        return Verdict.CONTINUE

    async def ask(
        self,
        ask: Ask,
        facts: bytes = b"",
        macros: Mapping[str, str] | None = None,
        changes: list[Change] | None = None,
    ) -> Settled:
        """What the milter has to say; its changes are added to ``changes``."""
        assert self._stream is not None, "it has begun, and has not failed"
        try:
            question = self._connection.ask(ask, facts, macros)
            self._stream.write(question.octets)
            async with asyncio.timeout(self._terms.seconds):
                await self._stream.drain()
            if not question.answered:
                return Verdict.CONTINUE
            return await self._settle(self._stream, changes)
        except (OSError, TimeoutError, Nonsense) as problem:
            return self.fail(problem)

    def abort(self) -> None:
        """The message is over without its end."""
        if self._stream is not None:
            self._stream.write(ABORT)

    def close(self) -> None:
        """The connection is over."""
        if self._stream is not None:
            self._stream.write(QUIT)
            self._stream.close()
            self._stream = None

    def fail(self, problem: Exception) -> Settled:
        """Leave it alone; what holds from now on."""
        reason = str(problem) or "no answer in time"
        _log.warning("milter does not work", milter=self._terms.name, reason=reason)
        if self._stream is not None:
            self._stream.abort()
            self._stream = None
        return FILTER_DOWN if self._terms.on_failure is OnFailure.DEFER else Verdict.ACCEPT

    async def _settle(self, stream: Stream, changes: list[Change] | None) -> Settled:
        while True:
            async with asyncio.timeout(self._terms.seconds):
                while (answer := self._connection.next_answer()) is None:
                    await self._receive(stream)
            if isinstance(answer, Verdict | Reply):
                return answer
            if not isinstance(answer, Progress) and changes is not None:
                changes.append(answer)

    async def _receive(self, stream: Stream) -> None:
        octets = await stream.read()
        if not octets:
            raise Nonsense("it closed the connection")
        self._connection.receive_data(octets)

"""One visit to one port of a mail server: greeting, capabilities, TLS, leave.

RFC 8314 §3, RFC 3207, RFC 2595, RFC 9051 §6.2.1, RFC 5804 §2.2.

Comes in: an endpoint and an IP address, how the handshake is to be done.  Goes out: a ``PortSeen``
with that one handshake.  Whatever the server does, a visit ends with what was seen until then;
it never signs in, and leaves politely.  A server that greets PREAUTH in clear is left at once
(NO STARTTLS: it cannot be brought to TLS any more).  Octets behind the answer to STARTTLS are
dropped.  Limits: seconds for each step and for the whole, octets (:mod:`probe_wire`).
"""

import asyncio
import contextlib
from dataclasses import dataclass, field, replace

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.protocols.probe.dialogue import Answer, Dialogue, DialogueProblem
from mailclad.protocols.probe.grammar import Question
from mailclad.protocols.probe.injection import is_obeyed, upgrade_with_a_command
from mailclad.servers.probe_wire import Ended, Unreached, Wire
from mailclad.servers.tls_probe import Attempt, ProbeTrust
from mailclad.services.diagnose.facts import (
    GREETING_OCTETS,
    PortSeen,
    Reach,
    Spoken,
    Way,
)
from mailclad.services.diagnose.spoken import recognise


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for each step."""

    connect: float = 4.0
    """Who is up answers in one; SYN is sent again after one and three."""
    banner: float = 3.0
    """Before anything is said: who has not greeted by then waits for TLS, or for nothing."""
    mx_banner: float = 8.0
    """On port 25: postscreen lets strangers wait for six."""
    late_banner: float = 15.0
    """Who is known to greet, and later than that: mostly it looks our name up first."""
    handshake: float = 6.0
    answer: float = 5.0
    leave: float = 1.0
    """Nothing depends on it."""
    visit: float = 20.0
    """For all of it: a server that drips must not hold us."""

    def for_banner(self, endpoint: Endpoint, *, late: bool) -> float:
        if late:
            return self.late_banner
        return self.mx_banner if endpoint.protocol is MailProtocol.SMTP else self.banner


@dataclass(frozen=True, slots=True)
class Approach:
    """How a visit is made: ``server_name`` for SNI.

    ``listens_first``: hears for a moment whether a port that should begin with TLS says words.
    ``late``: the server was seen to greet late.
    """

    way: Way
    server_name: str
    listens_first: bool = False
    injects: bool = False
    late: bool = False


_FIRST = frozenset({Way.MODERN, Way.OPEN})
"""Later visits to a port ask for its handshake only."""

LISTENING_SECONDS = 0.5
"""A server that speaks first does so within a round trip."""


async def visit(
    endpoint: Endpoint, address: str, approach: Approach, trust: ProbeTrust, patience: Patience
) -> PortSeen:
    """Never raises what a server or a network can cause."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        wire = await Wire.open(address, endpoint.port, patience.connect)
    except Unreached as problem:
        seconds = loop.time() - began
        return PortSeen(endpoint, address, problem.reach, problem.detail, seconds=seconds)
    one = _Visit(endpoint, approach, trust, patience, wire)
    one.seen = PortSeen(endpoint, address, Reach.OPEN)
    try:
        async with asyncio.timeout(patience.visit):
            await one.run()
    except TimeoutError:
        one.gave_up("no answer in time")
    except (Ended, DialogueProblem) as problem:
        one.ended(str(problem))
    finally:
        wire.close()
    return one.result(loop.time() - began)


@dataclass(slots=True)
class _Visit:
    endpoint: Endpoint
    approach: Approach
    trust: ProbeTrust
    patience: Patience
    wire: Wire
    seen: PortSeen = field(init=False)
    dialogue: Dialogue = field(init=False)
    attempt: Attempt | None = None

    def __post_init__(self) -> None:
        name = self.endpoint.host if self._is_https else self.wire.own_literal
        self.dialogue = Dialogue(self.endpoint.protocol, name)

    @property
    def _is_https(self) -> bool:
        return self.endpoint.protocol is MailProtocol.HTTPS

    def note(self, detail: str) -> None:
        """The first trouble counts."""
        if not self.seen.detail:
            self.seen = replace(self.seen, detail=detail)

    def gave_up(self, detail: str) -> None:
        self.note(detail)
        if self.attempt is not None:
            self.attempt.give_up(detail, silent=True)

    def ended(self, detail: str) -> None:
        self.note(detail)
        if not self.seen.greeting and self.attempt is None:
            self.seen = replace(self.seen, reach=Reach.RESET)

    def result(self, seconds: float) -> PortSeen:
        if self.attempt is None:
            return replace(self.seen, seconds=seconds)
        shake = self.attempt.seen
        seen = replace(self.seen, handshakes=(shake,), seconds=seconds)
        if shake.first_octets and not seen.greeting:
            words = shake.first_octets
            return replace(seen, greeting=words, spoken=recognise(words))
        return seen

    async def run(self) -> None:
        if self.endpoint.tls is TlsMode.IMPLICIT:
            if not self.approach.listens_first or await self._hear_nothing():
                await self._begin_with_tls()
        elif await self._greet(self.patience.for_banner(self.endpoint, late=self.approach.late)):
            await self._come_to_tls()

    # --- TLS from the first octet ---

    async def _hear_nothing(self) -> bool:
        """Whether the port is as silent as it should be before TLS."""
        try:
            async with asyncio.timeout(LISTENING_SECONDS):
                await self._take_first(Question.GREETING)
        except TimeoutError:
            return True
        return False

    async def _begin_with_tls(self) -> None:
        if not await self._handshake():
            return
        if self._is_https:
            await self._ask_web()
        elif await self._greet(self.patience.answer):
            await self._ask_under_tls()

    async def _ask_web(self) -> None:
        """It speaks when it is asked; an error is an answer too."""
        if self.approach.way in _FIRST:
            async with asyncio.timeout(self.patience.answer):
                await self._take_first(Question.CAPABILITIES)

    # --- in clear ---

    async def _greet(self, seconds: float) -> bool:
        """Whether the server greeted, and may be asked more."""
        try:
            async with asyncio.timeout(seconds):
                answer = await self._take_first(Question.GREETING)
        except TimeoutError:
            if not self.seen.greeting and self.attempt is None:
                await self._try_tls()
            else:
                self.note(f"no whole greeting in {seconds:g} seconds")
            return False
        if not answer.positive:
            await self._leave()
            return False
        if answer.words is not None:
            self._offers(answer.words)
        if self.attempt is None and answer.text.upper().startswith("* PREAUTH"):
            await self._leave()
            return False
        return True

    async def _try_tls(self) -> None:
        """Nobody greets: perhaps somebody waits for a ClientHello here."""
        if await self._handshake():
            self.seen = replace(self.seen, spoken=Spoken.TLS)
            await self._leave()

    async def _come_to_tls(self) -> None:
        offers = self.seen.offers_clear
        if offers is None:
            offers = self._offers((await self._ask(Question.CAPABILITIES)).words)
        if "STARTTLS" not in (offers or ()):
            await self._leave()
            return
        octets = self._upgrade()
        answer = await self._ask_octets(octets)
        self.seen = replace(self.seen, upgrade_reply=answer.text)
        if not answer.positive:
            await self._leave()
        elif await self._handshake():
            self.dialogue.tls_started()
            await self._under_tls_again()

    def _upgrade(self) -> bytes:
        if self.approach.injects:
            self.seen = replace(self.seen, obeys_injected=False)
            return upgrade_with_a_command(self.dialogue)
        return self.dialogue.ask(Question.UPGRADE)

    async def _under_tls_again(self) -> None:
        if self.approach.injects:
            await self._count_answers()
            return
        if self.dialogue.is_greeted_again:
            self._offers((await self._ask(Question.GREETING)).words)
        await self._ask_under_tls()

    async def _count_answers(self) -> None:
        """Say goodbye, and hear everything that is answered."""
        await self.wire.send(self.dialogue.ask(Question.LEAVE))
        heard = bytearray()
        with contextlib.suppress(TimeoutError, Ended):
            async with asyncio.timeout(self.patience.leave):
                while True:
                    heard += await self.wire.receive()
        obeyed = is_obeyed(
            self.endpoint.protocol, bytes(heard), greets_again=self.dialogue.is_greeted_again
        )
        self.seen = replace(self.seen, obeys_injected=obeyed)

    # --- both ---

    async def _ask_under_tls(self) -> None:
        if self.seen.offers_tls is None and self.approach.way in _FIRST:
            self._offers((await self._ask(Question.CAPABILITIES)).words)
        await self._leave()

    async def _leave(self) -> None:
        with contextlib.suppress(Ended):
            await self.wire.send(self.dialogue.ask(Question.LEAVE))

    async def _handshake(self) -> bool:
        self.attempt = self.trust.begin(
            self.approach.way, self.endpoint.protocol, self.approach.server_name
        )
        await self.wire.handshake(self.attempt, self.patience.handshake)
        return self.attempt.seen.done

    def _offers(self, words: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if self.attempt is None:
            self.seen = replace(self.seen, offers_clear=words)
        else:
            self.seen = replace(self.seen, offers_tls=words)
        return words

    async def _take_first(self, question: Question) -> Answer:
        """Keep the first octets, whatever they are."""
        await self.wire.send(self.dialogue.ask(question))
        while True:
            octets = await self.wire.receive()
            kept = (self.seen.greeting + octets)[:GREETING_OCTETS]
            self.seen = replace(self.seen, greeting=kept, spoken=recognise(kept))
            answer = self.dialogue.receive(octets)
            if answer is not None:
                return answer

    async def _ask(self, question: Question) -> Answer:
        return await self._ask_octets(self.dialogue.ask(question))

    async def _ask_octets(self, octets: bytes) -> Answer:
        await self.wire.send(octets)
        try:
            async with asyncio.timeout(self.patience.answer):
                answer = self.dialogue.receive(b"")
                while answer is None:
                    answer = self.dialogue.receive(await self.wire.receive())
        except TimeoutError:
            raise Ended(f"no answer in {self.patience.answer:g} seconds") from None
        return answer

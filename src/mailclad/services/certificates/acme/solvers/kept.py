"""Answers that are kept in the store, where every process of ours finds them when it is asked.

RFC 8555 §8.3 (http-01), RFC 8737 (tls-alpn-01), RFC 8738 (IP addresses).  Comes in: challenges
of an authority that we have asked for a certificate.  Goes out: rows, which end by themselves;
``kept_answer`` and ``kept_certificate`` are what the servers ask, and never raise.
"""

from contextlib import suppress

import structlog

from mailclad.base.clock import Clock
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind, SolverProblem
from mailclad.services.certificates.acme.solvers.tls_alpn_certificate import (
    asked_name,
    make_answer,
    read_answer,
)
from mailclad.services.certificates.chain import CertificateChain
from mailclad.store.challenges import Challenges
from mailclad.store.errors import StoreProblem

ANSWER_SECONDS = 24 * 3600
"""How long an answer is given when nobody withdraws it; authorities ask within minutes, some try
again for hours."""

_log = structlog.get_logger()


class HttpSolver:
    """Answers on port 80."""

    kind = ChallengeKind.HTTP

    def __init__(self, store: Challenges, clock: Clock) -> None:
        self._kept = _Kept(self.kind, store, clock)

    def can(self, name: str) -> bool:
        """Names and IP addresses; what stands for many names is proved by DNS only."""
        return not name.startswith("*.")

    async def present(self, challenge: Challenge) -> None:
        await self._kept.put(challenge.token, challenge.key_authorization)

    async def withdraw(self, challenge: Challenge) -> None:
        await self._kept.take(challenge.token)


class TlsAlpnSolver:
    """Answers on port 443, in the handshake."""

    kind = ChallengeKind.TLS_ALPN

    def __init__(self, store: Challenges, clock: Clock) -> None:
        self._clock = clock
        self._kept = _Kept(self.kind, store, clock)

    def can(self, name: str) -> bool:
        return not name.startswith("*.")

    async def present(self, challenge: Challenge) -> None:
        answer = make_answer(challenge.name, challenge.key_authorization, self._clock.now())
        await self._kept.put(asked_name(challenge.name), answer)

    async def withdraw(self, challenge: Challenge) -> None:
        await self._kept.take(asked_name(challenge.name))


class _Kept:
    """The rows of one kind; those that nobody withdrew in time go when the next one comes."""

    def __init__(self, kind: ChallengeKind, store: Challenges, clock: Clock) -> None:
        self._kind, self._store, self._clock = kind, store, clock

    async def put(self, key: str, answer: str) -> None:
        now = self._clock.now()
        try:
            for past, _ in await self._store.past_challenges(self._kind, now):
                await self._store.take_challenge(self._kind, past)
            await self._store.put_challenge(self._kind, key, answer, now + ANSWER_SECONDS)
        except StoreProblem as problem:
            raise SolverProblem(f"The answer could not be kept: {problem}") from problem

    async def take(self, key: str) -> None:
        with suppress(StoreProblem):  # it ends by itself
            await self._store.take_challenge(self._kind, key)


def kept_answer(store: Challenges, clock: Clock, token: str) -> str | None:
    """What port 80 says for a token."""
    answer = _answer(store, clock, ChallengeKind.HTTP, token)
    if answer is not None:
        _log.info("an ACME challenge is answered", kind="http-01", token=token)
    return answer


def kept_certificate(store: Challenges, clock: Clock, name: str) -> CertificateChain | None:
    """What port 443 shows to an authority that asks for this name."""
    answer = _answer(store, clock, ChallengeKind.TLS_ALPN, name)
    if answer is None:
        return None
    _log.info("an ACME challenge is answered", kind="tls-alpn-01", name=name)
    return read_answer(answer)


def _answer(store: Challenges, clock: Clock, kind: ChallengeKind, key: str) -> str | None:
    with suppress(StoreProblem):
        return store.challenge(kind, key, clock.now())
    return None

"""dns-01: a TXT record for the authority, written by whoever can change the zone.

RFC 8555 §8.4.  Comes in: challenges; ``TxtRecords``, which writes; a resolver, which tells where
``_acme-challenge`` really is, for it may be a CNAME into a zone made for this.  Goes out: records,
each remembered in the store before it is written: what nobody took away, because the process
died or the zone's server was down, is taken away when the next challenge comes.
"""

import hashlib
from contextlib import suppress
from ipaddress import ip_address
from typing import Protocol

import structlog

from mailclad.base.clock import Clock
from mailclad.base.resolver import AnewResolver, DnsProblem
from mailclad.protocols.acme.jws import encode_base64url
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind, SolverProblem
from mailclad.store.challenges import Challenges
from mailclad.store.errors import StoreProblem

LABEL = "_acme-challenge"

LEFTOVER_SECONDS = 24 * 3600
"""After this long a record is nobody's: no order is under way any more."""

MAX_LEFTOVERS = 20
"""Taken away before one challenge; a zone that cannot be changed must not hold it up for long."""

_log = structlog.get_logger()


class TxtRecords(Protocol):
    """Writes TXT records; several of one name stand beside each other (RFC 8555 §8.4)."""

    async def present(self, name: str, value: str) -> None:
        """Add this one and keep others; raises SolverProblem."""
        ...

    async def withdraw(self, name: str, value: str) -> None:
        """Remove this one and keep others; it may be gone.  Raises SolverProblem."""
        ...


def record_value(key_authorization: str) -> str:
    """What the record says."""
    return encode_base64url(hashlib.sha256(key_authorization.encode("ascii")).digest())


async def record_name(resolver: AnewResolver, name: str) -> str:
    """Where the record of this identifier is to stand, behind CNAMEs; raises DnsProblem."""
    return (await resolver.txt_anew(f"{LABEL}.{name}")).name


class DnsSolver:
    """Answers in the DNS: the only way for what stands for many names."""

    kind = ChallengeKind.DNS

    def __init__(
        self, records: TxtRecords, resolver: AnewResolver, store: Challenges, clock: Clock
    ) -> None:
        self._records = records
        self._resolver = resolver
        self._store = store
        self._clock = clock

    def can(self, name: str) -> bool:
        """All but IP addresses (RFC 8738 §7)."""
        with suppress(ValueError):
            ip_address(name)
            return False
        return True

    async def present(self, challenge: Challenge) -> None:
        now = self._clock.now()
        try:
            name = await record_name(self._resolver, challenge.name)
        except DnsProblem as problem:
            text = f"Where {LABEL}.{challenge.name} is could not be found out: {problem}"
            raise SolverProblem(text) from problem
        value = record_value(challenge.key_authorization)
        try:
            await self._clear(now)
            await self._store.put_challenge(
                self.kind, challenge.token, f"{name} {value}", now + LEFTOVER_SECONDS
            )
        except StoreProblem as problem:
            raise SolverProblem(f"The record could not be remembered: {problem}") from problem
        await self._records.present(name, value)

    async def withdraw(self, challenge: Challenge) -> None:
        with suppress(StoreProblem):  # what is left is taken away later
            kept = self._store.challenge(self.kind, challenge.token, self._clock.now())
            if kept is not None:
                await self._take(challenge.token, kept)

    async def _clear(self, now: int) -> None:
        for token, kept in (await self._store.past_challenges(self.kind, now))[:MAX_LEFTOVERS]:
            await self._take(token, kept)

    async def _take(self, token: str, kept: str) -> None:
        name, _, value = kept.partition(" ")
        try:
            await self._records.withdraw(name, value)
        except SolverProblem as problem:
            _log.warning("a challenge is left in the DNS", name=name, reason=str(problem))
        else:
            await self._store.take_challenge(self.kind, token)

"""Proving that names are ours: each authorization of an order, by one of our solvers.

RFC 8555 §7.5 (authorizations), §7.5.1 (responding, polling), §8 (challenges).

Comes in: an order's authorizations, solvers in the administrator's order.  Goes out: names that
could not be proved, with the reason, and the kind of proof that failed; nothing where all could.
Answers are withdrawn whatever happens.
Limits: authorizations at the same time, how long a proof may take, how long a solver may.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from mailclad.protocols.acme.objects import (
    Authorization,
    OfferedChallenge,
    Problem,
    parse_authorization,
    shown,
)
from mailclad.services.certificates.acme.challenge import (
    Challenge,
    ChallengeKind,
    Solver,
    SolverProblem,
)
from mailclad.services.certificates.acme.conversation import Conversation, Refused
from mailclad.services.certificates.acme.explain import OTHER, finding

AT_A_TIME = 5
"""Authorizations: enough to wait for DNS but once, few enough for everybody's limits."""

PROOF_SECONDS = 600.0
"""From telling the authority to its verdict; public ones take seconds."""

PRESENT_SECONDS = 900.0
"""For a solver: a change in the DNS may wait for the slowest of the zone's servers."""

WITHDRAW_SECONDS = 60.0
"""For a solver to clean up; what stays is harmless and told of in the log."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Unproved:
    """``name`` as it was ordered; ``kind`` is None where nothing could be tried.

    ``elsewhere``: it is this authority's objection, another one need not have it.
    """

    name: str
    reason: str
    finding: str
    kind: ChallengeKind | None
    elsewhere: bool = False


class Prover:
    """For the attempts at one certificate: a kind that failed for a name is not tried again."""

    def __init__(self, talk: Conversation, solvers: Sequence[Solver]) -> None:
        self._talk = talk
        self._solvers = solvers
        self._failed: dict[tuple[str, ChallengeKind], Unproved] = {}

    async def prove(self, authorizations: Iterable[str], names: Collection[str]) -> list[Unproved]:
        """Raises AuthorityFailed; then the other proofs are ended and withdrawn too.

        ``names`` are what was ordered: nothing else is proved to an authority.
        """
        room = asyncio.Semaphore(AT_A_TIME)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._prove(url, names, room)) for url in authorizations
                ]
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        return [found for task in tasks if (found := task.result()) is not None]

    def can_try_again(self, unproved: Unproved) -> bool:
        """Whether another kind of proof is left for the name."""
        return unproved.kind is not None and any(
            solver.can(unproved.name) and (unproved.name, solver.kind) not in self._failed
            for solver in self._solvers
        )

    async def _prove(
        self, url: str, names: Collection[str], room: asyncio.Semaphore
    ) -> Unproved | None:
        async with room:
            try:
                response = await self._talk.post(url, None)
                found = self._talk.parse(parse_authorization, response)
                if found.name not in names:
                    raise self._talk.broken("it wants a name proved that was not ordered")
                if found.status == "valid":
                    return None
                return await self._try_solvers(url, found)
            except Refused as refused:
                raise self._talk.failure("a name was not proved", refused) from None

    async def _try_solvers(self, url: str, found: Authorization) -> Unproved | None:
        """A solver that cannot present its answer leaves room for the next one."""
        missed = self._impossible(found)
        for solver, offered in self._possible(found):
            challenge = self._challenge(found, solver.kind, offered)
            try:
                trouble = await _present(solver, challenge)
                if not trouble:
                    return await self._answer(url, found.name, solver.kind, offered)
            finally:
                await _withdraw(solver, challenge)
            missed = Unproved(found.name, trouble, OTHER, solver.kind)
            self._failed[found.name, solver.kind] = missed
        return missed

    def _possible(self, found: Authorization) -> Iterable[tuple[Solver, OfferedChallenge]]:
        offers = {offered.type: offered for offered in found.challenges if offered.token}
        for solver in self._solvers:
            offered = offers.get(solver.kind)
            untried = (found.name, solver.kind) not in self._failed
            if offered is not None and untried and solver.can(found.name):
                yield solver, offered

    def _impossible(self, found: Authorization) -> Unproved:
        for (name, _), failed in self._failed.items():
            if name == found.name:  # the reason is why the first kind of proof failed
                return replace(failed, kind=None)
        offers = shown(", ".join(sorted({one.type for one in found.challenges}))) or "nothing"
        ours = ", ".join(solver.kind for solver in self._solvers if solver.can(found.name))
        reason = (
            f"there is no way to prove it: the authority takes {offers}, and this server can "
            f"answer {ours or 'none of them'} for this name; set up dns-01, or leave it out"
        )
        return Unproved(found.name, reason, OTHER, None)

    def _challenge(
        self, found: Authorization, kind: ChallengeKind, offered: OfferedChallenge
    ) -> Challenge:
        assert self._talk.key is not None
        answer = self._talk.key.authorize(offered.token)
        return Challenge(kind, found.identifier.name, offered.token, answer)

    async def _answer(
        self, url: str, name: str, kind: ChallengeKind, offered: OfferedChallenge
    ) -> Unproved | None:
        """Tell the authority to look, and wait for its verdict."""
        told = await self._talk.post(offered.url, {})
        found = await self._talk.watch(
            told, url, parse_authorization, lambda got: got.status != "pending", PROOF_SECONDS
        )
        if found.status == "valid":
            return None
        problem = _objection(found, kind)
        failed = Unproved(name, self._talk.explain(problem, kind), finding(problem, kind), kind)
        self._failed[name, kind] = failed
        return failed


async def _present(solver: Solver, challenge: Challenge) -> str:
    """What went wrong, or ""."""
    try:
        async with asyncio.timeout(PRESENT_SECONDS):
            await solver.present(challenge)
    except SolverProblem as problem:
        return str(problem)
    except TimeoutError:
        return f"our answer by {solver.kind} was not ready within {PRESENT_SECONDS:g} seconds"
    return ""


async def _withdraw(solver: Solver, challenge: Challenge) -> None:
    try:
        async with asyncio.timeout(WITHDRAW_SECONDS):
            await solver.withdraw(challenge)
    except (SolverProblem, TimeoutError) as problem:
        _log.warning(
            "ACME answer not withdrawn",
            name=challenge.name,
            kind=str(challenge.kind),
            reason=str(problem),
        )


def _objection(found: Authorization, kind: ChallengeKind) -> Problem:
    """Of the challenge that was tried."""
    tried = (one.error for one in found.challenges if one.type == kind)
    return next((error for error in tried if error is not None), Problem())

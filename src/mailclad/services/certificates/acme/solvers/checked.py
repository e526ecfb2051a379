"""A look at our own answers before an authority is asked: where it fails, people are told why.

Comes in: a solver, and how to look.  Goes out: the same solver, which tells of doubts.  They stop
nothing: what is seen from here need not be what is seen from outside (two DNS views, a router
that does not lead back in).
"""

from collections.abc import Awaitable, Callable

from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind, Solver

Look = Callable[[Challenge], Awaitable[str]]
"""Why the authority may not see the answer, in words for people; "" where it will."""

Tell = Callable[[Challenge, str], None]
"""Takes a doubt, for whoever reports how it went."""


class CheckedSolver:
    def __init__(self, solver: Solver, look: Look, tell: Tell) -> None:
        self._solver, self._look, self._tell = solver, look, tell

    @property
    def kind(self) -> ChallengeKind:
        return self._solver.kind

    def can(self, name: str) -> bool:
        return self._solver.can(name)

    async def present(self, challenge: Challenge) -> None:
        await self._solver.present(challenge)
        doubt = await self._look(challenge)
        if doubt:
            self._tell(challenge, doubt)

    async def withdraw(self, challenge: Challenge) -> None:
        await self._solver.withdraw(challenge)

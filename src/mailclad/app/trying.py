"""Whether our names could be proved to an authority, tried without asking one.

Comes in: configuration, means to order.  Goes out: for each name and kind of challenge what stands
in the way.  Made-up answers are put where an authority would look, looked at, and taken away.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from mailclad.app.config import Config
from mailclad.app.renewing import Means, make_authorities, make_world, solvers_in_order
from mailclad.services.certificates.acme.challenge import (
    Challenge,
    ChallengeKind,
    Solver,
    SolverProblem,
)
from mailclad.services.certificates.acme.order import OrderFailed, Wanted
from mailclad.services.certificates.chain import KeyKind
from mailclad.services.certificates.keys import make_key

STAGING = "letsencrypt-staging"
"""Checks names as the real one does; nobody trusts what it signs, and its limits are wide."""

TOKEN_OCTETS = 32


@dataclass(slots=True)
class Trial:
    """``ways``: by kind of challenge what stands in the way, "" for nothing that is seen here."""

    name: str
    ways: dict[ChallengeKind, str] = field(default_factory=dict)
    left_out: str = ""

    @property
    def fails(self) -> bool:
        return bool(self.left_out) or "" not in self.ways.values()


async def try_names(config: Config, means: Means, kinds: Sequence[ChallengeKind]) -> list[Trial]:
    """By those kinds of challenge; names that an order would leave out come last."""
    doubts: dict[Challenge, str] = {}
    solvers = [
        solver
        for solver in solvers_in_order(config, means, doubts.__setitem__)
        if solver.kind in kinds
    ]
    assert config.acme is not None
    survey = await make_world(config, config.acme, means, solvers).survey()
    trials = [Trial(name) for name in survey.names]
    for trial in trials:
        for solver in solvers:
            if solver.can(trial.name):
                trial.ways[solver.kind] = await _try(solver, trial.name, doubts)
    if survey.hindrance:
        trials[0].left_out = survey.hindrance
    left_out = {**survey.left_out, **survey.unsure}
    return trials + [Trial(name, left_out=why) for name, why in left_out.items()]


async def _try(solver: Solver, name: str, doubts: dict[Challenge, str]) -> str:
    token, thumbprint = (secrets.token_urlsafe(TOKEN_OCTETS) for _ in range(2))
    challenge = Challenge(solver.kind, name.removeprefix("*."), token, f"{token}.{thumbprint}")
    try:
        await solver.present(challenge)
    except SolverProblem as problem:
        return str(problem)
    finally:
        await solver.withdraw(challenge)
    return doubts.get(challenge, "")


async def try_staging(
    config: Config, means: Means, solvers: Sequence[Solver], names: tuple[str, ...]
) -> str:
    """An order whose certificate is thrown away; what was wrong, "" for nothing."""
    if not names:
        return "no name is left to be ordered"
    assert config.acme is not None
    staging = msgspec.structs.replace(config.acme, authorities=(STAGING,), eab=(), trust=None)
    authorities = make_authorities(staging, means, solvers)
    try:
        issued = await authorities.obtain(Wanted(names, make_key(KeyKind.EC)))
    except OrderFailed as failed:
        return str(failed)
    return "; ".join(f"{name}: {why}" for name, why in issued.dropped.items())

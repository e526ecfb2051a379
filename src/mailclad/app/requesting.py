"""Certificates ordered from the command line, beside a running server or before its first start.

Comes in: configuration, an open store.  Goes out: means to order with.  A running server answers
the challenges, for they are in the store; where none runs, port 80 is answered here meanwhile.
"""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from mailclad.app.build import make_resolver
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config
from mailclad.app.hook_files import load_hooks
from mailclad.app.postbox import FILE_NAME
from mailclad.app.renewing import Means, make_renewal, solvers_in_order
from mailclad.app.sockets import Bound, PortProblem, open_sockets
from mailclad.app.web_hosts import our_hosts
from mailclad.base.tls_policy import Service
from mailclad.servers.admission import Admission
from mailclad.servers.http import http_shell
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.listener import Listening, listen
from mailclad.servers.outbound import is_public
from mailclad.servers.tls import ClientTrust
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind, Solver
from mailclad.services.certificates.acme.solvers.kept import kept_answer
from mailclad.services.certificates.renewal import Renewal
from mailclad.services.receive.networks import Networks
from mailclad.store.interface import Store
from mailclad.web.plain_http import plain_application


def server_runs(directory: Path) -> bool:
    """Whether somebody reads what commands tell the server of this data directory."""
    with suppress(OSError):
        os.close(os.open(directory / FILE_NAME, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
        return True
    return False


def open_port_80(config: Config) -> tuple[Bound, ...]:
    """Where no server runs: its http ports, while this process may still open them.

    None where they cannot be had and another way is configured; raises PortProblem.
    """
    try:
        lines = [line for line in config.listen if line.service is Service.HTTP]
        return open_sockets(lines, {})
    except PortProblem:
        if config.acme is not None and config.acme.dns.is_set:
            return ()
        raise


@asynccontextmanager
async def means_to_order(
    config: Config, store: Store, bound: Sequence[Bound]
) -> AsyncIterator[Means]:
    """``bound`` are answered meanwhile."""
    clock, resolver = SystemClock(), make_resolver(config)
    trust = ClientTrust()
    https = HttpsClient(resolver, trust, permits=is_public)
    hooks = load_hooks(config.hooks.modules)
    page = plain_application(
        partial(kept_answer, store, clock), our_hosts(config, store.domains), None
    )
    listeners = [
        await listen(
            Listening(one.service, one.tls, one.sockets, Networks(one.proxy_from)),
            None,
            http_shell(page),
            Admission(),
        )
        for one in bound
    ]
    try:
        yield Means(store, clock, resolver, https, trust, hooks)
    finally:
        for listener in listeners:
            await listener.drain(0)
        await resolver.close()


def make_told_renewal(
    config: Config,
    means: Means,
    tell: Callable[[str], None],
    *,
    runs: bool,
    bound: Sequence[Bound],
) -> Renewal:
    """One that says each step; ``runs``: a server is there, else ``bound`` are answered."""
    assert config.acme is not None
    solvers = told_solvers(config, means, tell, runs=runs, bound=bound)
    return make_renewal(config, config.acme, means, solvers)


def told_solvers(
    config: Config,
    means: Means,
    tell: Callable[[str], None],
    *,
    runs: bool,
    bound: Sequence[Bound],
) -> list[Solver]:
    """Those whose answers somebody gives at this moment."""
    possible = answered_kinds(runs=runs, bound=bound)

    def doubt(challenge: Challenge, text: str) -> None:
        tell(f"! {text}")

    made = solvers_in_order(config, means, doubt)
    return [ToldSolver(solver, tell) for solver in made if solver.kind in possible]


def answered_kinds(*, runs: bool, bound: Sequence[Bound]) -> tuple[ChallengeKind, ...]:
    if runs:
        return tuple(ChallengeKind)
    return (ChallengeKind.HTTP, ChallengeKind.DNS) if bound else (ChallengeKind.DNS,)


class ToldSolver(Solver):
    """A solver that says what it does."""

    def __init__(self, solver: Solver, tell: Callable[[str], None]) -> None:
        self._solver, self._tell = solver, tell

    @property
    def kind(self) -> ChallengeKind:
        return self._solver.kind

    def can(self, name: str) -> bool:
        return self._solver.can(name)

    async def present(self, challenge: Challenge) -> None:
        self._tell(f"• {challenge.name}: the answer is put in place ({self.kind})")
        await self._solver.present(challenge)
        self._tell(f"• {challenge.name}: the authority may look")

    async def withdraw(self, challenge: Challenge) -> None:
        await self._solver.withdraw(challenge)

"""Which challenges this installation can answer, and who does it.

Comes in: configuration, the parts of a process.  Goes out: a solver for each kind that is
possible: a listener, or somebody who writes into the DNS, is there.
"""

from collections.abc import Iterable, Mapping

from mailclad.app.acme_command import CommandRecords
from mailclad.app.acme_dns import ZoneUpdates, ask_server
from mailclad.app.acme_hooks import HookRecords
from mailclad.app.settings.acme_dns import AcmeDnsConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.base.clock import Clock
from mailclad.base.https import Https
from mailclad.base.tls_policy import Service
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.engines.dns.servers import parse_server
from mailclad.servers.asked_by_acme import AskedByAcme
from mailclad.servers.tls import ClientTrust
from mailclad.services.certificates.acme.challenge import ChallengeKind, Solver
from mailclad.services.certificates.acme.solvers.checked import CheckedSolver, Tell
from mailclad.services.certificates.acme.solvers.dns import DnsSolver, TxtRecords
from mailclad.services.certificates.acme.solvers.kept import HttpSolver, TlsAlpnSolver
from mailclad.services.certificates.acme.solvers.look_dns import DnsLook
from mailclad.services.certificates.acme.solvers.look_http import HttpLook
from mailclad.services.certificates.acme.solvers.look_tls_alpn import TlsAlpnLook
from mailclad.services.receive.hooks import Hooks
from mailclad.store.challenges import Challenges


def make_solvers(
    listen: tuple[ListenConfig, ...],
    dns: AcmeDnsConfig,
    hooks: Iterable[Hooks],
    *,
    store: Challenges,
    clock: Clock,
    resolver: DnsResolver,
    https: Https,
    trust: ClientTrust,
    tell: Tell,
) -> Mapping[ChallengeKind, Solver]:
    """``tell`` hears why an authority may not see an answer."""
    services = {line.service for line in listen}
    made: dict[ChallengeKind, Solver] = {}
    if Service.HTTP in services:
        http = HttpSolver(store, clock)
        made[http.kind] = CheckedSolver(http, HttpLook(https, resolver), tell)
    if Service.HTTPS in services:
        tls = TlsAlpnSolver(store, clock)
        made[tls.kind] = CheckedSolver(tls, TlsAlpnLook(AskedByAcme(trust), resolver), tell)
    records = _records(dns, hooks)
    if records is not None:
        look = DnsLook(resolver, ask_server, clock, dns.wait_seconds)
        solver = DnsSolver(records, resolver, store, clock)
        made[solver.kind] = CheckedSolver(solver, look, tell)
    return made


def _records(dns: AcmeDnsConfig, hooks: Iterable[Hooks]) -> TxtRecords | None:
    if dns.command:
        return CommandRecords(dns.command)
    if dns.key is not None:
        return ZoneUpdates(parse_server(dns.server), dns.key)
    calls = tuple(hook for each in hooks for hook in each.dns_challenges())
    return HookRecords(calls) if calls else None

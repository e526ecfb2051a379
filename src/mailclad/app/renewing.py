"""Renewal wired: who certifies, who answers challenges, what the DNS says of our names.

Comes in: configuration and the parts of a process, for the duty and for ``mailclad cert``.  Goes
out: a Renewal.  Nothing is asked of anybody here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from mailclad.app.acme_solvers import make_solvers
from mailclad.app.certificate_sources import note_staged
from mailclad.app.config import Config, ConfigProblem
from mailclad.app.domain_facts import has_web
from mailclad.app.duties import Duty
from mailclad.app.parts import Parts
from mailclad.app.settings.acme import AcmeConfig
from mailclad.app.zone_servers import zone_servers
from mailclad.base.clock import Clock
from mailclad.base.https import Https
from mailclad.base.resolver import DnsProblem, Tlsa, ZoneResolver
from mailclad.base.secret import Secret
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.protocols.acme.request import as_address
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.outbound import is_public
from mailclad.servers.tls import ClientTrust
from mailclad.servers.tls_failure import CertificateUnusable
from mailclad.services.certificates.acme.account import Authority, ExternalAccount
from mailclad.services.certificates.acme.authorities import KNOWN, Authorities
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind, Solver
from mailclad.services.certificates.acme.client import AcmeClient
from mailclad.services.certificates.acme.solvers.checked import Tell
from mailclad.services.certificates.chain import KeyKind
from mailclad.services.certificates.here import addresses_of, elsewhere
from mailclad.services.certificates.keys import TlsaSeen
from mailclad.services.certificates.names import (
    NAMES_A_CERTIFICATE,
    NAMES_BY_PROFILE,
    names_in_use,
)
from mailclad.services.certificates.renewal import Renewal, Survey, World
from mailclad.services.receive.hooks import Hooks
from mailclad.store.interface import Store

LOOK_SECONDS = 300
"""How often it is looked whether a certificate is due: a name that was set in the DNS is certified
soon; a look costs questions to the resolver's memory."""

TLSA_SECONDS = 3600
"""How often the zone's name servers are asked which keys they show."""

NO_WAY = (
    "no challenge of acme.challenges can be answered: list a listener for http (port 80) or https "
    "(port 443), or set [acme.dns]"
)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Means:
    """What a process has; ``trust`` are the system's authorities."""

    store: Store
    clock: Clock
    resolver: DnsResolver
    https: Https
    trust: ClientTrust
    hooks: tuple[Hooks, ...] = ()


def renewing_duties(parts: Parts) -> tuple[Duty, ...]:
    """None without [acme]."""
    config = parts.shared.config
    if config.acme is None:
        return ()
    means = Means(
        parts.store, parts.clock, parts.resolver, parts.https, parts.shared.trust, parts.hooks
    )
    renewal = make_renewal(config, config.acme, means, solvers_in_order(config, means, _doubt))
    return (
        Duty("certificates", LOOK_SECONDS, renewal.run),
        Duty("TLSA records", TLSA_SECONDS, renewal.look_at_tlsa),
    )


def solvers_in_order(config: Config, means: Means, tell: Tell) -> tuple[Solver, ...]:
    """Those that are possible, as the administrator prefers them."""
    acme = config.acme or AcmeConfig()
    made = make_solvers(
        config.listen,
        acme.dns,
        means.hooks,
        store=means.store,
        clock=means.clock,
        resolver=means.resolver,
        https=means.https,
        trust=means.trust,
        tell=tell,
    )
    return tuple(made[kind] for kind in acme.challenges if kind in made)


def make_renewal(
    config: Config, acme: AcmeConfig, means: Means, solvers: Sequence[Solver]
) -> Renewal:
    return Renewal(
        means.store,
        make_authorities(acme, means, solvers),
        make_world(config, acme, means, solvers),
        (KeyKind.EC, KeyKind.RSA) if acme.rsa else (KeyKind.EC,),
        means.clock,
        partial(note_staged, config.server.data),
    )


def make_authorities(acme: AcmeConfig, means: Means, solvers: Sequence[Solver]) -> Authorities:
    """In order of fallback.  One that was named by URL may be on a private network."""
    trust = means.trust if acme.trust is None else ClientTrust(acme.trust)
    external = {
        one.authority: ExternalAccount(one.key_id, Secret(one.key_file.read_bytes().strip()))
        for one in acme.eab
    }
    clients = []
    for name in acme.authorities:
        authority = Authority(
            name,
            KNOWN.get(name, name),
            contact=acme.contact,
            external_account=external.get(name),
            profile=acme.profile,
        )
        https = HttpsClient(
            means.resolver, trust, permits=is_public if name in KNOWN else _everywhere
        )
        clients.append(AcmeClient(authority, https, solvers, means.store, means.clock))
    return Authorities(clients, means.clock)


def make_world(
    config: Config, acme: AcmeConfig, means: Means, solvers: Sequence[Solver]
) -> "DnsWorld":
    proofs = tuple(solver.kind for solver in solvers)
    return DnsWorld(config, acme, means.store, means.resolver, proofs)


def check_acme_files(config: Config) -> None:
    """Before the server starts: raises ConfigProblem."""
    if config.acme is not None and config.acme.trust is not None:
        try:
            ClientTrust(config.acme.trust)
        except CertificateUnusable as problem:
            raise ConfigProblem(config.acme.trust, "", None, str(problem)) from None
    for one in config.acme.eab if config.acme else ():
        try:
            one.key_file.read_bytes()
        except OSError as problem:
            text = f"the key for {one.authority} cannot be read: {problem.strerror}"
            raise ConfigProblem(one.key_file, "", None, text) from None


@dataclass(frozen=True, slots=True)
class DnsWorld(World):
    """What the DNS says of our names, and the zone's own servers of our keys."""

    config: Config
    acme: AcmeConfig
    store: Store
    resolver: ZoneResolver
    proofs: tuple[ChallengeKind, ...]

    async def survey(self) -> Survey:
        host = self.config.server.hostname.lower()
        used = names_in_use(
            host, self.acme.names, await self.store.domains(), has_web=has_web(self.config)
        )
        wanted = (*used.where_here, *used.perhaps)
        try:
            found = await elsewhere(self.resolver, host, wanted)
            hindrance = await self._hindrance(host)
        except DnsProblem as problem:
            text = f"{host} could not be looked up: {problem}"
            unsure = dict.fromkeys(wanted, text)
            return Survey(used.always, {}, unsure, text, self._most())
        here = (n for n in wanted if n not in found.left_out and n not in found.unsure)
        missed = {name: why for name, why in found.left_out.items() if name in used.where_here}
        return Survey((*used.always, *here), missed, found.unsure, hindrance, self._most())

    def _most(self) -> int:
        """An address is certified by a profile of its own."""
        by_profile = self.acme.profile or any(map(as_address, self.acme.names))
        return NAMES_BY_PROFILE if by_profile else NAMES_A_CERTIFICATE

    async def _hindrance(self, host: str) -> str:
        if not self.proofs:
            return NO_WAY
        if ChallengeKind.DNS in self.proofs or await addresses_of(self.resolver, host):
            return ""
        return (
            f"{host} has no address in the DNS: the authority could not find this server. Set an "
            "A or AAAA record (mailclad domain dns shows all that are needed)"
        )

    async def tlsa(self) -> TlsaSeen | None:
        """The resolver's answer counts too: it follows names into other zones."""
        host = self.config.server.hostname.lower()
        name = f"_25._tcp.{host}"
        try:
            answer = await self.resolver.tlsa(name)
        except DnsProblem:
            return None
        ttl, shown = answer.ttl, [frozenset(answer.records)]
        for _, _, address in await zone_servers(self.resolver, host):
            records, its_ttl = await _ask(address, name)
            shown.append(records)
            ttl = max(ttl, its_ttl)
        return TlsaSeen(frozenset.union(*shown), frozenset.intersection(*shown), ttl)


async def _ask(address: str, name: str) -> tuple[frozenset[Tlsa], int]:
    """Nothing where it does not answer: then not all show it."""
    resolver = DnsResolver([(address, 53)], validate="never")
    try:
        answer = await resolver.tlsa(name)
    except DnsProblem:
        return frozenset(), 0
    finally:
        await resolver.close()
    return frozenset(answer.records), answer.ttl


def _everywhere(_address: str) -> bool:
    """Whoever names an authority by its URL knows where it is."""
    return True


def _doubt(challenge: Challenge, text: str) -> None:
    _log.warning("an authority may not see our answer", name=challenge.name, reason=text)

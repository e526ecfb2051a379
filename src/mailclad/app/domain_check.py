"""Whom ``mailclad domain check`` asks: resolvers, the zone's own servers, the web, port 25.

Comes in: configuration, facts of a domain, addresses of more resolvers.  Goes out: findings.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from mailclad.app.build import make_resolver
from mailclad.app.config import Config
from mailclad.app.zone_servers import zone_servers
from mailclad.base.resolver import DnsProblem, Tlsa, ZoneResolver
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel, TlsVerdict
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.outbound import Patience, Route, connect, is_public
from mailclad.servers.tls import ClientTrust
from mailclad.services.provision.dns_check import Finding
from mailclad.services.provision.dns_records import DomainFacts
from mailclad.services.provision.dns_survey import Probe, Progress, View, World, survey

PATIENCE = Patience(connect=5, greeting=10, command=10, opening=20)
"""A person waits."""


async def check_domain(
    config: Config, facts: DomainFacts, servers: Sequence[tuple[str, int]], progress: Progress
) -> tuple[Finding, ...]:
    async with _views(config, facts.domain, servers) as views:
        trust = ClientTrust()
        resolver = views[0].resolver
        https = HttpsClient(resolver, trust, permits=is_public)
        probe = PortProbe(resolver, trust, config.server.hostname)
        return await survey(facts, World(views, https, probe), progress)


class PortProbe(Probe):
    """Comes to TLS on port 25 and leaves."""

    def __init__(
        self,
        resolver: ZoneResolver,
        trust: ClientTrust,
        hello_name: str,
        *,
        permits: Callable[[str], bool] = is_public,
        port: int = 25,
    ) -> None:
        self._resolver = resolver
        self._trust = trust
        self._hello_name = hello_name
        self._permits = permits
        self._port = port

    async def verdict(self, host: str, records: tuple[Tlsa, ...]) -> TlsVerdict | None:
        demand = TlsDemand(TlsLevel.ENCRYPT, (host,), records)
        for version in (4, 6):
            try:
                addresses = (await self._resolver.addresses(host, version)).records
            except DnsProblem:
                continue
            for address in addresses[:1]:
                made = await connect(
                    Route(address, self._port),
                    self._hello_name,
                    demand,
                    self._trust,
                    permits=self._permits,
                    patience=PATIENCE,
                )
                await made.close()
                if made.report.verdict is not None:
                    return made.report.verdict
        return None


@asynccontextmanager
async def _views(
    config: Config, domain: str, servers: Sequence[tuple[str, int]]
) -> AsyncIterator[list[View]]:
    """The first one validates, as the server's own does; of the others we want what they say."""
    resolvers = [make_resolver(config)]
    try:
        views = [View("this system's resolver", resolvers[0])]
        for host, port in servers:
            resolvers.append(DnsResolver([(host, port)], validate="never"))
            views.append(View(host, resolvers[-1]))
        for name, zone, address in await zone_servers(resolvers[0], domain):
            resolvers.append(DnsResolver([(address, 53)], validate="never"))
            views.append(View(f"{name} (of the zone)", resolvers[-1], zone))
        yield views
    finally:
        for resolver in resolvers:
            await resolver.close()

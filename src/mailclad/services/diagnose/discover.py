"""Finding out where a domain's mail is read and sent, as mail programs do, all sources at once.

draft-ietf-mailmaint-autoconfig (over HTTPS only), draft-ietf-mailmaint-pacc, RFC 6186, RFC 8314
§5.1, RFC 5321 §5.1 (MX).

Comes in: a target; a resolver and a web client, which it is given.  Goes out: a ``Discovery``;
never raises.  Nothing that is found is believed: it is looked at afterwards.  Nobody is told the
address: the e-mail parameter of autoconfig is left out.  Thunderbird's data base of providers is
someone else's service and is not asked; our own list stands in.
Limits: seconds for each document, redirects, endpoints of each source.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urljoin

from mailclad.base.https import Https, HttpsProblem, Request, Response
from mailclad.base.resolver import ZoneResolver
from mailclad.mail.discovery import pacc
from mailclad.mail.discovery.autoconfig import parse_autoconfig
from mailclad.mail.discovery.settings import MAX_SETTINGS_OCTETS, SettingsProblem
from mailclad.mail.discovery.srv import SERVICES, SrvService, is_refused, read_srv
from mailclad.mail.endpoint import Endpoint
from mailclad.services.diagnose.asking import ask
from mailclad.services.diagnose.discovery import (
    Discovery,
    Source,
    SourceSeen,
    has_reading_and_sending,
    usual_endpoints,
)
from mailclad.services.diagnose.providers import Provider, provider_of
from mailclad.services.diagnose.target import Target

FETCH_SECONDS = 4.0
"""For one document with all its redirects; a web server that needs longer is down for programs."""

MAX_REDIRECTS = 3
"""From one's own name to a provider's, and once more for a slash."""

COMMON_LABELS = ("mail", "imap", "smtp", "pop")
"""What people try first where nothing is published."""


class Discoverer:
    """One look around; ``resolver`` and ``https`` reach whatever a domain's owner says."""

    def __init__(self, resolver: ZoneResolver, https: Https) -> None:
        self._resolver = resolver
        self._https = https

    async def discover(self, target: Target) -> Discovery:
        if not target.domain:
            return _of_host(target)
        domain = target.domain
        mx, addresses, seen = await asyncio.gather(
            ask(domain, self._resolver.mx(domain)),
            self._addresses(domain),
            self._published(domain),
        )
        if target.host and not mx.records and not any(_says(one) for one in seen):
            return _of_host(target)  # a bare name that gets no mail
        found = Discovery(target, domain, mx, bool(addresses), tuple(seen))
        if found.is_unanswered:
            return found
        provider = provider_of(domain, found.exchanges)
        others = await self._fallbacks(found, provider)
        return replace(found, sources=(*seen, *others), provider=provider)

    async def _published(self, domain: str) -> list[SourceSeen]:
        sources = await asyncio.gather(
            self._autoconfig(domain),
            self._pacc(domain),
            *(self._srv(service, domain) for service in SERVICES),
        )
        return [one for one in sources if one is not None]

    async def _fallbacks(
        self, found: Discovery, provider: Provider | None
    ) -> Sequence[SourceSeen]:
        """Where what is published does not suffice: our list, the MX's settings, usual names."""
        if has_reading_and_sending(found.places) or found.takes_no_mail:
            return ()
        if provider is not None:
            return (SourceSeen(Source.PROVIDER, provider.name, provider.endpoints),)
        if found.exchanges:
            theirs = await self._autoconfig_of_exchange(found.domain, found.exchanges[0])
            if theirs is not None:
                return (theirs,)
        return await self._usual_names(found)

    async def _autoconfig(self, domain: str) -> SourceSeen:
        places = (
            (f"autoconfig.{domain}", f"https://autoconfig.{domain}/mail/config-v1.1.xml"),
            (domain, f"https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml"),
        )
        tried = await asyncio.gather(
            *(
                self._document(Source.AUTOCONFIG, place, url, domain, parse_autoconfig)
                for place, url in places
            )
        )
        return next((one for one in tried if one.endpoints), tried[0])

    async def _autoconfig_of_exchange(self, domain: str, exchange: str) -> SourceSeen | None:
        """What the provider behind the MX publishes for its customers (the draft's 3.1)."""
        parent = exchange.partition(".")[2]
        if "." not in parent or parent == domain:
            return None
        theirs = await self._autoconfig(parent)
        return theirs if theirs.endpoints else None

    async def _pacc(self, domain: str) -> SourceSeen:
        digests = asyncio.ensure_future(ask(domain, self._resolver.txt(pacc.record_name(domain))))
        bodies: list[bytes] = []

        def parse(octets: bytes, _: str) -> tuple[Endpoint, ...]:
            bodies.append(octets)
            return pacc.parse_pacc(octets)

        host, url = pacc.host_name(domain), pacc.url(domain)
        seen = await self._document(Source.PACC, host, url, domain, parse)
        records = (await digests).records
        if bodies and pacc.has_digest(bodies[0], records) is not True:
            why = "does not agree with the document" if records else "is missing"
            return SourceSeen(
                seen.source, host, seen.endpoints, seen.problem, doubt=f"the digest {why}"
            )
        return seen

    async def _document(
        self,
        source: Source,
        place: str,
        url: str,
        domain: str,
        parse: Callable[[bytes, str], tuple[Endpoint, ...]],
    ) -> SourceSeen:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                response = await self._get(url)
            if response.status != 200:
                return SourceSeen(source, place, problem=f"answers with status {response.status}")
            endpoints = parse(response.body, domain)
        except TimeoutError:
            return SourceSeen(source, place, problem=f"no answer in {FETCH_SECONDS:g} seconds")
        except (HttpsProblem, SettingsProblem) as problem:
            return SourceSeen(source, place, problem=str(problem))
        return SourceSeen(source, place, endpoints, "" if endpoints else "names no server")

    async def _get(self, url: str) -> Response:
        """Follows redirects, to HTTPS only."""
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._https.fetch(
                Request(url, octets=MAX_SETTINGS_OCTETS, seconds=FETCH_SECONDS)
            )
            location = response.headers.get("location", "")
            if response.status not in {301, 302, 303, 307, 308} or not location:
                return response
            url = urljoin(url, location)
        raise HttpsProblem(f"more than {MAX_REDIRECTS} redirects")

    async def _srv(self, service: SrvService, domain: str) -> SourceSeen | None:
        name = service.name(domain)
        asked = await ask(name, self._resolver.srv(name))
        if is_refused(asked.records):
            return SourceSeen(Source.SRV, name, refused=((service.protocol, service.tls),))
        endpoints = read_srv(service, asked.records)
        return SourceSeen(Source.SRV, name, endpoints) if endpoints else None

    async def _usual_names(self, found: Discovery) -> Sequence[SourceSeen]:
        """The MX hosts, then common names, each machine once."""
        domain = found.domain
        names = [(Source.MX, host) for host in found.exchanges]
        names += [(Source.COMMON, f"{label}.{domain}") for label in COMMON_LABELS]
        names.append((Source.COMMON, domain))
        machines = await asyncio.gather(*(self._addresses(host) for _, host in names))
        known: set[str] = set()
        seen = []
        for (source, host), addresses in zip(names, machines, strict=True):
            if addresses - known:
                known |= addresses
                usual = usual_endpoints(host, of_programs=True)
                seen.append(SourceSeen(source, host, usual))
        return seen

    async def _addresses(self, host: str) -> frozenset[str]:
        both = await asyncio.gather(
            *(ask(host, self._resolver.addresses(host, version)) for version in (4, 6))
        )
        return frozenset(address for one in both for address in one.records)


def _says(seen: SourceSeen) -> bool:
    return bool(seen.endpoints or seen.refused)


def _of_host(target: Target) -> Discovery:
    asked = target.expected
    endpoints = usual_endpoints(target.host) if asked is None else (asked,)
    return Discovery(target, sources=(SourceSeen(Source.TYPED, target.host, endpoints),))

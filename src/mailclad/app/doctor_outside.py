"""One's own server as others see it: by its domains' DNS, at its public addresses.

Comes in: configuration, store, whom to ask.  Goes out: findings of the same rules as of anybody's
server.  What a machine cannot see of itself, because a router stands between it and its own
public address, is told as that and not as a fault.
Limits: domains looked at, seconds for each.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain

from mailclad.app.check import Asking, world
from mailclad.app.config import Config
from mailclad.app.doctor_caa import look_at_caa
from mailclad.app.doctor_wire import has_address
from mailclad.app.domain_check import check_domain
from mailclad.base.resolver import DnsProblem, Resolver
from mailclad.mail.endpoint import Endpoint
from mailclad.services.diagnose.check import check
from mailclad.services.diagnose.doctor_records import found_of_records
from mailclad.services.diagnose.doctor_rules import without_doubles
from mailclad.services.diagnose.evidence import Answers, Evidence
from mailclad.services.diagnose.facts import HostSeen
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.judge import judge
from mailclad.services.diagnose.target import Target
from mailclad.services.diagnose.witness import Witnessed
from mailclad.services.diagnose.world import Prober, Progress, World
from mailclad.services.provision.dns_records import DomainFacts
from mailclad.store.interface import Store

MOST_DOMAINS = 8
"""That are looked at; for more of them: mailclad check."""

DOMAIN_SECONDS = 22.0
"""For one domain, all beside each other; less where the ports from inside took their time."""

PORT_25_SECONDS = 5.0
LARGE_PROVIDERS = (
    "gmail-smtp-in.l.google.com",
    "mx01.mail.icloud.com",
    "outlook-com.olc.protection.outlook.com",
)
"""Asked only where an administrator says so; they take mail from everybody on port 25."""

_NO_CONNECTION = frozenset({"CONN-102", "CONN-103", "CONN-105", "CONN-107"})
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
"""Names that mean something on one computer or network only (RFC 6761 and its like)."""


def why_not(config: Config) -> str:
    """Why nothing of this server can be seen from outside, or ""."""
    host = config.server.hostname.lower()
    if "." not in host or host.endswith(_PRIVATE_NAMES):
        return f"{host} is a name for this computer or network only"
    return ""


@dataclass(frozen=True, slots=True)
class Domains:
    """Facts of those whose records are compared; ``left_out`` are too many.  ``certified`` are
    names of the certificates that are renewed; the ``store`` knows our accounts for that."""

    facts: tuple[DomainFacts, ...] = ()
    left_out: int = 0
    certified: tuple[str, ...] = ()
    seconds: float = DOMAIN_SECONDS
    store: Store | None = None


async def look_from_outside(
    config: Config, domains: Domains, asking: Asking, progress: Progress
) -> tuple[Found, ...]:
    async with _shared_world(asking) as (asked, witnessed):
        host = config.server.hostname.lower()
        targets = [Target(one.domain, domain=one.domain) for one in domains.facts]
        targets = targets or [Target(host, host=host)]
        checked, records, caa = await asyncio.gather(
            asyncio.gather(
                *(_check(target, asked, progress, domains.seconds) for target in targets)
            ),
            asyncio.gather(
                *(_records(config, facts, asking, domains.seconds) for facts in domains.facts)
            ),
            _caa(config, domains, asked, witnessed),
        )
        found = list(without_doubles(list(chain(*checked)), chain(*records)))
        found += caa
        clocks = tuple(witnessed.clocks.values())
        now = datetime.fromtimestamp(asked.clock.now(), UTC)
        found += judge(Evidence((), now, clocks=clocks), Answers(), asked.verifiers)
    if domains.left_out:
        found.append(_unseen(f"{domains.left_out} more domains were not looked at."))
    return tuple(through_the_router(found, host))


@asynccontextmanager
async def _shared_world(asking: Asking) -> AsyncIterator[tuple[World, Witnessed]]:
    async with world(asking) as asked:
        witnessed = Witnessed(asked.https, asked.clock)
        yield replace(asked, https=witnessed, prober=_Once(asked.prober)), witnessed


class _Once(Prober):
    """Several domains lead to the same server: it is looked at once."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._looks: dict[tuple[str, frozenset[Endpoint]], asyncio.Task[HostSeen]] = {}

    async def look_at(
        self, host: str, domain: str, endpoints: Sequence[Endpoint], progress: Progress
    ) -> HostSeen:
        key = (host, frozenset(endpoints))
        if key not in self._looks:
            look = self._prober.look_at(host, domain, endpoints, progress)
            self._looks[key] = asyncio.ensure_future(look)
        return await asyncio.shield(self._looks[key])


async def _check(
    target: Target, asked: World, progress: Progress, seconds: float
) -> Sequence[Found]:
    try:
        async with asyncio.timeout(seconds):
            checked = await check(target, asked, progress)
    except TimeoutError:
        return [late(target.text, seconds)]
    return [told.found for told in checked.report.findings]


async def _records(
    config: Config, facts: DomainFacts, asking: Asking, seconds: float
) -> Sequence[Found]:
    """What only we know should be there: our own keys, our own name."""
    try:
        async with asyncio.timeout(seconds):
            findings = await check_domain(config, facts, asking.servers, lambda *_: None)
    except TimeoutError:
        return [late(f"the DNS of {facts.domain}", seconds)]
    return list(found_of_records(facts.domain, findings))


async def _caa(
    config: Config, domains: Domains, asked: World, https: Witnessed
) -> Sequence[Found]:
    try:
        async with asyncio.timeout(domains.seconds):
            names, store = domains.certified, domains.store
            return await look_at_caa(config, store, names, asked.resolver, https)
    except TimeoutError:
        return [late("the certificate authorities", domains.seconds)]


def through_the_router(found: Iterable[Found], host: str) -> Iterator[Found]:
    """Our own public address, when it is not this machine's, may be closed from inside only."""
    unseen: dict[str, None] = {}
    for one in found:
        ours = one.host == host and one.id in _NO_CONNECTION and one.address
        if ours and not has_address(one.address):
            unseen[one.address] = None
        else:
            yield one
    if unseen:
        addresses = " and ".join(unseen)
        yield _unseen(f"{host} has the address {addresses}, which does not answer from inside.")


def late(what: str, seconds: float) -> Found:
    return _unseen(f"Not all was known of {what} within {seconds:.0f} seconds.")


def _unseen(what: str) -> Found:
    return Found("HOST-810", "doctor", values={"what": what})


async def way_out(resolver: Resolver) -> Sequence[Found]:
    """Whether port 25 of others can be reached (CONN-106)."""
    opened = await asyncio.gather(*(_opens(resolver, host) for host in LARGE_PROVIDERS))
    answers: Mapping[str, bool | None] = dict(zip(LARGE_PROVIDERS, opened, strict=True))
    tried = [host for host, answer in answers.items() if answer is False]
    if any(answers.values()):
        return []
    if not tried:
        return [_unseen("No large mail provider could be found in the DNS.")]
    return [Found("CONN-106", "C43", values={"tried": ", ".join(tried)})]


async def _opens(resolver: Resolver, host: str) -> bool | None:
    """None where there is no address to try."""
    try:
        addresses = (await resolver.addresses(host, 4)).records
    except DnsProblem:
        return None
    if not addresses:
        return None
    try:
        async with asyncio.timeout(PORT_25_SECONDS):
            _, writer = await asyncio.open_connection(addresses[0], 25)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True

"""Looking at a mail server: all addresses, all ports, the handshakes that are worth it.

RFC 8314 §3, RFC 6186, RFC 5321 §5.1 (a host's addresses may be different machines).

Comes in: a host's name or address and the endpoints to look at.  Goes out: a ``HostSeen``.
Nothing that the host does raises; it never signs in.  Politeness: one connection at a time to a
port, up to ``AT_A_TIME`` ports of an address at once (they are different programs, and looking one
by one at a host that drops everything takes a minute), ``CONNECTIONS`` in all.  Who refuses us,
bans us or does not answer any more is left alone.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mailclad.base.resolver import Answer, DnsProblem, Resolver
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint
from mailclad.servers.probe_plan import ROUNDS, Further, known, wanted
from mailclad.servers.probe_visit import Approach, Patience, visit
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.diagnose.facts import HostSeen, PortSeen, Reach, Spoken, Way
from mailclad.services.diagnose.spoken import turns_away

CONNECTIONS = 40
"""To one host, in all."""

AT_A_TIME = 5
"""Ports of one address: nine that drop every packet take two times 4 seconds."""

ADDRESSES = 4
"""Of one host: two of each family."""

FURTHER_SECONDS = 12.0
"""After that no further handshake begins: people wait for the answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: a visit was made; ``total`` grows while more turns out to be worth a look."""

    done: int
    total: int
    endpoint: Endpoint
    address: str


@dataclass(frozen=True, slots=True)
class Prober:
    """What looking at hosts shares."""

    resolver: Resolver
    trust: ProbeTrust
    patience: Patience = field(default_factory=Patience)

    async def look_at(
        self,
        host: str,
        endpoints: Sequence[Endpoint],
        *,
        domain: str = "",
        on_step: Callable[[Step], None] = lambda _: None,
    ) -> HostSeen:
        """``domain``: the mail domain, tried as server name; endpoints are the host's."""
        seen = await self._find(host)
        if not seen.addresses:
            return seen
        look = _Look(self, host, domain, on_step)
        ports = await look.at(endpoints, seen.addresses)
        return replace(seen, ports=ports)

    async def _find(self, host: str) -> HostSeen:
        try:
            return HostSeen(host, (str(ipaddress.ip_address(host)),))
        except ValueError:
            pass
        answers = await asyncio.gather(
            self.resolver.addresses(host, 6),
            self.resolver.addresses(host, 4),
            return_exceptions=True,
        )
        return _host_seen(host, answers)


def _host_seen(host: str, answers: Sequence[Answer[str] | BaseException]) -> HostSeen:
    """Addresses of both families, one problem only where there is neither."""
    found: list[str] = []
    aliases: list[str] = []
    problem, exists = "", False
    for answer in answers:
        if isinstance(answer, DnsProblem):
            problem, exists = str(answer), True
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += answer.records[: ADDRESSES // 2]
            exists = exists or answer.exists
            if answer.name != host.lower().removesuffix("."):
                aliases.append(answer.name)
    return HostSeen(
        host,
        tuple(found),
        tuple(dict.fromkeys(aliases)),
        "" if found else problem,
        exists,
    )


class _Look:
    """One look at one host."""

    def __init__(
        self, prober: Prober, host: str, domain: str, on_step: Callable[[Step], None]
    ) -> None:
        self._prober = prober
        self._host = host
        self._domain = domain
        self._on_step = on_step
        self._left = CONNECTIONS
        self._done = self._total = 0
        self._doors: dict[str, asyncio.Semaphore] = {}
        self._closed: set[str] = set()
        self._until = asyncio.get_running_loop().time() + FURTHER_SECONDS

    async def at(
        self, endpoints: Sequence[Endpoint], addresses: Sequence[str]
    ) -> tuple[PortSeen, ...]:
        self._doors = {address: asyncio.Semaphore(AT_A_TIME) for address in addresses}
        places = [(endpoint, address) for address in addresses for endpoint in endpoints]
        places = places[: self._left]
        self._total = len(places)
        ports = list(await asyncio.gather(*(self._contact(*place) for place in places)))
        for further in ROUNDS:
            ports = await self._further(further, ports)
        return tuple(ports)

    async def _contact(self, endpoint: Endpoint, address: str) -> PortSeen:
        """As a modern program; where that gets no TLS, as one that takes anything."""
        approach = self._approach(Way.MODERN)
        port = await self._visit(endpoint, address, approach)
        if _greets_late(port) and self._may_go_on(address):
            self._total += 1
            port = await self._visit(endpoint, address, replace(approach, late=True))
        if _is_worth_more(port) and self._may_go_on(address):
            self._total += 1
            again = await self._visit(
                endpoint, address, replace(self._approach(Way.OPEN), listens_first=True)
            )
            port = _joined(port, again)
        if turns_away(port.greeting):
            self._closed.add(address)
        return self._known(port)

    async def _further(self, further: Further, ports: list[PortSeen]) -> list[PortSeen]:
        """Visit one port of each service once more."""
        places = [
            place
            for place in wanted(further, ports, self._domain)
            if self._may_go_on(ports[place].address)
        ][: self._left]
        self._total += len(places)
        visits = (self._once_more(further, ports[place]) for place in places)
        seen = dict(zip(places, await asyncio.gather(*visits), strict=True))
        return [seen.get(place, port) for place, port in enumerate(ports)]

    async def _once_more(self, further: Further, port: PortSeen) -> PortSeen:
        approach = replace(self._approach(further.way), injects=further.injects)
        again = await self._visit(port.endpoint, port.address, approach)
        if again.reach is not Reach.OPEN or (
            turns_away(again.greeting) and not turns_away(port.greeting)
        ):
            self._closed.add(port.address)
            return port
        if further.injects:
            return replace(port, obeys_injected=again.obeys_injected)
        return self._known(replace(port, handshakes=port.handshakes + again.handshakes))

    async def _visit(self, endpoint: Endpoint, address: str, approach: Approach) -> PortSeen:
        self._left -= 1
        async with self._doors[address]:
            prober = self._prober
            port = await visit(endpoint, address, approach, prober.trust, prober.patience)
        self._done += 1
        self._on_step(Step(self._done, self._total, endpoint, address))
        return port

    def _approach(self, way: Way) -> Approach:
        name = self._domain if way is Way.DOMAIN else self._host
        return Approach(way, name)

    def _may_go_on(self, address: str) -> bool:
        now = asyncio.get_running_loop().time()
        return self._left > 0 and address not in self._closed and now < self._until

    def _known(self, port: PortSeen) -> PortSeen:
        return known(port, self._prober.trust.verify_strictly)


def _is_worth_more(port: PortSeen) -> bool:
    """Whether TLS failed, and not for silence or for words in its place."""
    return any(not one.done and not one.silent and not one.first_octets for one in port.handshakes)


def _greets_late(port: PortSeen) -> bool:
    """Whether words came where we had given them up and tried TLS."""
    tried = any(one.first_octets for one in port.handshakes)
    return tried and port.endpoint.tls is TlsMode.STARTTLS and port.spoken not in _NO_WORDS


_NO_WORDS = frozenset({Spoken.NOTHING, Spoken.TLS, Spoken.OTHER})


def _joined(port: PortSeen, again: PortSeen) -> PortSeen:
    """What two visits saw of a port; the second has heard what the first could not."""
    return replace(
        port,
        reach=again.reach if again.reach is Reach.RESET else port.reach,
        detail=port.detail or again.detail,
        greeting=port.greeting or again.greeting,
        spoken=port.spoken if port.greeting else again.spoken,
        offers_tls=again.offers_tls,
        handshakes=port.handshakes + again.handshakes,
    )

"""Looking at a mail server: all addresses, all ports, the handshakes that are worth it.

RFC 8314 §3, RFC 6186, RFC 5321 §5.1 (a host's addresses may be different machines).

Comes in: a host's name or address and the endpoints to look at.  Goes out: a ``HostSeen``.
Nothing that the host does raises; it never signs in.  Politeness: one connection at a time to a
port, up to ``AT_A_TIME`` ports of an address at once (they are different programs, and looking one
by one at a host that drops everything takes a minute), ``CONNECTIONS`` in all, however many names
lead there.  Who refuses us,
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
"""To one host, in all, and to one machine, whatever its names."""

KEPT_BACK = 6
"""Of a machine's connections, for names that may turn out to be the right ones."""

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


@dataclass(slots=True)
class _Machine:
    """An address, by whatever names: what it has had of us."""

    door: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    left: int = CONNECTIONS
    is_closed: bool = False
    """It turns us away, or answers no more."""


@dataclass(frozen=True, slots=True)
class Prober:
    """What looking at hosts shares: many names may lead to one machine."""

    resolver: Resolver
    trust: ProbeTrust
    patience: Patience = field(default_factory=Patience)
    machines: dict[str, "_Machine"] = field(default_factory=dict)

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
    problem, exists, unanswered = "", False, False
    for answer in answers:
        if isinstance(answer, DnsProblem):
            problem, exists, unanswered = str(answer), True, True
        elif isinstance(answer, BaseException):
            raise answer
        else:
            servers = [address for address in answer.records if is_a_place(address)]
            found += servers[: ADDRESSES // 2]
            if not servers and answer.records:
                problem = f"its address {answer.records[0]} is nobody's on the network"
            exists = exists or answer.exists
            if answer.name != host.lower().removesuffix("."):
                aliases.append(answer.name)
    return HostSeen(
        host,
        tuple(found),
        tuple(dict.fromkeys(aliases)),
        "" if found else problem,
        exists,
        unanswered=unanswered and not found,
    )


def is_a_place(address: str) -> bool:
    """Whether a server may be there, on the open Internet or in a private network.

    Names of strangers may lead to this machine's own neighbours: link-local addresses (where
    clouds keep their keys), and those that mean "all" or "any", are not connected to.
    """
    ip = ipaddress.ip_address(address)
    ip = (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
    return not (ip.is_link_local or ip.is_multicast or ip.is_unspecified)


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
        self._until = asyncio.get_running_loop().time() + FURTHER_SECONDS

    async def at(
        self, endpoints: Sequence[Endpoint], addresses: Sequence[str]
    ) -> tuple[PortSeen, ...]:
        places = [
            (endpoint, address)
            for address in addresses
            for endpoint in endpoints
            if self._takes_one(address)
        ]
        self._total = len(places)
        ports = list(await asyncio.gather(*(self._contact(*place) for place in places)))
        for further in ROUNDS:
            ports = await self._further(further, ports)
        return tuple(ports)

    async def _contact(self, endpoint: Endpoint, address: str) -> PortSeen:
        """As a modern program; where that gets no TLS, as one that takes anything."""
        approach = self._approach(Way.MODERN)
        port = await self._visit(endpoint, address, approach)
        if _greets_late(port) and self._takes_another(address):
            self._total += 1
            port = await self._visit(endpoint, address, replace(approach, late=True))
        if _is_worth_more(port) and self._takes_another(address):
            self._total += 1
            again = await self._visit(
                endpoint, address, replace(self._approach(Way.OPEN), listens_first=True)
            )
            port = _joined(port, again)
        if turns_away(port.greeting):
            self._machine(address).is_closed = True
        return self._known(port)

    async def _further(self, further: Further, ports: list[PortSeen]) -> list[PortSeen]:
        """Visit one port of each service once more."""
        places = [
            place
            for place in wanted(further, ports, self._domain)
            if self._takes_another(ports[place].address)
        ]
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
            self._machine(port.address).is_closed = True
            return port
        if further.injects:
            return replace(port, obeys_injected=again.obeys_injected)
        return self._known(replace(port, handshakes=port.handshakes + again.handshakes))

    async def _visit(self, endpoint: Endpoint, address: str, approach: Approach) -> PortSeen:
        """One that was taken."""
        machine, prober = self._machine(address), self._prober
        async with machine.door:
            port = await visit(endpoint, address, approach, prober.trust, prober.patience)
        if port.reach is Reach.UNREACHABLE:  # nobody was troubled
            self._left += 1
            machine.left += 1
        self._done += 1
        self._on_step(Step(self._done, self._total, endpoint, address))
        return port

    def _approach(self, way: Way) -> Approach:
        name = self._domain if way is Way.DOMAIN else self._host
        return Approach(way, name)

    def _takes_one(self, address: str, *, kept_back: int = 0) -> bool:
        """Whether there is a connection left for it; then it is taken."""
        machine = self._machine(address)
        if self._left <= 0 or machine.left <= kept_back:
            return False
        self._left -= 1
        machine.left -= 1
        return True

    def _takes_another(self, address: str) -> bool:
        now = asyncio.get_running_loop().time()
        if self._machine(address).is_closed or now >= self._until:
            return False
        return self._takes_one(address, kept_back=KEPT_BACK)

    def _machine(self, address: str) -> _Machine:
        return self._prober.machines.setdefault(address, _Machine())

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

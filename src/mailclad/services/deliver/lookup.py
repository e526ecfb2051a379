"""What DNS and the web are asked on the way to a domain (RFC 5321 §5.1, RFC 7672 §2.2, RFC 8461).

Comes in: a destination of the queue.  Goes out: its hosts in order, their addresses, and what is
published about them; or a ``Verdict``.  Nothing is remembered here: the resolver and the
source of policies do that.  Limits: ``ADDRESSES_OF_A_HOST``, ``HOSTS``.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from mailclad.base.resolver import Answer, DnsProblem, ZoneResolver
from mailclad.protocols.smtp.client.outcome import Verdict
from mailclad.services.deliver.demand import NOTHING, Published
from mailclad.services.deliver.host import (
    Host,
    alternate,
    by_literal,
    by_mx,
    by_relay,
    deferred,
    refused,
)
from mailclad.services.deliver.route import Route
from mailclad.services.deliver.sts import StsSource

ADDRESSES_OF_A_HOST = 4
"""Tried in one attempt: two of each family; what is down should not take all the time."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """``secure``: DNSSEC vouches for all of them; ``name`` is where they stand, behind CNAMEs."""

    addresses: tuple[str, ...]
    name: str
    secure: bool


class Lookup:
    """``ourselves`` are our names and addresses: mail does not go round in a circle."""

    def __init__(
        self,
        resolver: ZoneResolver,
        sts: StsSource,
        ourselves: Collection[str],
        chance: Callable[[], float],
    ) -> None:
        self._resolver = resolver
        self._sts = sts
        self._ourselves = frozenset(ourselves)
        self._chance = chance

    async def hosts(self, destination: str, route: Route) -> tuple[Host, ...] | Verdict:
        if route.relay is not None:
            return by_relay(route.relay, destination)
        if destination.startswith("["):
            return by_literal(destination)
        try:
            answer = await self._resolver.mx(destination)
        except DnsProblem as problem:
            return deferred(
                "4.4.3", f"the domain's mail servers could not be found out: {problem}"
            )
        return by_mx(destination, answer, self._ourselves, self._chance)

    async def addresses(self, host: Host) -> Addresses | Verdict:
        if host.is_address:
            return Addresses((host.name,), host.name, secure=False)
        four, six = await asyncio.gather(self._ask(host, 4), self._ask(host, 6))
        found = [one for one in (six, four) if isinstance(one, Answer) and one.records]
        problem = next((one for one in (six, four) if isinstance(one, DnsProblem)), None)
        if not found and problem is not None:
            return deferred(
                "4.4.3", f"the address of {host.name} could not be found out: {problem}"
            )
        usable = [[a for a in one.records if a not in self._ourselves] for one in found]
        if not any(usable):
            return _nowhere(host, found)
        mixed = alternate(usable[0], usable[1] if len(usable) > 1 else (), ADDRESSES_OF_A_HOST)
        return Addresses(mixed, found[0].name, secure=all(one.secure for one in found))

    async def published(
        self, host: Host, addresses: Addresses, *, last: bool = False
    ) -> Published:
        """DANE and MTA-STS; the administrator's own servers have neither.

        MTA-STS also where the MX record has an IP address, as only a forged or wrong one has.
        ``last``: by what is found mail may fail for good.
        """
        if host.named:
            return NOTHING
        sts = await self._sts.find(host.domains[0], last=last)
        base = host.name
        try:
            for base in await self._tlsa_bases(host, addresses):
                answer = await self._resolver.tlsa(f"_{host.port}._tcp.{base}")
                if answer.secure and answer.records:
                    return Published(base, answer.records, sts=sts)
        except DnsProblem as problem:
            return Published(base, dane_problem=str(problem), sts=sts)
        return Published(sts=sts)

    async def _tlsa_bases(self, host: Host, addresses: Addresses) -> tuple[str, ...]:
        """RFC 7672 §2.2.2: the name behind CNAMEs first; alone the one that is an alias, where
        that is signed and what it leads to is not."""
        if not host.secure:
            return ()
        if addresses.secure:
            return tuple(dict.fromkeys((addresses.name, host.name)))
        if addresses.name == host.name:
            return ()
        alias = await self._resolver.cname(host.name)
        return (host.name,) if alias.secure and alias.records else ()

    async def _ask(self, host: Host, version: int) -> Answer[str] | DnsProblem:
        try:
            return await self._resolver.addresses(host.name, version)
        except DnsProblem as problem:
            return problem


def _nowhere(host: Host, found: list[Answer[str]]) -> Verdict:
    if found:
        return refused("5.4.6", f"{host.name} is this server, which does not take the mail")
    if host.name in host.domains:
        return refused("5.1.2", "the domain has no mail server and no address")
    return refused("5.4.4", f"the domain's mail server {host.name} has no address")

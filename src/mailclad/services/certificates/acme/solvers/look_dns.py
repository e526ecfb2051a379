"""Waits until every name server of the zone says what was written for dns-01.

RFC 8555 §8.4: the authority may ask any of them.  Comes in: a challenge whose record was written.
Goes out: "", or which servers do not say it in time.  Limits: seconds, name servers, addresses.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from mailclad.base.clock import Clock
from mailclad.base.resolver import AnewResolver, DnsProblem, ZoneResolver
from mailclad.services.certificates.acme.challenge import Challenge
from mailclad.services.certificates.acme.solvers.dns import record_name, record_value
from mailclad.services.provision.dns_view import find_zone

WAIT_SECONDS = 120
"""A primary tells its secondaries in seconds, providers take up to two minutes."""

PAUSE_SECONDS = 2.0
"""Between two rounds of questions."""

MAX_SERVERS = 13
"""Of one zone; a delegation with more does not fit into 512 octets."""

MAX_ADDRESSES = 2
"""Of one name server: one of each family."""

Ask = Callable[[str, str], Awaitable[Sequence[bytes]]]
"""TXT records that the server at this IP address has for a name; raises DnsProblem."""


class LookResolver(ZoneResolver, AnewResolver, Protocol):
    """What is needed to find a zone's servers."""


class DnsLook:
    """``wait_seconds`` is how long servers have to come to know the record."""

    def __init__(
        self,
        resolver: LookResolver,
        ask: Ask,
        clock: Clock,
        wait_seconds: float = WAIT_SECONDS,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._resolver = resolver
        self._ask = ask
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._pause = pause

    async def __call__(self, challenge: Challenge) -> str:
        try:
            name = await record_name(self._resolver, challenge.name)
            zone, servers = await find_zone(self._resolver, name)
        except DnsProblem as problem:
            return f"The name servers of {challenge.name} could not be found: {problem}"
        addresses = await self._addresses(servers[:MAX_SERVERS])
        value = record_value(challenge.key_authorization).encode()
        until = self._clock.monotonic() + self._wait_seconds
        while True:
            silent, without = await self._round(addresses, name, value)
            if not without and len(silent) < len(addresses):
                return ""
            if not addresses or self._clock.monotonic() >= until:
                return self._doubt(name, zone, silent, without)
            await self._pause(PAUSE_SECONDS)

    async def _addresses(self, servers: Iterable[str]) -> dict[str, str]:
        """Address → name of the server."""
        found: dict[str, str] = {}
        for server in servers:
            for version in (4, 6):
                with suppress(DnsProblem):
                    records = (await self._resolver.addresses(server, version)).records
                    found |= dict.fromkeys(records[: MAX_ADDRESSES // 2], server)
        return found

    async def _round(
        self, addresses: dict[str, str], name: str, value: bytes
    ) -> tuple[list[str], list[str]]:
        """Servers that say nothing to us, and those that do not say the value."""
        answers = await asyncio.gather(
            *(self._ask(address, name) for address in addresses), return_exceptions=True
        )
        silent, without = [], []
        for (address, server), answer in zip(addresses.items(), answers, strict=True):
            if isinstance(answer, DnsProblem):
                silent.append(f"{server} ({address})")
            elif isinstance(answer, BaseException):
                raise answer
            elif value not in answer:
                without.append(f"{server} ({address})")
        return silent, without

    def _doubt(self, name: str, zone: str, silent: list[str], without: list[str]) -> str:
        if without:
            return (
                f"After {self._wait_seconds:g} seconds these name servers of {zone} still do not "
                f"have the new TXT record of {name}: {', '.join(without)}. Do they follow the "
                "server that was changed? Give them more time with acme.dns.wait_seconds."
            )
        told = ", ".join(silent) or "none has an address"
        return f"No name server of {zone or name} could be asked about {name}: {told}."

"""TXT records of dns-01 by signed updates of the zone (RFC 2136), and asked of its servers.

Comes in: the zone's primary server, the file of a TSIG key, read anew each time.  Goes out:
records, or ``SolverProblem``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailclad.base.resolver import DnsProblem
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.engines.dns.update import Edit, UpdateRefused, parse_key, send_update
from mailclad.services.certificates.acme.challenge import SolverProblem
from mailclad.services.provision.dns_view import find_zone
from mailclad.services.provision.zone_text import written

TTL = 60
"""Nobody but an authority asks for it, once."""


@dataclass(frozen=True, slots=True)
class ZoneUpdates:
    """Writes by updates of whichever zone of that server a name is in."""

    server: tuple[str, int]
    key: Path

    async def present(self, name: str, value: str) -> None:
        await self._send(name, value, TTL)

    async def withdraw(self, name: str, value: str) -> None:
        await self._send(name, value, None)

    async def _send(self, name: str, value: str, ttl: int | None) -> None:
        edit = Edit(name, "TXT", written("TXT", value), ttl)
        try:
            key = parse_key(self.key.read_text(encoding="utf-8", errors="replace"))
            zone = await self._zone(name)
            await asyncio.to_thread(send_update, self.server, key, zone, [edit])
        except OSError as problem:
            text = f"The key file {self.key} cannot be read: {problem.strerror}"
            raise SolverProblem(text) from problem
        except (UpdateRefused, DnsProblem) as problem:
            raise SolverProblem(f"{name} could not be changed: {problem}") from problem

    async def _zone(self, name: str) -> str:
        resolver = DnsResolver([self.server], validate="never")
        try:
            zone, _ = await find_zone(resolver, name)
        finally:
            await resolver.close()
        if not zone:
            raise UpdateRefused(f"the server {self.server[0]} knows no zone that it is in.")
        return zone


async def ask_server(address: str, name: str, port: int = 53) -> Sequence[bytes]:
    """What a name server itself says, whatever is remembered elsewhere; raises DnsProblem."""
    resolver = DnsResolver([(address, port)], validate="never")
    try:
        return (await resolver.txt(name)).records
    finally:
        await resolver.close()

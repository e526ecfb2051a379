"""Second opinions on this computer's clock and network, from answers of web servers.

RFC 9110 §6.6.1 (Date), RFC 6585 §6 (511, Network Authentication Required).
Comes in: a web client, and the URL of a page that no network may replace.  Goes out: the times
that others told, and where a network sends strangers first.  Nobody is asked for this but the
domain's own servers, and the witness that a person has named.
"""

import asyncio
from datetime import UTC, datetime

from mailclad.base.clock import Clock
from mailclad.base.https import Https, HttpsProblem, Request, Response
from mailclad.base.resolver import Resolver
from mailclad.mail.date import parse_date
from mailclad.services.diagnose.asking import ask
from mailclad.services.diagnose.evidence import ClockSeen

WITNESS_SECONDS = 4.0
"""For the witness's page: it is small, and one that is not there changes nothing."""


class Witnessed(Https):
    """Notes the time that each server tells along with its answer."""

    def __init__(self, https: Https, clock: Clock, named: str = "") -> None:
        self._https = https
        self._clock = clock
        self._named = named
        self.clocks: dict[str, ClockSeen] = {}

    async def fetch(self, request: Request) -> Response:
        response = await self._https.fetch(request)
        here = datetime.fromtimestamp(self._clock.now(), UTC)
        there = parse_date(response.headers.get("date", "").encode("latin-1", "replace"))
        if there is not None and "age" not in response.headers:  # else it is when a cache got it
            host = request.url.split("/")[2]
            moment, named = datetime.fromtimestamp(there, UTC), request.url == self._named
            self.clocks[host] = ClockSeen(host, moment, here, named)
        return response

    async def independent(self, resolver: Resolver) -> tuple[ClockSeen, ...]:
        """One for each machine: many names of one server are one clock."""
        told = list(self.clocks.items())
        machines = await asyncio.gather(*(_machine(host, resolver) for host, _ in told))
        known: set[str] = set()
        kept = []
        for (_, clock), addresses in zip(told, machines, strict=True):
            if not addresses & known:
                kept.append(clock)
            known |= addresses
        return tuple(kept)


async def _machine(host: str, resolver: Resolver) -> frozenset[str]:
    both = await asyncio.gather(
        *(ask(host, resolver.addresses(host, version)) for version in (4, 6))
    )
    return frozenset(address for one in both for address in one.records)


async def find_portal(https: Https, witness: str) -> str:
    """Where a network sends strangers first, as the witness's answer shows it."""
    if not witness:
        return ""
    try:
        response = await https.fetch(Request(witness, seconds=WITNESS_SECONDS, plain=True))
    except HttpsProblem:
        return ""
    if response.status == 511 or 300 <= response.status < 400:
        return response.headers.get("location", "") or "a page that asks to sign in"
    return ""

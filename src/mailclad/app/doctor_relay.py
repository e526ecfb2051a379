"""The servers that mail is handed to (smart hosts), tried without a password and without mail.

Comes in: the routes of the configuration.  Goes out: a finding for each host that could not be
used: not found, closed, or not encrypted as its route demands.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mailclad.app.config import Config
from mailclad.app.delivering import Outgoing
from mailclad.app.settings.deliver import DeliverConfig, RouteConfig
from mailclad.base.resolver import DnsProblem, Resolver
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.protocols.smtp.client.outcome import Stage
from mailclad.protocols.smtp.client.report import ConnectionReport
from mailclad.servers.tls import ClientTrust
from mailclad.services.deliver.connect import Target
from mailclad.services.deliver.host import is_address
from mailclad.services.deliver.route import EVERY
from mailclad.services.diagnose.found import Found

RELAY_SECONDS = 10.0
"""For one host, all its addresses; they are tried beside each other."""

MOST_RELAYS = 8
MOST_ADDRESSES = 4

_Place = tuple[str, int, TlsMode, TlsLevel]
_TLS_WORDS = {TlsMode.IMPLICIT: "encrypted from the first byte", TlsMode.STARTTLS: "STARTTLS"}


def has_relay_for_all(config: DeliverConfig) -> bool:
    """Then no port 25 of strangers matters, but to domains with routes of their own."""
    return any(one.host and one.domain == EVERY for one in config.route)


async def try_relays(
    config: Config, resolver: Resolver, authorities: Path | None
) -> Sequence[Found]:
    if not config.deliver.enabled:
        return ()
    domains: dict[_Place, list[str]] = {}
    for route in config.deliver.route:
        if route.host:
            domains.setdefault(_place(route), []).append(route.domain)
    outgoing = Outgoing(config.server.hostname, config.deliver, ClientTrust(authorities))
    places = list(domains)[:MOST_RELAYS]
    reasons = await asyncio.gather(*(_reason(one, resolver, outgoing) for one in places))
    return [
        Found("HOST-816", "doctor", values=_values(place, why, domains[place]))
        for place, why in zip(places, reasons, strict=True)
        if why
    ]


def _place(route: RouteConfig) -> _Place:
    return route.host.lower(), route.port, route.tls, route.policy or TlsLevel.VERIFY


def _values(place: _Place, why: str, domains: Sequence[str]) -> dict[str, str]:
    host, port, tls, _ = place
    told = ", ".join("all others" if one == EVERY else one for one in domains)
    return {
        "relay": f"{host}, port {port} ({_TLS_WORDS.get(tls, tls)})",
        "why": why,
        "domains": told,
    }


async def _reason(place: _Place, resolver: Resolver, outgoing: Outgoing) -> str:
    """Why no address of it can be used; "" where one can."""
    try:
        async with asyncio.timeout(RELAY_SECONDS):
            addresses = await _addresses(place[0], resolver)
            if not addresses:
                return f"{place[0]} has no address in the DNS"
            reasons = await asyncio.gather(*(_try(place, one, outgoing) for one in addresses))
    except TimeoutError:
        return f"it did not answer within {RELAY_SECONDS:g} seconds"
    except DnsProblem as problem:
        return f"it could not be looked up: {problem}".rstrip(".")
    return "" if "" in reasons else reasons[0]


async def _addresses(host: str, resolver: Resolver) -> Sequence[str]:
    """Those of one family are enough: the other may not be there."""
    if is_address(host):
        return (host,)
    four, six = await asyncio.gather(
        *(resolver.addresses(host, version) for version in (4, 6)), return_exceptions=True
    )
    found: list[str] = []
    for answer in (four, six):
        if not isinstance(answer, BaseException):
            found += answer.records[:MOST_ADDRESSES]
    if not found and isinstance(four, BaseException):
        raise four
    return found


async def _try(place: _Place, address: str, outgoing: Outgoing) -> str:
    host, port, tls, level = place
    made = await outgoing(Target(host, address, port, tls, named=True), TlsDemand(level, (host,)))
    with suppress(TimeoutError):
        await made.close()
    return _words(made.report)


def _words(report: ConnectionReport) -> str:
    """Who wants a password first has answered, and that is all that is asked."""
    problem = report.problem
    if problem is None or problem.stage is Stage.AUTH:
        return ""
    answered = f"it said {problem.code} " if problem.code else ""
    return f"{answered}{problem.text}".rstrip(".")

"""Looks at every address of a name: an authority may choose any of them.

Comes in: a name, how to look at one address.  Goes out: the doubts of all addresses in one text,
and where some are right, which.  Limit: addresses.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address

from mailclad.base.resolver import DnsProblem, Resolver

MAX_ADDRESSES = 4
"""Of one name, two of each family."""


async def at_each_address(
    resolver: Resolver, name: str, look: Callable[[str], Awaitable[str]]
) -> str:
    """ "" where ``look`` has no doubt about any address."""
    try:
        addresses = await _addresses(resolver, name)
    except DnsProblem as problem:
        return f"{name} could not be looked up: {problem}"
    if not addresses:
        return f"{name} has no address in the DNS: nobody can ask for the answer."
    doubts = await asyncio.gather(*(look(one) for one in addresses))
    wrong = [doubt for doubt in doubts if doubt]
    if wrong and len(wrong) < len(doubts):
        good = ", ".join(one for one, doubt in zip(addresses, doubts, strict=True) if not doubt)
        wrong.append(f"Right is {good}: take the other addresses out of the DNS, or mend them.")
    return " ".join(wrong)


async def _addresses(resolver: Resolver, name: str) -> list[str]:
    with suppress(ValueError):
        return [str(ip_address(name))]
    found: list[str] = []
    for version in (6, 4):
        found += (await resolver.addresses(name, version)).records[: MAX_ADDRESSES // 2]
    return found

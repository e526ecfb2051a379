"""Which names lead to this server, before an authority is asked: its limits are not for guesses.

Comes in: names, a resolver, whose answers are a stranger's.  Goes out: for each name that must be
left out, why.  A name belongs here if all its addresses are ones of the server's own name, as the
world sees it: one address elsewhere is enough for the authority to ask there.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from mailclad.base.resolver import DnsProblem, Resolver

QUESTIONS_AT_ONCE = 20
"""So that a hundred names are no flood to the resolver."""

NO_ADDRESS = "it has no address in the DNS"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Names that do not lead here, and names of which it could not be found out; with reasons."""

    left_out: Mapping[str, str]
    unsure: Mapping[str, str]


async def elsewhere(resolver: Resolver, host_name: str, names: Iterable[str]) -> Elsewhere:
    """Raises DnsProblem where the server's own name cannot be looked up."""
    here = await addresses_of(resolver, host_name)
    turns = asyncio.Semaphore(QUESTIONS_AT_ONCE)
    left_out, unsure = {}, {}

    async def judge(name: str) -> None:
        async with turns:
            try:
                why = _why_not(here, await addresses_of(resolver, name))
            except DnsProblem as problem:
                unsure[name] = f"it could not be looked up: {problem}"
            else:
                if why:
                    left_out[name] = why

    await asyncio.gather(*map(judge, names))
    return Elsewhere(left_out, unsure)


async def addresses_of(resolver: Resolver, name: str) -> frozenset[str]:
    """Raises DnsProblem."""
    answers = [await resolver.addresses(name, version) for version in (4, 6)]
    return frozenset(str(ip_address(one)) for answer in answers for one in answer.records)


def _why_not(here: frozenset[str], there: frozenset[str]) -> str:
    if not there:
        return NO_ADDRESS
    strange = sorted(there - here)
    return f"it leads to {', '.join(strange)}, which is not this server" if strange else ""

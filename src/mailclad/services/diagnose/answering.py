"""What the rules ask beside, looked up until they can judge.

Comes in: evidence, and the world.  Goes out: findings.  URLs out of strangers' certificates are
fetched from the open Internet only; a name that may be a remedy is tried where it leads to the
same machine.
Limits: rounds of questions, documents and their octets and seconds, names tried.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from mailclad.base.https import Https, HttpsProblem, Request
from mailclad.services.diagnose.asking import ask
from mailclad.services.diagnose.evidence import (
    CA_OCTETS,
    CRL_OCTETS,
    ROUNDS,
    Answers,
    Candidate,
    Evidence,
    Questions,
)
from mailclad.services.diagnose.facts import HostSeen
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.judge import judge, questions
from mailclad.services.diagnose.looking import quietly
from mailclad.services.diagnose.world import World

ISSUER_SECONDS = 4.0
"""For the certificate that a chain lacks: two kilobytes."""

REVOKED_SECONDS = 8.0
"""For a list of revoked certificates: up to megabytes, from large servers."""

MAX_CANDIDATES = 8
"""Names of a certificate that are tried as the right one; a shared one has hundreds."""

MAX_FETCHED = 8
"""Documents that certificates point to, of one check."""


async def ask_and_judge(evidence: Evidence, world: World, domain: str) -> Sequence[Found]:
    answers = Answers()
    for _ in range(ROUNDS):
        asked = questions(evidence, answers, world.verifiers)
        if not asked:
            break
        answers = await look_up(asked, answers, world, domain)
    return judge(evidence, answers, world.verifiers)


async def look_up(asked: Questions, known: Answers, world: World, domain: str) -> Answers:
    wanted = [
        *((url, CA_OCTETS, ISSUER_SECONDS) for url in asked.issuers),
        *((url, CRL_OCTETS, REVOKED_SECONDS) for url in asked.revocations),
    ]
    room = max(0, MAX_FETCHED - len(known.fetched))
    names = list(dict.fromkeys(one.name for one in asked.candidates))
    tried = names[: max(0, MAX_CANDIDATES - len(known.candidates))]
    bodies, seen = await asyncio.gather(
        asyncio.gather(*(_fetch(world.public, *one) for one in wanted[:room])),
        asyncio.gather(*(_try(name, asked.candidates, world, domain) for name in tried)),
    )
    nothing: dict[str, bytes | None] = {url: None for url, _, _ in wanted}
    fetched = dict(zip((url for url, _, _ in wanted), bodies, strict=False))
    untried = {name: HostSeen(name, ()) for name in names}
    return Answers(
        {**known.fetched, **nothing, **fetched},
        {**known.candidates, **untried, **{host.host: host for host in seen}},
    )


async def _fetch(https: Https, url: str, octets: int, seconds: float) -> bytes | None:
    try:
        response = await https.fetch(Request(url, octets=octets, seconds=seconds, plain=True))
    except HttpsProblem:
        return None
    return response.body if response.status == 200 else None


async def _try(name: str, candidates: Sequence[Candidate], world: World, domain: str) -> HostSeen:
    """A name is a remedy only if it leads to the same machine: elsewhere is not asked."""
    places = [one for one in candidates if one.name == name]
    versions = {6 if ":" in one.address else 4 for one in places}
    asked = [await ask(name, world.resolver.addresses(name, version)) for version in versions]
    addresses = tuple(address for one in asked for address in one.records)
    endpoints = dict.fromkeys(
        replace(one.endpoint, host=name) for one in places if one.address in addresses
    )
    if not endpoints:
        return HostSeen(name, addresses)
    return await world.prober.look_at(name, domain, tuple(endpoints), quietly)

"""``mailclad check``: discover, look, ask the rules what else to look up, judge, tell.

Comes in: a target, and the world.  Goes out: a ``Checked``.  Nothing is sent anywhere but
questions that any mail program asks; never a password, never an address.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailclad.base.https import Https
from mailclad.base.resolver import ZoneResolver
from mailclad.mail.endpoint import Endpoint
from mailclad.services.diagnose.answering import ask_and_judge
from mailclad.services.diagnose.catalogue import tell
from mailclad.services.diagnose.discover import Discoverer
from mailclad.services.diagnose.discovery import Discovery
from mailclad.services.diagnose.evidence import Evidence
from mailclad.services.diagnose.facts import HostSeen, PolicySeen, Reach
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.looking import look_at_all, with_unusual_port
from mailclad.services.diagnose.policies import PolicyReader
from mailclad.services.diagnose.report import Report
from mailclad.services.diagnose.target import Target, is_address
from mailclad.services.diagnose.told import Told
from mailclad.services.diagnose.verdict import READING, SENDING, Judgement, endpoints_of
from mailclad.services.diagnose.witness import Witnessed, find_portal
from mailclad.services.diagnose.world import Progress, World


@dataclass(frozen=True, slots=True)
class Checked:
    """``best`` are the endpoints for reading and for sending that were seen to work."""

    report: Report
    hosts: tuple[HostSeen, ...]
    best: tuple[Endpoint, ...]

    def with_findings(self, findings: Iterable[Found]) -> "Checked":
        told = (*self.report.findings, *tell(findings, self.report.checked_at))
        return replace(self, report=replace(self.report, findings=told))


async def check(target: Target, world: World, progress: Progress) -> Checked:
    https = Witnessed(world.https, world.clock, world.witness)
    progress("settings", 0, 1)
    found = await Discoverer(world.resolver, https).discover(target)
    if target.port is not None and not found.to_look_at():
        found = await with_unusual_port(found, target.port, world.prober)
    wanted = found.to_look_at()
    hosts, policies, portal = await asyncio.gather(
        look_at_all(world.prober, found, wanted, progress),
        _policies(found, world.resolver, https, tuple(wanted)),
        find_portal(https, world.witness),
    )
    evidence = Evidence(
        hosts=hosts or (() if found.takes_no_mail else (_nowhere(found),)),
        now=datetime.fromtimestamp(world.clock.now(), UTC),
        promised=_promised(found, wanted, hosts),
        known_hosts=tuple(wanted),
        policies=policies,
        clocks=await https.independent(world.resolver),
        portal=portal,
    )
    findings = [
        *_of_settings(found),
        *await ask_and_judge(evidence, world, found.domain),
    ]
    told = tell(findings, evidence.now)
    judgement = Judgement(found, evidence.hosts, policies, told)
    mild = tuple(_milder(told, judgement.guessed))
    if mild != told:
        told = mild
        judgement = Judgement(found, evidence.hosts, policies, told)
    verdict = judgement.verdict()
    best = (judgement.best(READING), judgement.best(SENDING))
    report = Report(
        target.text,
        verdict.sentence,
        told,
        verdict.fine,
        evidence.now,
        "this computer",
        verdict.answers,
        verdict.endpoints,
        f"{verdict.found_in}, confirmed by connecting" if verdict.found_in else "",
    )
    return Checked(report, evidence.hosts, tuple(one for one in best if one is not None))


async def _policies(
    found: Discovery, resolver: ZoneResolver, https: Https, hosts: Sequence[str]
) -> PolicySeen | None:
    if not found.domain or found.is_unanswered:
        return None
    names = [host for host in hosts if not is_address(host)]
    return await PolicyReader(resolver, https).read(found, names)


def _promised(
    found: Discovery, wanted: Mapping[str, tuple[Endpoint, ...]], hosts: Sequence[HostSeen]
) -> tuple[Endpoint, ...]:
    """Where no port answers that a domain's people need, the silence of guessed ones counts."""
    reached = {p.protocol for host in hosts for p in host.ports if p.reach is Reach.OPEN}
    guessed = [endpoint for endpoints in wanted.values() for endpoint in endpoints]
    roles = (READING, SENDING) if found.domain else (READING | SENDING,)
    missed = {protocol for role in roles if not role & reached for protocol in role}
    return tuple({*found.promised, *(one for one in guessed if one.protocol in missed)})


def _nowhere(found: Discovery) -> HostSeen:
    """There was nothing to look at: what the DNS says of the domain is the reason."""
    problem = found.mx.problem or "it names no mail server"
    return HostSeen(
        found.domain,
        (),
        problem=problem,
        exists=found.mx.exists,
        unanswered=bool(found.mx.problem),
    )


def _milder(told: Iterable[Told], guessed: AbstractSet[str]) -> Iterable[Told]:
    """Nobody sent people to a name that was only guessed."""
    for one in told:
        hosts = {endpoint.host for endpoint in endpoints_of(one)}
        is_mild = hosts and hosts <= guessed and one.level in {Level.PROBLEM, Level.WATCH}
        yield replace(one, level=Level.NOTE) if is_mild else one


def _of_settings(found: Discovery) -> Iterable[Found]:
    doubts = (f"{seen.place}: {seen.doubt}" for seen in found.sources if seen.doubt)
    for what in (*found.disagreements(), *doubts):
        yield Found("DNS-427", "DNS", found.domain, values={"what": what})

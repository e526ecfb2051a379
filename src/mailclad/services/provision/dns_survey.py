"""Asking the world about a domain: every record at every name server, and what stands behind.

RFC 2181 §10.3 (an MX host has no CNAME), RFC 8601 §2.7.3 (reverse names), RFC 8461 §3.3 (the
policy is where it should be), RFC 7672 §3.1 (TLSA and the certificate agree).

Comes in: facts of the domain; views of the DNS, a web client and a probe, which it is given.
Goes out: findings.  What cannot be asked is ``UNKNOWN``; it never raises.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mailclad.base.https import Https, HttpsProblem, Request
from mailclad.base.resolver import DnsProblem, Tlsa, ZoneResolver
from mailclad.mail.mta_sts import StsPolicy, StsProblem, parse_policy, policy_url
from mailclad.mail.tls_verdict import TlsVerdict
from mailclad.services.provision.dns_changes import in_zone
from mailclad.services.provision.dns_check import Finding, Said, State, forbids_all, judge
from mailclad.services.provision.dns_records import DnsRecord, DomainFacts, Need, dns_records
from mailclad.services.provision.dns_view import look_up
from mailclad.services.receive.iprev import IprevResult, check_iprev

Progress = Callable[[int, int], None]


class Probe(Protocol):
    async def verdict(self, host: str, records: tuple[Tlsa, ...]) -> TlsVerdict | None:
        """What TLS on port 25 is worth by these records; None where nobody answers."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """A name server that is asked; ``zone`` is all that it knows, "" for everything."""

    name: str
    resolver: ZoneResolver
    zone: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """``views`` has at least one; the first resolves everything."""

    views: Sequence[View]
    https: Https
    probe: Probe


async def survey(facts: DomainFacts, world: World, progress: Progress) -> tuple[Finding, ...]:
    records = dns_records(facts)
    checks: list[Awaitable[Sequence[Finding]]] = [
        *(_record(facts, world, record) for record in records),
        *(check(facts, world) for check in (_host, _reverse, _policy, _dane, _caa)),
    ]
    asked = 0

    async def counted(check: Awaitable[Sequence[Finding]]) -> Sequence[Finding]:
        nonlocal asked
        found = await check
        asked += 1
        progress(asked, len(checks))
        return found

    progress(0, len(checks))
    found = await asyncio.gather(*map(counted, checks))
    return tuple(finding for findings in found for finding in findings)


# One record


async def _record(facts: DomainFacts, world: World, record: DnsRecord) -> Sequence[Finding]:
    views = [view for view in world.views if in_zone(record.name, view.zone) or not view.zone]
    said = await asyncio.gather(*(_ask(view.resolver, facts, record) for view in views))
    seen = dict(zip((view.name for view in views), said, strict=True))
    finding = judge(record, seen)
    if finding.state is State.MISSING and await _stands_twice(world, facts, record):
        text = (
            f"It stands at {record.name}.{facts.domain}: the provider's form adds the domain by "
            "itself, so leave it out of the name there."
        )
        finding = replace(finding, remedy=text)
    return (finding,)


async def _ask(resolver: ZoneResolver, facts: DomainFacts, record: DnsRecord) -> Said:
    try:
        found = await look_up(resolver, record.name, record.kind)
        if record.kind == "CNAME" and not found:
            found = await _addresses_instead(resolver, facts, record)
    except DnsProblem as problem:
        return str(problem)
    return found


async def _addresses_instead(
    resolver: ZoneResolver, facts: DomainFacts, record: DnsRecord
) -> tuple[str, ...]:
    """Who has the server's own addresses needs no alias."""
    there = await _addresses(resolver, record.name)
    if there and set(there) <= set(await _addresses(resolver, facts.host_name)):
        return (record.value,)
    return there


async def _addresses(resolver: ZoneResolver, name: str) -> tuple[str, ...]:
    both = await asyncio.gather(*(look_up(resolver, name, kind) for kind in ("A", "AAAA")))
    return tuple(address for addresses in both for address in addresses)


async def _stands_twice(world: World, facts: DomainFacts, record: DnsRecord) -> bool:
    try:
        name = f"{record.name}.{facts.domain}"
        return bool(await look_up(world.views[0].resolver, name, record.kind))
    except DnsProblem:
        return False


# What stands behind the records


async def _host(facts: DomainFacts, world: World) -> Sequence[Finding]:
    """RFC 2181 §10.3; and an address, where we do not know which."""
    resolver, host = world.views[0].resolver, facts.host_name
    try:
        alias = await look_up(resolver, host, "CNAME")
        addresses = await _addresses(resolver, host)
    except DnsProblem as problem:
        return (_unknown(host, "A", "Where this server is.", problem),)
    if alias:
        text = f"It is an alias of {alias[0]} now: give it A and AAAA records of its own."
        purpose = "The name in MX records is no alias."
        return (Finding(host, "CNAME", State.DIFFERENT, Need.NEEDED, purpose, remedy=text),)
    if addresses:
        return ()
    text = f"Add an A record, or AAAA, with the public address of this machine to {host}."
    return (Finding(host, "A", State.MISSING, Need.NEEDED, "Where this server is.", remedy=text),)


async def _reverse(facts: DomainFacts, world: World) -> Sequence[Finding]:
    resolver, host = world.views[0].resolver, facts.host_name
    try:
        addresses = facts.addresses or await _addresses(resolver, host)
    except DnsProblem:
        return ()  # _host has told of it
    return await asyncio.gather(*(_reverse_of(resolver, host, one) for one in addresses))


async def _reverse_of(resolver: ZoneResolver, host: str, address: str) -> Finding:
    purpose = "The address calls itself as the server does (reverse name)."
    found = await check_iprev(resolver, address)
    if found.result is IprevResult.TEMPERROR:
        return _unknown(address, "PTR", purpose, found.reason)
    seen = {"": (f"{found.name}.",) if found.name else ()}
    right = found.result is IprevResult.PASS and found.name == host
    state = State.RIGHT if right else State.DIFFERENT if found.name else State.MISSING
    text = f"Ask whoever gives you {address} to set its reverse name to {host}."
    return Finding(
        address, "PTR", state, Need.ADVISED, purpose, f"{host}.", seen, "" if right else text
    )


async def _policy(facts: DomainFacts, world: World) -> Sequence[Finding]:
    if facts.policy is None:
        return ()
    url, purpose = policy_url(facts.domain), "The MTA-STS policy is served as it is meant."
    trouble = await _policy_trouble(facts.policy, url, world.https)
    state = State.RIGHT if not trouble else State.DIFFERENT
    return (Finding(url, "HTTPS", state, Need.ADVISED, purpose, remedy=trouble),)


async def _policy_trouble(policy: StsPolicy, url: str, https: Https) -> str:
    try:
        response = await https.fetch(Request(url, seconds=20))
        if response.status != 200:
            return f"It answers with status {response.status}. Does another web server have it?"
        found = parse_policy(response.body, policy.domain, policy.id)
    except HttpsProblem as problem:
        return f"It cannot be fetched: {problem}"
    except StsProblem as problem:
        return f"It is not a policy: {problem}"
    if (found.mode, found.mx, found.max_age) != (policy.mode, policy.mx, policy.max_age):
        return "It is another policy than this server's. Does another web server have it?"
    return ""


async def _dane(facts: DomainFacts, world: World) -> Sequence[Finding]:
    """Wrong TLSA records stop mail: they are looked at even where we propose none."""
    name, purpose = f"_25._tcp.{facts.host_name}", "TLSA and the certificate on port 25 agree."
    try:
        records = (await world.views[0].resolver.tlsa(name)).records
    except DnsProblem as problem:
        return (_unknown(name, "TLSA", purpose, problem),)
    if not records:
        return ()
    verdict = await world.probe.verdict(facts.host_name, records)
    if verdict is None:
        return (_unknown(name, "TLSA", purpose, "nobody answers on port 25 from here"),)
    if verdict.failure is None:
        return (Finding(name, "TLSA", State.RIGHT, Need.NEEDED, purpose),)
    text = (
        f"{verdict.reason}. Servers that check DANE hold mail back: correct the TLSA records, or "
        "remove them."
    )
    return (Finding(name, "TLSA", State.DIFFERENT, Need.NEEDED, purpose, remedy=text),)


async def _caa(facts: DomainFacts, world: World) -> Sequence[Finding]:
    """RFC 8659 §3: the nearest set, upwards, counts."""
    name, purpose = facts.host_name, "An authority may sign the server's certificate."
    try:
        while name and not (found := await look_up(world.views[0].resolver, name, "CAA")):
            name = name.partition(".")[2]
    except DnsProblem as problem:
        return (_unknown(name, "CAA", purpose, problem),)
    if not name:
        return ()
    forbidden = forbids_all(found)
    state = State.DIFFERENT if forbidden else State.RIGHT
    text = 'No authority may sign: name yours, as in: 0 issue "letsencrypt.org".'
    seen: Mapping[str, Said] = {"": found}
    return (
        Finding(name, "CAA", state, Need.ADVISED, purpose, "", seen, text if forbidden else ""),
    )


def _unknown(name: str, kind: str, purpose: str, problem: object) -> Finding:
    text = f"It could not be looked at: {problem}"
    return Finding(name, kind, State.UNKNOWN, Need.ADVISED, purpose, remedy=text)

"""check_host(): is this client permitted to use this domain? (RFC 7208 §4, §5, §6).

In come the facts of an SMTP connection and a resolver; out comes an ``SpfResult``, whatever they
are: nothing raises but what the resolver raises beside DnsProblem.  U-labels become A-labels
(RFC 8616 §4).  The resolver's answers, the sender and the greeting are strangers' words.
Time is the caller's: who wants a limit of elapsed time (RFC 7208 §4.6.4: 20 seconds or more)
puts it around the call and takes what runs over for a temperror.
Limits: see ``questions``, ``record`` and ``macro``; EXPLANATION_OCTETS, LOCAL_PART_OCTETS.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal, assert_never

from mailclad.base.resolver import DnsProblem, Resolver
from mailclad.mail.address import AddressProblem, normalise_domain
from mailclad.mail.spf.macro import (
    NAME_OCTETS,
    MacroString,
    expand_name,
    expand_text,
    is_name,
    parse_explanation,
)
from mailclad.mail.spf.questions import Questions
from mailclad.mail.spf.record import (
    All,
    Directive,
    Exists,
    Hosts,
    Include,
    Network,
    Ptr,
    Record,
    is_spf,
    parse_record,
)
from mailclad.mail.spf.result import SpfOutcome, SpfProblem, SpfResult

EXPLANATION_OCTETS = 300
"""Three lines of a reply, well below RFC 5321 §4.5.3.1.5's 512 octets."""
LOCAL_PART_OCTETS = 256
"""Four times RFC 5321 §4.5.3.1.1: macros repeat it."""

_DOMAIN = re.compile(r"[A-Za-z0-9_\-]{1,63}(?:\.[A-Za-z0-9_\-]{1,63})+")
_LOCAL_PART_MACROS = frozenset("sl")


@dataclass(frozen=True, slots=True)
class _Facts:
    """What stays the same through all records.  ``values`` are the macros' but for d and p."""

    client: IPv4Address | IPv6Address
    values: dict[str, str]
    ascii_local_part: bool
    questions: Questions


@dataclass(frozen=True, slots=True)
class _Verdict:
    """``explanation`` is of the record that decided, which is ``domain``'s."""

    outcome: SpfOutcome
    term: str = ""
    domain: str = ""
    explanation: MacroString | None = None


async def check_spf(
    resolver: Resolver, client: str, helo: str, sender: str | None, receiver: str, now: int
) -> SpfResult:
    """``client`` is an IP address, ``sender`` is ``local@domain`` or None for ``<>``.

    For ``<>``, postmaster at ``helo`` is checked (RFC 7208 §2.4).  ``receiver`` is our own host
    name; ``now`` is in seconds since 1970: both are macros.
    """
    identity: Literal["mailfrom", "helo"] = "mailfrom" if sender else "helo"
    local_part, _, given = (sender or f"@{helo}").rpartition("@")
    domain, address = _domain(given), _address(client)
    if not domain or address is None or len(local_part) > LOCAL_PART_OCTETS:
        problem = "there is no full domain name, or no client, that could be checked"
        return SpfResult(SpfOutcome.NONE, domain, identity, problem=problem)
    facts = _gather(resolver, address, helo, local_part or "postmaster", domain, receiver, now)
    try:
        verdict = await _check_host(facts, domain)
    except DnsProblem:
        problem = f"DNS did not answer all questions about {domain}: ask again later"
        return SpfResult(SpfOutcome.TEMPERROR, domain, identity, problem=problem)
    except SpfProblem as cause:
        problem = f"the SPF policy of {domain} must be changed by its owner: {cause}"
        return SpfResult(SpfOutcome.PERMERROR, domain, identity, problem=problem)
    explanation = await _explain(facts, verdict)
    problem = f"{domain} has no SPF record" if verdict.outcome is SpfOutcome.NONE else ""
    return SpfResult(verdict.outcome, domain, identity, verdict.term, explanation, problem)


def _domain(given: str) -> str:
    """In A-labels, or "" where it is no name of two labels or more (RFC 7208 §4.3)."""
    try:
        name = normalise_domain(given.removesuffix("."))
    except AddressProblem:
        return ""
    return name if len(name) <= NAME_OCTETS and _DOMAIN.fullmatch(name) else ""


def _address(client: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address written as IPv6 is an IPv4 address (RFC 7208 §5)."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _gather(
    resolver: Resolver,
    client: IPv4Address | IPv6Address,
    helo: str,
    local_part: str,
    domain: str,
    receiver: str,
    now: int,
) -> _Facts:
    four = client.version == 4
    values = {
        "s": f"{local_part}@{domain}",
        "l": local_part,
        "o": domain,
        "i": str(client) if four else ".".join(f"{int(client):032X}"),
        "v": "in-addr" if four else "ip6",
        "h": helo[:NAME_OCTETS],
        "c": str(client),
        "r": receiver or "unknown",
        "t": str(now),
    }
    questions = Questions(resolver, client)
    return _Facts(client, values, local_part.isascii(), questions)


async def _check_host(facts: _Facts, domain: str) -> _Verdict:
    """``domain`` need not be a name.  Loops of records end by the limit of terms."""
    record = await _fetch(facts, domain) if is_name(domain) else None
    if record is None:
        return _Verdict(SpfOutcome.NONE)
    found = await _match(facts, record.directives, domain)
    if found is not None:
        return _Verdict(found.outcome, found.text, domain, record.explanation)
    if record.redirect is None or _is_mute(facts, record.redirect):
        return _Verdict(SpfOutcome.NEUTRAL)
    facts.questions.begin_term()
    target = await _target(facts, record.redirect, domain)
    verdict = await _check_host(facts, target)
    if verdict.outcome is SpfOutcome.NONE:
        raise SpfProblem(f"{domain} redirects to {_shown(target)}, which has no SPF record")
    return verdict


async def _fetch(facts: _Facts, domain: str) -> Record | None:
    """RFC 7208 §4.4 and §4.5."""
    found = [octets for octets in await facts.questions.txt(domain) if is_spf(octets)]
    if not found:
        return None
    if len(found) > 1:
        raise SpfProblem(f"{domain} has {len(found)} SPF records; there must be one")
    try:
        return parse_record(found[0])
    except SpfProblem as problem:
        raise SpfProblem(f"in the SPF record of {domain}, {problem}") from None


async def _match(
    facts: _Facts, directives: tuple[Directive, ...], domain: str
) -> Directive | None:
    """The first that matches."""
    client, version = int(facts.client), facts.client.version
    for directive in directives:
        mechanism = directive.mechanism
        if isinstance(mechanism, Network):
            matching = (
                version == mechanism.version and client >> mechanism.shift == mechanism.prefix
            )
        elif isinstance(mechanism, All):
            matching = True
        else:
            matching = await _matches(facts, mechanism, domain)
        if matching:
            return directive
    return None


async def _matches(facts: _Facts, mechanism: Include | Hosts | Ptr | Exists, domain: str) -> bool:
    facts.questions.begin_term()
    if mechanism.target is not None and _is_mute(facts, mechanism.target):
        return False
    target = await _target(facts, mechanism.target, domain)
    if isinstance(mechanism, Include):
        return await _includes(facts, target, domain)
    if not is_name(target):  # RFC 7208 §4.8 leaves open what this means: not there
        return False
    match mechanism:
        case Hosts():
            return await _is_host(facts, mechanism, target)
        case Exists():
            return bool(await facts.questions.addresses(target, 4))
        case Ptr():
            names = await facts.questions.client_names()
            return any(name == target or name.endswith(f".{target}") for name in names)
        case _:
            assert_never(mechanism)


async def _includes(facts: _Facts, target: str, domain: str) -> bool:
    """RFC 7208 §5.2."""
    outcome = (await _check_host(facts, target)).outcome
    if outcome is SpfOutcome.NONE:
        raise SpfProblem(f"{domain} includes {_shown(target)}, which has no SPF record")
    return outcome is SpfOutcome.PASS


async def _is_host(facts: _Facts, hosts: Hosts, target: str) -> bool:
    client, version = int(facts.client), facts.client.version
    shift = 32 - hosts.prefix_4 if version == 4 else 128 - hosts.prefix_6
    names = await facts.questions.mx_hosts(target) if hosts.by_mx else [target]
    for name in names:
        for address in await facts.questions.addresses(name, version):
            if (client ^ int(ip_address(address))) >> shift == 0:
                return True
    return False


def _is_mute(facts: _Facts, target: MacroString) -> bool:
    """Local parts that are not ASCII match nothing in DNS (RFC 8616 §4)."""
    return not facts.ascii_local_part and not target.letters.isdisjoint(_LOCAL_PART_MACROS)


async def _target(facts: _Facts, target: MacroString | None, domain: str) -> str:
    """The target-name (RFC 7208 §4.8), which need not be one that DNS can be asked for."""
    if target is None:
        return domain
    name = expand_name(target, await _values(facts, target, domain))
    return name.lower() if name.isascii() else name


async def _values(facts: _Facts, string: MacroString, domain: str) -> dict[str, str]:
    if not string.letters:
        return facts.values
    values = {**facts.values, "d": domain}
    if "p" in string.letters:
        values["p"] = await facts.questions.client_name(domain)
    return values


async def _explain(facts: _Facts, verdict: _Verdict) -> str:
    """RFC 7208 §6.2: where the explanation has a fault, there is none."""
    if verdict.outcome is not SpfOutcome.FAIL or verdict.explanation is None:
        return ""
    try:
        target = await _target(facts, verdict.explanation, verdict.domain)
        texts = await facts.questions.txt(target) if is_name(target) else ()
        if len(texts) != 1:
            return ""
        words = parse_explanation(texts[0])
        return expand_text(words, await _values(facts, words, verdict.domain), EXPLANATION_OCTETS)
    except (DnsProblem, SpfProblem):
        return ""


def _shown(target: str) -> str:
    return target if is_name(target) else "a name that cannot exist"

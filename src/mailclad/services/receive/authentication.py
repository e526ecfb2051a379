"""Who sent this? SPF, DKIM, DMARC, ARC and iprev, asked together.

RFC 7208, RFC 6376, RFC 9989, RFC 8617, RFC 8601 §3.
In come a message and its envelope; out come ``Findings``: what each check said.  Never raises on
a message or on DNS: trouble there is ``temperror``.  SPF, DKIM, ARC and iprev have
``TOTAL_SECONDS`` together, DMARC, which goes by them, as long again.  Each signature and each
author's domain is judged beside the others: who lets one of his names answer slowly gains
nothing for a name that is not his.  SPF and iprev may begin while the message is on its way.
A message of more than ``THREAD_OCTETS`` is hashed on a thread, so that others are served.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

from mailclad.base.octets import THREAD_OCTETS, Octets
from mailclad.base.resolver import Resolver
from mailclad.mail import arc
from mailclad.mail.address import normalise_domain
from mailclad.mail.arc import ArcOutcome, ArcResult, ReadChain, judge_chain, read_chain
from mailclad.mail.dkim.key_ring import KeyRing
from mailclad.mail.dkim.message import HeaderTooLong, SignedMessage
from mailclad.mail.dkim.outcome import DkimResult, Outcome
from mailclad.mail.dkim.verify import (
    HEADER_TOO_LONG,
    MAX_SIGNATURES,
    ReadSignature,
    ReadSignatures,
    judge_signature,
    put_together,
    read_signatures,
)
from mailclad.mail.dmarc.author import Author, AuthorFault, find_author
from mailclad.mail.dmarc.evaluate import DmarcOutcome, DmarcResult, evaluate_dmarc, worst
from mailclad.mail.headers import find_body, has_bare_cr
from mailclad.mail.spf.evaluate import check_spf
from mailclad.mail.spf.result import SpfOutcome, SpfResult
from mailclad.protocols.smtp.command import Mail
from mailclad.services.receive.guard import Client
from mailclad.services.receive.iprev import Iprev, IprevResult, check_iprev

TOTAL_SECONDS = 20.0
"""RFC 7208 §4.6.4 asks for 20 at least; the client waits for 10 minutes (RFC 5321 §4.5.3.2.6)."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Path:
    """What is known without the message."""

    spf: SpfResult
    iprev: Iprev


@dataclass(frozen=True, slots=True)
class Findings:
    """``dmarc`` is None where ``author`` has a fault.  ``header`` ends with the blank line."""

    path: Path
    dkim: tuple[DkimResult, ...]
    arc: ArcResult
    author: Author
    dmarc: DmarcResult | None
    header: bytes


@dataclass(frozen=True, slots=True)
class _Examined:
    """A message taken apart and hashed; no DNS yet."""

    header: bytes
    author: Author
    signatures: ReadSignatures | None
    chain: ReadChain | ArcResult


async def check_path(resolver: Resolver, client: Client, mail: Mail, now: int) -> Path:
    """SPF and iprev: they need no message."""
    until = _from_now()
    path = mail.reverse_path
    sender = None if path is None else str(path)
    facts = (client.peer, client.hello, sender, client.host_name, now)
    late_spf = SpfResult(
        SpfOutcome.TEMPERROR,
        "" if path is None else normalise_domain(path.domain),
        "helo" if path is None else "mailfrom",
        problem=_LATE,
    )
    late_iprev = Iprev(IprevResult.TEMPERROR, "", _LATE)
    spf, iprev = await asyncio.gather(
        _within(until, late_spf, check_spf, resolver, *facts),
        _within(until, late_iprev, check_iprev, resolver, client.peer),
    )
    return Path(spf, iprev)


async def authenticate(
    resolver: Resolver, octets: Octets, path: Awaitable[Path], now: int
) -> Findings:
    """All the rest; ``octets`` is the message as it was sent."""
    if len(octets) > THREAD_OCTETS:
        examined = await asyncio.to_thread(_examine, octets)
    else:
        examined = _examine(octets)
    until = _from_now()
    found_path, dkim, chain = await asyncio.gather(
        path,
        _judge_dkim(until, examined.signatures, resolver, now),
        _within(until, _LATE_CHAIN, judge_chain, examined.chain, resolver, now),
    )
    dmarc = await _judge_dmarc(resolver, examined.author, found_path.spf, dkim)
    return Findings(found_path, dkim, chain, examined.author, dmarc, examined.header)


_LATE = f"the DNS took longer than {TOTAL_SECONDS:g} seconds in all"
_LATE_CHAIN = ArcResult(ArcOutcome.FAIL, problem=_LATE)


def _from_now() -> float:
    return asyncio.get_running_loop().time() + TOTAL_SECONDS


async def _within(
    until: float,
    otherwise: T,
    check: Callable[P, Coroutine[Any, Any, T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    try:
        async with asyncio.timeout_at(until):
            return await check(*args, **kwargs)
    except TimeoutError:
        return otherwise


def _examine(octets: Octets) -> _Examined:
    try:
        message = SignedMessage(octets)
    except HeaderTooLong:
        header = octets[: find_body(octets)]
        return _Examined(header, Author((), AuthorFault.TOO_MUCH), None, arc.HEADER_TOO_LONG)
    header = octets[: message.body_start]
    author = find_author(message.fields)
    if has_bare_cr(header):  # BDAT lets it through
        author = Author((), AuthorFault.AMBIGUOUS)
    return _Examined(
        header,
        author,
        read_signatures(message),
        read_chain(message),
    )


async def _judge_dkim(
    until: float, signatures: ReadSignatures | None, resolver: Resolver, now: int
) -> tuple[DkimResult, ...]:
    if signatures is None:
        return HEADER_TOO_LONG
    ring = KeyRing(resolver, b"email", MAX_SIGNATURES)
    results = await asyncio.gather(
        *[
            _within(until, _late(one), judge_signature, signatures, one, ring, now)
            for one in signatures.read
        ]
    )
    return put_together(signatures, results)


def _late(one: ReadSignature) -> DkimResult:
    """Which domain signed is known, so that DMARC can tell trouble from forgery."""
    return replace(one.result, outcome=Outcome.TEMPERROR, problem=_LATE)


async def _judge_dmarc(
    resolver: Resolver,
    author: Author,
    spf: SpfResult,
    dkim: Sequence[DkimResult],
) -> DmarcResult | None:
    """Several author domains are judged each, and the worst counts."""
    until = _from_now()
    passed = [one.domain for one in dkim if one.outcome is Outcome.PASS and one.whole]
    undecided = [one.domain for one in dkim if one.outcome is Outcome.TEMPERROR and one.domain]
    if spf.outcome is SpfOutcome.TEMPERROR and spf.domain:
        undecided.append(spf.domain)
    asked_spf = (spf.domain, spf.outcome is SpfOutcome.PASS) if spf.domain else None
    results = await asyncio.gather(
        *[
            _within(
                until,
                DmarcResult(DmarcOutcome.TEMPERROR, domain, problem=_LATE),
                evaluate_dmarc,
                resolver,
                domain,
                asked_spf,
                passed,
                undecided,
            )
            for domain in author.domains
        ]
    )
    return worst(results) if results else None

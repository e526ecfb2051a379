"""Whether a reply is secure, not secure, or bogus (RFC 4035 §4.3, §5; RFC 7672 §2.1).

Comes in: a reply of a server that is not believed, asked with CD and DO, and what was read from
it.  Goes out: whether all of it is proven by signatures, from the root's keys down, and for how
long; ``DnsBogus`` where it should be and is not.  That a zone is not signed must be proven too:
what lacks signatures is only "not secure" where a zone above says so.
A server that gives no signatures at all, not even the root's, makes all of this impossible: then
nothing is secure, or, if validation is insisted on, nothing is answered.
"""

from collections.abc import Callable, Sequence

import structlog

from mailclad.base.resolver import DnsBogus, DnsProblem
from mailclad.engines.dns.answer import MAX_TTL, Reading
from mailclad.engines.dns.dnssec.chain import Ask, Chain, NoSignatures
from mailclad.engines.dns.dnssec.denial import Verdict
from mailclad.engines.dns.dnssec.proofs import alias_rrset, deepest_signer, read_denial
from mailclad.engines.dns.dnssec.records import Ds, RRset, read_rrset
from mailclad.engines.dns.dnssec.signatures import Bogus, Effort, Zone, describe, shown, verify
from mailclad.engines.dns.message import CAUSE_OF_BOGUS, Kind, Reply
from mailclad.engines.dns.name import is_within

UNABLE_SECONDS = 3600.0
"""How long a server that gives no signatures is not asked for them again."""

_log = structlog.get_logger()

_INSECURE = (False, MAX_TTL)
_Judgement = tuple[bool, int]
"""Secure or not, and for how many seconds that holds."""


class Validator:
    """For one event loop.  ``insist``: better no answer than one that cannot be judged."""

    def __init__(
        self,
        ask: Ask,
        anchors: Sequence[Ds],
        *,
        insist: bool,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._chain = Chain(ask, anchors, clock, monotonic)
        self._insist = insist
        self._clock = clock
        self._monotonic = monotonic
        self._unable_until = 0.0

    async def close(self) -> None:
        await self._chain.close()

    async def judge(self, reply: Reply, kind: Kind, reading: Reading) -> _Judgement:
        """Raises DnsProblem; DnsBogus where signatures are wrong or missing."""
        if self._monotonic() < self._unable_until:
            return _INSECURE
        try:
            return await self._judge(reply, kind, reading)
        except NoSignatures as problem:
            return self._unable(problem)
        except (Bogus, DnsBogus) as problem:
            name, *_ = (*reading.aliases, reading.name)
            text = f"{kind.name} of {shown(name)}: {problem}; {CAUSE_OF_BOGUS}"
            raise DnsBogus(text) from problem

    def _unable(self, problem: NoSignatures) -> _Judgement:
        if self._insist:
            raise DnsProblem(f"{problem}, and validation is insisted on") from problem
        now = self._monotonic()
        if now >= self._unable_until:  # one of many questions at the same time tells of it
            _log.warning(
                "DNSSEC cannot be validated, so no answer counts as secure and DANE is not used",
                reason=str(problem),
                remedy="ask another DNS server, best a validating one on this machine",
            )
        self._unable_until = now + UNABLE_SECONDS
        return _INSECURE

    async def _judge(self, reply: Reply, kind: Kind, reading: Reading) -> _Judgement:
        effort = Effort()
        signed = [alias_rrset(reply, alias) for alias in reading.aliases]
        if kind is Kind.CNAME:
            signed.append(alias_rrset(reply, reading.name))
        else:
            signed.append(read_rrset(reply, reply.answers, reading.name, kind))
        judgements = [
            await self._judge_records(reply, rrset, effort)
            for rrset in signed
            if rrset is not None
        ]
        if signed[-1] is None and not reading.unfinished:
            judgements.append(await self._judge_nothing(reply, kind, reading, effort))
        return all(secure for secure, _ in judgements), min(ttl for _, ttl in judgements)

    async def _judge_records(self, reply: Reply, rrset: RRset, effort: Effort) -> _Judgement:
        owner = rrset.owner
        signers = [rrsig.signer for rrsig in rrset.signatures if is_within(owner, rrsig.signer)]
        zone = await self._chain.zone_of(signers[0] if signers else owner)
        if not zone.keys:
            return _INSECURE
        now = int(self._clock())
        signed = verify(rrset, zone, now, effort)
        if signed.encloser is None:
            return True, signed.ttl
        denial = read_denial(reply, zone, now, effort)
        verdict = denial.no_closer(owner, signed.encloser)
        secure = _is_proven(verdict, zone, f"that {describe(rrset)} may come from a wildcard")
        return secure, min(denial.ttl, signed.ttl)

    async def _judge_nothing(
        self, reply: Reply, kind: Kind, reading: Reading, effort: Effort
    ) -> _Judgement:
        name = reading.name
        zone = await self._chain.zone_of(deepest_signer(reply, name) or name)
        if not zone.keys:
            return _INSECURE
        denial = read_denial(reply, zone, int(self._clock()), effort)
        if reading.exists:
            verdict, what = denial.no_type(name, kind), "that the name has no such record"
        else:
            verdict, what = denial.no_name(name), "that the name does not exist"
        return _is_proven(verdict, zone, what), denial.ttl


def _is_proven(verdict: Verdict, zone: Zone, what: str) -> bool:
    if verdict is Verdict.UNPROVEN:
        raise Bogus(f"{zone} does not prove {what}")
    return verdict is Verdict.PROVEN

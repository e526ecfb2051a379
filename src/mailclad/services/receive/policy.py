"""What becomes of a message, by what was found out about it and by our domains' settings.

In come values, out comes a ``Decision``; nothing is asked or looked up here.  RFC 9989 §5.3,
RFC 7489 §6.6 (what an author's domain asks for), RFC 8617 §7.2 (a chain may say otherwise).

    found                                       enforce    junk    note
    DMARC fails, the domain asks for reject     refuse     Junk    -
    DMARC fails, it asks for quarantine         Junk       Junk    -
    DNS trouble leaves open whether it fails    later      -       -
    ... but a trusted sealer saw DMARC pass     -          -       -
    no author, two From fields, a From that     refuse     Junk    -
      programs show differently
    From without any domain                     Junk       Junk    -
    anything else                               -          -       -

"Later" asks the sender to come again (RFC 7489 §6.6.3): senders choose a signature's selector, and
with it whose DNS is asked; a broken corner of the author's domain must not open its policy.
SPF alone refuses nothing: forwarded mail fails it by nature (RFC 7208 §8.4, appendix G.3).
A message without exactly one readable From has no domain that could be asked; the large
providers refuse it, and so does this server: what is judged must be what is shown.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mailclad.mail.address import normalise_domain
from mailclad.mail.arc import ArcOutcome, ArcResult
from mailclad.mail.authentication_results import parse_field
from mailclad.mail.dmarc.author import AuthorFault
from mailclad.mail.dmarc.evaluate import DmarcOutcome, DmarcResult
from mailclad.mail.dmarc.record import Policy


class Action(StrEnum):
    """How far an author's policy is followed."""

    ENFORCE = "enforce"
    JUNK = "junk"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rules:
    """``domains`` are ours that differ from ``action``; ``sealers`` are believed (ARC d=)."""

    action: Action = Action.ENFORCE
    domains: Mapping[str, Action] = field(default_factory=dict)
    sealers: Collection[str] = ()

    def action_for(self, domain: str) -> Action:
        return self.domains.get(normalise_domain(domain), self.action) if domain else self.action


@dataclass(frozen=True, slots=True)
class Decision:
    """``disposition`` in DMARC's words: NONE lets pass, QUARANTINE is Junk, REJECT refuses.

    ``later``: the sender is asked to come again.  ``reason`` is a sentence for people; ``sealer``
    is whom was believed instead of DMARC.
    """

    disposition: Policy = Policy.NONE
    reason: str = ""
    sealer: str = ""
    later: bool = False


_PASSES = Decision()
_NOT_PROVEN = (DmarcOutcome.FAIL, DmarcOutcome.TEMPERROR)


def decide(
    rules: Rules,
    action: Action,
    dmarc: DmarcResult | None,
    fault: AuthorFault | None,
    arc: ArcResult,
) -> Decision:
    """``dmarc`` is None where a ``fault`` of From left nothing to evaluate."""
    if action is Action.NOTE:
        return _PASSES
    if fault is not None:
        strict = Policy.QUARANTINE if fault is AuthorFault.NO_DOMAIN else Policy.REJECT
        return _soften(action, strict, fault.value)
    if dmarc is None or dmarc.outcome not in _NOT_PROVEN or dmarc.policy is Policy.NONE:
        return _PASSES
    sealer = believed_sealer(arc, rules.sealers)
    if sealer:
        return Decision(sealer=sealer)
    if dmarc.outcome is DmarcOutcome.TEMPERROR:
        return _come_again(dmarc) if action is Action.ENFORCE else _PASSES
    reason = (
        f"the message is not authenticated by {dmarc.author_domain}, whose DMARC policy is "
        f"{dmarc.policy}: neither SPF nor DKIM passes for that domain"
    )
    return _soften(action, dmarc.policy, reason)


def _come_again(dmarc: DmarcResult) -> Decision:
    reason = (
        f"the DNS does not tell now whether {dmarc.author_domain} authenticates the message, as "
        "its DMARC policy demands"
    )
    return Decision(reason=reason, later=True)


def _soften(action: Action, asked: Policy, reason: str) -> Decision:
    return Decision(Policy.QUARANTINE if action is Action.JUNK else asked, reason)


def believed_sealer(arc: ArcResult, sealers: Collection[str]) -> str:
    """The trusted handler that saw DMARC pass; "" if there is none.

    The chain is followed from the newest set back, for as long as each sealer is trusted:
    what a stranger put below a trusted seal is the stranger's word (RFC 8617 §9.6).
    """
    if arc.outcome is not ArcOutcome.PASS:
        return ""
    for one in reversed(arc.sets):
        if one.seal_domain not in sealers:
            return ""
        found = parse_field(one.results.encode())
        results = found.results if found is not None else ()
        if any((result.method, result.result) == ("dmarc", "pass") for result in results):
            return one.seal_domain
    return ""

"""From facts to findings: what else is to be looked up, and what is wrong.

Comes in: ``Evidence`` and ``Answers``, of strangers.  Goes out: ``Questions``, and findings in the
order of hosts and ports, each cause once.  Pure, and never raises for what a server said.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from mailclad.services.diagnose.evidence import Answers, Evidence, Questions, Verifiers
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules import (
    compare,
    completion,
    dates,
    dns,
    names,
    policies,
    reach,
    revocation,
)
from mailclad.services.diagnose.rules.case import Case
from mailclad.services.diagnose.rules.chains import judge_chain
from mailclad.services.diagnose.rules.doors import NO_MAIL_HERE, judge_door
from mailclad.services.diagnose.rules.merge import merge

T = TypeVar("T")

MAX_QUESTIONS = 16
"""Documents of each kind in a round: hostile certificates could make us ask the whole world."""


@dataclass(frozen=True, slots=True)
class CaseRule:
    code: str
    judge: Callable[[Case], Iterable[Found]]


HOST_RULES = (CaseRule("C42", reach.no_such_host), CaseRule("C43", reach.not_reached))

CASE_RULES = (
    CaseRule("C06", dates.clock_skew),
    CaseRule("C07d", names.missing_names),
    CaseRule("C29", compare.not_in_use),
    CaseRule("C30", compare.differing),
    CaseRule("C34", policies.broken_dnssec),
    CaseRule("C42", dns.mail_servers),
    CaseRule("C33", policies.dane),
    CaseRule("C35", policies.sts),
    CaseRule("C36", policies.caa),
    CaseRule("DNS", dns.spf),
    CaseRule("DNS", dns.dkim),
    CaseRule("DNS", dns.dmarc),
    CaseRule("DNS", dns.misplaced),
    CaseRule("C45", dns.reverse_names),
    CaseRule("C45", dns.own_names),
    CaseRule("C34", policies.no_dnssec),
    CaseRule("C35", policies.tls_reports),
)


def questions(evidence: Evidence, answers: Answers, verifiers: Verifiers) -> Questions:
    """What is not answered yet; empty when there is nothing left to ask."""
    case = Case(evidence, answers, verifiers)
    return Questions(
        issuers=_once(completion.asks(case)),
        revocations=_once(revocation.asks(case)),
        candidates=tuple(dict.fromkeys(names.candidates(case))),
    )


def judge(evidence: Evidence, answers: Answers, verifiers: Verifiers) -> tuple[Found, ...]:
    case = Case(evidence, answers, verifiers)
    portal = tuple(reach.captive_portal(case))
    if portal:  # whoever answered, it was not the server
        return portal
    found = [one for rule in HOST_RULES for one in rule.judge(case)]
    for door in case.doors:
        found += judge_door(door, case)
    no_mail = {(one.address, one.endpoint) for one in found if one.id in NO_MAIL_HERE}
    for shown in case.shown:
        if (shown.door.port.address, shown.door.port.endpoint) not in no_mail:
            found += judge_chain(shown, case)
    found += (one for rule in CASE_RULES for one in rule.judge(case))
    return merge(compare.without_explained(found))


def _once(asked: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(asked))[:MAX_QUESTIONS]

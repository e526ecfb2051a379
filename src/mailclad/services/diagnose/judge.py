"""From facts to findings: what else is to be looked up, and what is wrong.

Comes in: ``Evidence`` and ``Answers``, of strangers.  Goes out: ``Questions``, and findings in the
order of hosts and ports, each cause once.  Pure, and never raises for what a server said.
"""

from collections.abc import Iterable
from typing import TypeVar

from mailclad.services.diagnose.evidence import Answers, Evidence, Questions, Verifiers
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules import completion, names, revocation
from mailclad.services.diagnose.rules.case import Case
from mailclad.services.diagnose.rules.chains import judge_chain
from mailclad.services.diagnose.rules.merge import merge

T = TypeVar("T")

MAX_QUESTIONS = 16
"""Of each kind in a round: hostile certificates could otherwise make us ask the whole world."""


def questions(
    evidence: Evidence, verifiers: Verifiers, answers: Answers = Answers()
) -> Questions:
    """What is not answered yet; empty when there is nothing left to ask."""
    case = Case(evidence, answers, verifiers)
    return Questions(
        issuers=_once(completion.asks(case)),
        revocations=_once(revocation.asks(case)),
        candidates=_once(names.candidates(case)),
    )


def judge(
    evidence: Evidence, verifiers: Verifiers, answers: Answers = Answers()
) -> tuple[Found, ...]:
    case = Case(evidence, answers, verifiers)
    found = [one for shown in case.shown for one in judge_chain(shown, case)]
    return merge(found)


def _once(asked: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(asked))[:MAX_QUESTIONS]

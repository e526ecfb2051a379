"""The rules about what a port shows, in their order, and what each makes superfluous.

One cause is one finding: a rule that found something explains OpenSSL's codes that follow from
it, and silences rules that would tell the same again.  What remains unexplained is told by code.
How tidy a chain is, is told only of one that can be trusted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules import dates, form, keys, names, revocation, trust
from mailclad.services.diagnose.rules.case import Case, Shown


@dataclass(frozen=True, slots=True)
class ChainRule:
    """``explains`` are verify codes; ``unless`` are rules that silence this one."""

    code: str
    judge: Callable[[Shown, Case], Iterator[Found]]
    explains: frozenset[int] = frozenset()
    unless: frozenset[str] = frozenset()


_PATH = trust.UNTRUSTED
_ALL_PATH = frozenset({*_PATH, 7, 24, 25, 26, 30, 79, 80, 81, 82, *range(83, 95)})
_NO_NAME_COUNTS = frozenset({"C09", "C23"})
"""Whoever made these certificates could have put any name into them."""

CHAIN_RULES: tuple[ChainRule, ...] = (
    ChainRule("C40", keys.published_key),
    ChainRule("C05", dates.wrong_clock, frozenset({9, 10})),
    ChainRule("C01", dates.expired, frozenset({10})),
    ChainRule("C05b", dates.not_yet_valid, frozenset({9})),
    ChainRule("C09", trust.self_signed, _ALL_PATH),
    ChainRule("C23", trust.intercepted, _ALL_PATH),
    ChainRule("C02", dates.expired_link, frozenset({10})),
    ChainRule("C15", keys.weak_key, frozenset({66, 67})),
    ChainRule("C16", keys.weak_signature, frozenset({68})),
    ChainRule("C17", keys.wrong_purpose, frozenset({26, 39, 82}), frozenset({"C09"})),
    ChainRule("C11", trust.missing_link, _PATH),
    ChainRule("C14", trust.does_not_belong, _ALL_PATH, frozenset({"C11"})),
    ChainRule("C10", trust.unknown_authority, _PATH, frozenset({"C09", "C23", "C14", "C11"})),
    ChainRule("C20", revocation.revoked, frozenset({23})),
    ChainRule("C08", names.common_name_only, unless=_NO_NAME_COUNTS),
    ChainRule("C07", names.wrong_name, frozenset({62, 64}), _NO_NAME_COUNTS),
)

TIDY_RULES: tuple[ChainRule, ...] = (
    ChainRule("C04", dates.ends_soon),
    ChainRule("C03", dates.expired_link_of_old_programs),
    ChainRule("C12", form.wrong_order),
    ChainRule("C13", form.surplus, unless=frozenset({"C03", "C12"})),
    ChainRule("C19", form.strict_only),
    ChainRule("C38", form.too_long_a_life),
    ChainRule("C39", form.in_no_log, unless=frozenset({"C38"})),
    ChainRule("C21", revocation.unchecked),
)

_TRUSTED_ALL_THE_SAME = frozenset({"C40", "C05", "C08", "C07", "C07a", "C07b", "C07c", "C07e"})
"""Rules whose findings say nothing of the chain itself."""


def judge_chain(shown: Shown, case: Case) -> tuple[Found, ...]:
    problem = shown.chain.leaf.problem
    if problem:
        return (shown.found("CERT-314", "C14", what=f"the certificate cannot be read: {problem}"),)
    found: list[Found] = []
    left = shown.codes
    for rule in CHAIN_RULES:
        new = _ask(rule, found, shown, case)
        found += new
        left -= rule.explains if new else frozenset()
    found += trust.by_code(shown, left)
    if {one.rule for one in found} <= _TRUSTED_ALL_THE_SAME:
        mildly = replace(shown, demanded=False)
        for rule in TIDY_RULES:
            found += _ask(rule, found, mildly, case)
    return tuple(found)


def _ask(rule: ChainRule, found: list[Found], shown: Shown, case: Case) -> list[Found]:
    if any(one.rule in rule.unless for one in found):
        return []
    return list(rule.judge(shown, case))

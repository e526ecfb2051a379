"""The rules about what a port shows, in their order, and what each makes superfluous.

One cause is one finding: a rule that found something explains OpenSSL's codes that follow from
it, and silences rules that would tell the same again.  What remains unexplained is told by code.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
_NO_PATH = frozenset({"C09", "C23", "C14", "C11", "C10"})
_BROKEN = frozenset({*_NO_PATH, "C02", "C15", "C16", "C17", "C18"})
_OTHER_DATE = frozenset({"C01", "C05", "C05b"})

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
    ChainRule("C14", trust.does_not_belong, _ALL_PATH),
    ChainRule("C11", trust.missing_link, _PATH, frozenset({"C14"})),
    ChainRule("C10", trust.unknown_authority, _PATH, frozenset({"C09", "C23", "C14", "C11"})),
    ChainRule("C20", revocation.revoked, frozenset({23}), _NO_PATH),
    ChainRule("C08", names.common_name_only, frozenset({62}), frozenset({"C09", "C23"})),
    ChainRule("C07", names.wrong_name, frozenset({62, 64}), frozenset({"C09", "C23", "C08"})),
    ChainRule("C04", dates.ends_soon, unless=frozenset({*_OTHER_DATE, *_NO_PATH})),
    ChainRule("C12", form.wrong_order, unless=frozenset({*_BROKEN, "C03"})),
    ChainRule("C13", form.surplus, unless=frozenset({*_BROKEN, "C03", "C12"})),
    ChainRule("C19", form.strict_only, frozenset(range(83, 95)), _BROKEN),
    ChainRule("C38", form.too_long_a_life, unless=_BROKEN),
    ChainRule("C39", form.in_no_log, frozenset({71}), frozenset({*_BROKEN, "C38"})),
    ChainRule("C21", revocation.unchecked, unless=frozenset({*_BROKEN, *_OTHER_DATE})),
)


def judge_chain(shown: Shown, case: Case) -> tuple[Found, ...]:
    problem = shown.chain.leaf.problem
    if problem:
        return (shown.found("CERT-314", "C14", what=f"the certificate cannot be read: {problem}"),)
    found: list[Found] = []
    told: set[str] = set()
    explained: set[int] = set()
    for rule in CHAIN_RULES:
        if rule.unless & told:
            continue
        new = list(rule.judge(shown, case))
        if new:
            found += new
            told |= {rule.code, *(one.rule for one in new)}
            explained |= rule.explains
    found += trust.by_code(shown, shown.codes - explained)
    return tuple(found)

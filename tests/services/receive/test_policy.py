"""Every row of the table: what becomes of a message."""

import pytest

from mailclad.mail.arc import ArcOutcome, ArcResult, ArcSet
from mailclad.mail.dmarc.author import AuthorFault
from mailclad.mail.dmarc.evaluate import DmarcOutcome, DmarcResult
from mailclad.mail.dmarc.record import Policy
from mailclad.services.receive.policy import Action, Rules, believed_sealer, decide

NO_CHAIN = ArcResult(ArcOutcome.NONE)
RULES = Rules(sealers=frozenset({"list.test", "hop.test"}))
PASSED, JUNK, REFUSED = Policy.NONE, Policy.QUARANTINE, Policy.REJECT


def failed(policy: Policy) -> DmarcResult:
    return DmarcResult(DmarcOutcome.FAIL, "bank.test", policy, policy)


def chain(*sets: tuple[str, str], outcome: ArcOutcome = ArcOutcome.PASS) -> ArcResult:
    found = [ArcSet(at, "", seal, said) for at, (seal, said) in enumerate(sets, start=1)]
    return ArcResult(outcome, tuple(found))


@pytest.mark.parametrize(
    ("found", "enforce", "junk"),
    [
        (failed(Policy.REJECT), REFUSED, JUNK),
        (failed(Policy.QUARANTINE), JUNK, JUNK),
        (failed(Policy.NONE), PASSED, PASSED),
        (DmarcResult(DmarcOutcome.PASS, "bank.test", Policy.REJECT), PASSED, PASSED),
        (DmarcResult(DmarcOutcome.NONE, "bank.test"), PASSED, PASSED),
        (DmarcResult(DmarcOutcome.PERMERROR, "bank.test", Policy.REJECT), PASSED, PASSED),
        (AuthorFault.NO_FROM, REFUSED, JUNK),
        (AuthorFault.SEVERAL_FROM, REFUSED, JUNK),
        (AuthorFault.AMBIGUOUS, REFUSED, JUNK),
        (AuthorFault.TOO_MUCH, REFUSED, JUNK),
        (AuthorFault.NO_DOMAIN, JUNK, JUNK),
    ],
)
def test_the_table(found: DmarcResult | AuthorFault, enforce: Policy, junk: Policy) -> None:
    dmarc = found if isinstance(found, DmarcResult) else None
    fault = found if isinstance(found, AuthorFault) else None
    for action, expected in (
        (Action.ENFORCE, enforce), (Action.JUNK, junk), (Action.NOTE, PASSED)
    ):  # fmt: skip
        decision = decide(RULES, action, dmarc, fault, NO_CHAIN)
        assert decision.disposition is expected
        assert bool(decision.reason) is (expected is not PASSED)


@pytest.mark.rfc("7489", "6.6.3")
def test_what_dns_leaves_open_is_asked_for_again() -> None:
    open_ = DmarcResult(DmarcOutcome.TEMPERROR, "bank.test", Policy.QUARANTINE)
    decision = decide(RULES, Action.ENFORCE, open_, None, NO_CHAIN)
    assert (decision.later, decision.disposition) == (True, PASSED)
    assert "bank.test" in decision.reason
    sealed = chain(("list.test", SAW_PASS))
    for action, arc in (
        (Action.JUNK, NO_CHAIN),
        (Action.NOTE, NO_CHAIN),
        (Action.ENFORCE, sealed),
    ):
        assert not decide(RULES, action, open_, None, arc).later
    unknown = DmarcResult(DmarcOutcome.TEMPERROR, "bank.test")
    assert not decide(RULES, Action.ENFORCE, unknown, None, NO_CHAIN).later


def test_the_reason_names_domain_and_policy() -> None:
    reason = decide(RULES, Action.ENFORCE, failed(Policy.REJECT), None, NO_CHAIN).reason
    assert "bank.test" in reason
    assert "reject" in reason


SAW_PASS = "mx.list.test; spf=fail; dmarc=pass header.from=bank.test"
SAW_FAIL = "mx.list.test; dmarc=fail header.from=bank.test"


@pytest.mark.rfc("8617", "7.2")
@pytest.mark.parametrize(
    ("arc", "believed"),
    [
        (chain(("list.test", SAW_PASS)), "list.test"),
        (chain(("list.test", SAW_FAIL)), ""),
        (chain(("other.test", SAW_PASS)), ""),
        (chain(("list.test", SAW_PASS), ("hop.test", SAW_FAIL)), "list.test"),
        (chain(("list.test", SAW_PASS), ("other.test", SAW_FAIL)), ""),
        (chain(("other.test", SAW_PASS), ("hop.test", SAW_FAIL)), ""),
        (chain(("list.test", SAW_PASS), outcome=ArcOutcome.FAIL), ""),
        (chain(("list.test", "(")), ""),
        (NO_CHAIN, ""),
    ],
)
def test_a_trusted_sealer_is_believed(arc: ArcResult, believed: str) -> None:
    assert believed_sealer(arc, RULES.sealers) == believed
    decision = decide(RULES, Action.ENFORCE, failed(Policy.REJECT), None, arc)
    assert decision.sealer == believed
    assert (decision.disposition is PASSED) is bool(believed)


def test_nobody_is_trusted_by_default() -> None:
    assert believed_sealer(chain(("list.test", SAW_PASS)), Rules().sealers) == ""


def test_a_trusted_sealer_does_not_help_a_message_without_an_author() -> None:
    arc = chain(("list.test", SAW_PASS))
    decision = decide(RULES, Action.ENFORCE, None, AuthorFault.SEVERAL_FROM, arc)
    assert decision.disposition is REFUSED


def test_domains_are_compared_as_the_dns_has_them() -> None:
    rules = Rules(domains={"xn--bcher-kva.example": Action.NOTE})
    assert rules.action_for("BÜCHER.example") is Action.NOTE
    assert rules.action_for("other.example") is Action.ENFORCE
    assert rules.action_for("") is Action.ENFORCE

"""DMARC as a whole: discovery, alignment, policy."""

import asyncio
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dmarc.evaluate import (
    MAX_DOMAINS,
    DmarcOutcome,
    DmarcResult,
    evaluate_dmarc,
    worst,
)
from mailclad.mail.dmarc.record import Policy
from tests.mail.dmarc.fake_resolver import FakeResolver

PASS, FAIL, NONE = DmarcOutcome.PASS, DmarcOutcome.FAIL, DmarcOutcome.NONE
EXAMPLE = {"_dmarc.example.com": ["v=DMARC1; p=reject; rua=mailto:r@example.com"]}


def judge(
    texts: dict[str, list[str]],
    author: str = "example.com",
    *,
    spf: str | None = None,
    dkim: list[str] | None = None,
    undecided: list[str] | None = None,
    existing: set[str] | None = None,
    broken: set[str] | None = None,
) -> DmarcResult:
    resolver = FakeResolver(texts, existing or set(), broken or set())
    identity = None if spf is None else (spf, True)
    return asyncio.run(evaluate_dmarc(resolver, author, identity, dkim or [], undecided or []))


def record(text: str, domain: str = "example.com") -> dict[str, list[str]]:
    return {f"_dmarc.{domain}": [f"v=DMARC1; {text}"]}


@pytest.mark.rfc("7489", "B.1.1")
@pytest.mark.parametrize(
    ("mail_from", "author", "relaxed", "strict"),
    [
        ("example.com", "example.com", True, True),
        ("child.example.com", "example.com", True, False),
        ("example.net", "child.example.com", False, False),
        ("EXAMPLE.com.", "example.COM", True, True),
        ("notexample.com", "example.com", False, False),
    ],
)
def test_spf_alignment(mail_from: str, author: str, relaxed: bool, strict: bool) -> None:
    assert judge(record("p=reject"), author, spf=mail_from).aligned_spf is relaxed
    assert judge(record("p=reject; aspf=s"), author, spf=mail_from).aligned_spf is strict


@pytest.mark.rfc("7489", "B.1.2")
@pytest.mark.parametrize(
    ("signer", "author", "relaxed", "strict"),
    [
        ("example.com", "example.com", True, True),
        ("example.com", "child.example.com", True, False),
        ("sample.net", "child.example.com", False, False),
    ],
)
def test_dkim_alignment(signer: str, author: str, relaxed: bool, strict: bool) -> None:
    assert judge(record("p=reject"), author, dkim=[signer]).aligned_dkim is relaxed
    assert judge(record("p=reject; adkim=s"), author, dkim=[signer]).aligned_dkim is strict


@pytest.mark.rfc("7489", "B.3.1")
def test_the_receiver_example() -> None:
    texts = record("p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com")
    result = judge(texts, spf="mail.example.com", dkim=["example.com"])
    assert (result.outcome, result.aligned_spf, result.aligned_dkim) == (PASS, True, True)
    assert result.record is not None
    assert [uri.uri for uri in result.record.rua] == ["mailto:dmarc-feedback@example.com"]


def test_an_spf_failure_helps_nobody() -> None:
    verdict = evaluate_dmarc(FakeResolver(EXAMPLE), "example.com", ("example.com", False), [])
    assert asyncio.run(verdict).outcome is FAIL


def test_without_a_record_dmarc_does_not_apply() -> None:
    result = judge({}, spf="example.com")
    assert (result.outcome, result.policy, result.record) == (NONE, Policy.NONE, None)


@pytest.mark.rfc("9989", "4.10.1")
@pytest.mark.parametrize(
    ("text", "author", "exists", "wanted"),
    [
        ("p=reject; sp=none", "example.com", True, Policy.REJECT),
        ("p=reject; sp=quarantine", "a.example.com", True, Policy.QUARANTINE),
        ("p=reject; sp=quarantine", "a.b.example.com", False, Policy.QUARANTINE),
        ("p=none; sp=quarantine; np=reject", "a.example.com", False, Policy.REJECT),
        ("p=none; sp=quarantine; np=reject", "a.example.com", True, Policy.QUARANTINE),
        ("p=quarantine; np=none", "a.example.com", False, Policy.NONE),
        ("p=quarantine", "a.example.com", False, Policy.QUARANTINE),
        ("p=reject; t=y", "example.com", True, Policy.QUARANTINE),
        ("p=none; np=quarantine; t=y", "a.example.com", False, Policy.NONE),
    ],
)
def test_the_policy_that_applies(text: str, author: str, exists: bool, wanted: Policy) -> None:
    result = judge(record(text), author, existing={author} if exists else set())
    assert (result.outcome, result.policy) == (FAIL, wanted)


def test_testing_keeps_what_was_requested() -> None:
    result = judge(record("p=reject; t=y"))
    assert (result.requested, result.policy) == (Policy.REJECT, Policy.QUARANTINE)


@pytest.mark.rfc("9989", "4.10.1")
def test_the_order_of_discovery_is_author_organization_suffix() -> None:
    author, organization, between, suffix = (
        record("p=reject", "a.b.example.com"),
        record("p=none; sp=quarantine"),
        record("p=reject", "b.example.com"),
        record("p=none; sp=reject; psd=y", "com"),
    )
    everything = {**author, **organization, **between, **suffix}
    assert judge(everything, "a.b.example.com").record_domain == "a.b.example.com"
    below = {**organization, **between, **suffix}
    assert judge(below, "a.b.example.com").record_domain == "example.com"
    alone = judge({**between, **suffix}, "a.b.example.com")
    assert (alone.record_domain, alone.organizational_domain) == ("com", "example.com")
    assert alone.policy is Policy.REJECT


@pytest.mark.rfc("9989", "11.8")
def test_an_organization_inside_another_is_not_aligned_with_it() -> None:
    texts = {**EXAMPLE, **record("p=reject; psd=n", "mail.example.com")}
    assert judge(texts, "evil.example.com", dkim=["mail.example.com"]).outcome is FAIL
    assert judge(texts, "a.mail.example.com", dkim=["b.mail.example.com"]).outcome is PASS
    assert judge(texts, "a.mail.example.com", dkim=["example.com"]).outcome is FAIL


def test_neighbours_below_a_public_suffix_are_not_aligned() -> None:
    texts = record("p=reject; psd=y", "com")
    assert judge(texts, "good.com", dkim=["evil.com"]).outcome is FAIL
    assert judge(texts, "good.com", dkim=["mail.good.com"]).outcome is PASS


def test_an_unusable_record_is_a_permanent_error() -> None:
    result = judge(record("p=everything"), dkim=["example.com"])
    assert result.outcome is DmarcOutcome.PERMERROR
    assert "_dmarc.example.com" in result.problem
    assert result.policy is Policy.NONE


@pytest.mark.rfc("9989", "5.3.6")
@pytest.mark.parametrize("broken", ["_dmarc.a.example.com", "_dmarc.com", "a.example.com"])
def test_dns_trouble_is_a_temporary_error(broken: str) -> None:
    result = judge(record("p=none; np=reject"), "a.example.com", broken={broken})
    assert result.outcome is DmarcOutcome.TEMPERROR
    assert "a.example.com" in result.problem


@pytest.mark.rfc("7489", "6.6.2")
def test_a_check_without_answer_counts_only_for_an_aligned_domain() -> None:
    assert judge(EXAMPLE, undecided=["mail.example.com"]).outcome is DmarcOutcome.TEMPERROR
    assert judge(EXAMPLE, undecided=["evil.example"]).outcome is FAIL
    strict = record("p=reject; adkim=s; aspf=s")
    assert judge(strict, undecided=["mail.example.com"]).outcome is FAIL
    assert judge(EXAMPLE, dkim=["example.com"], undecided=["example.com"]).outcome is PASS


def test_foreign_domains_cost_no_queries() -> None:
    resolver = FakeResolver(EXAMPLE)
    signers = ["notexample.com", *[f"a{number}.example.net" for number in range(100)]]
    result = asyncio.run(evaluate_dmarc(resolver, "example.com", None, signers))
    assert result.outcome is FAIL
    assert resolver.asked == ["_dmarc.example.com", "_dmarc.com"]


def test_only_so_many_signatures_are_looked_at() -> None:
    signers = [f"a{number}.example.net" for number in range(MAX_DOMAINS)]
    assert judge(EXAMPLE, dkim=[*signers[1:], "example.com"]).outcome is PASS
    assert judge(EXAMPLE, dkim=[*signers, "example.com"]).outcome is FAIL


@pytest.mark.rfc("7489", "6.6.1")
def test_the_strictest_policy_of_several_authors_counts() -> None:
    results = [
        DmarcResult(FAIL, "a", Policy.REJECT),
        DmarcResult(FAIL, "b", Policy.QUARANTINE),
        DmarcResult(DmarcOutcome.TEMPERROR, "c"),
        DmarcResult(FAIL, "d"),
        DmarcResult(DmarcOutcome.PERMERROR, "e"),
        DmarcResult(NONE, "f"),
        DmarcResult(PASS, "g", Policy.REJECT),
    ]
    for better, worse in permutations(range(len(results)), 2):
        assert worst([results[better], results[worse]]) is results[min(better, worse)]


_NAMES = st.lists(st.sampled_from(["a", "b", "example", "com", ""]), min_size=1, max_size=10).map(
    ".".join
)
_RECORDS = st.lists(
    st.sampled_from(["p=reject", "sp=none", "np=quarantine", "psd=y", "psd=n", "adkim=s", "p=x"])
).map(lambda tags: "; ".join(["v=DMARC1", *tags]))


@given(st.dictionaries(_NAMES, _RECORDS), _NAMES, st.lists(_NAMES, max_size=4))
def test_any_tree_gives_a_verdict_and_a_passing_author_always_passes(
    records: dict[str, str], author: str, signers: list[str]
) -> None:
    texts = {f"_dmarc.{name}": [text] for name, text in records.items()}
    result = judge(texts, author, dkim=signers)
    canonical = author.removesuffix(".")
    if result.outcome is FAIL:
        assert canonical not in [signer.removesuffix(".") for signer in signers]
    if result.outcome is PASS:
        inside = [f".{signer.removesuffix('.')}" for signer in signers]
        assert any(name.endswith(f".{result.organizational_domain}") for name in inside)

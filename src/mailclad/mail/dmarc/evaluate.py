"""May this message use its author's domain? (RFC 9989 §4.4, §4.10.1, §5.3; RFC 7489 §6.6)

In come the author's domain (``author.find_author``), what SPF and DKIM said, and a resolver;
out comes a ``DmarcResult``: pass or fail, which policy applies, who wants reports.
What SPF and DKIM said is trusted; DNS answers are a stranger's.  Never raises: DNS trouble
is ``temperror``, a record that cannot be used ``permerror``, no record ``none``.

Decided here where the standards leave it open:
- Of several author domains each is judged, and the worst counts (``worst``; RFC 7489 §6.6.1).
- A check that ended in a temporary error keeps a message from failing only if its domain would
  have been aligned; else anybody could avoid a policy with a signature of a broken domain.
- ``np`` needs to know whether the author's domain exists: NXDOMAIN (RFC 8020), nothing else.
Limits: ``MAX_DOMAINS`` passed domains, ``tree_walk.MAX_QUERIES`` queries each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailclad.base.resolver import DnsProblem, Resolver
from mailclad.mail.dmarc.record import Alignment, DmarcRecord, Policy
from mailclad.mail.dmarc.tree_walk import Published, Walker, choose_organizational

MAX_DOMAINS = 20
"""Signatures that passed, of one message; mailing lists and senders add up to four."""


class DmarcOutcome(StrEnum):
    """RFC 7489 §11.2, the words of Authentication-Results."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """``policy`` is what applies if the outcome is ``fail``; ``requested`` before ``t=y``.

    ``record_domain`` is where ``record`` stands.  ``problem`` says in words why it is an error.
    """

    outcome: DmarcOutcome
    author_domain: str
    policy: Policy = Policy.NONE
    requested: Policy = Policy.NONE
    organizational_domain: str = ""
    record_domain: str = ""
    record: DmarcRecord | None = None
    aligned_spf: bool = False
    aligned_dkim: bool = False
    problem: str = ""


async def evaluate_dmarc(
    resolver: Resolver,
    author_domain: str,
    spf: tuple[str, bool] | None,
    dkim_domains_passed: Sequence[str],
    undecided: Sequence[str] = (),
) -> DmarcResult:
    """Domains are in A-labels.  ``spf``: the domain of MAIL FROM, and whether it passed.

    ``undecided``: domains of SPF and DKIM checks that ended in a temporary error.
    """
    author = _canonical(author_domain)
    evaluation = _Evaluation(Walker(resolver), author)
    try:
        return await evaluation.run(
            [spf[0]] if spf is not None and spf[1] else [], dkim_domains_passed, undecided
        )
    except DnsProblem:
        return DmarcResult(
            DmarcOutcome.TEMPERROR,
            author,
            problem=f"the DNS gave no usable answer about the DMARC policy of {author}",
        )


_WORST_FIRST = (
    (DmarcOutcome.FAIL, Policy.REJECT),
    (DmarcOutcome.FAIL, Policy.QUARANTINE),
    (DmarcOutcome.TEMPERROR, None),
    (DmarcOutcome.FAIL, Policy.NONE),
    (DmarcOutcome.PERMERROR, None),
    (DmarcOutcome.NONE, None),
    (DmarcOutcome.PASS, None),
)


def worst(results: Sequence[DmarcResult]) -> DmarcResult:
    """Of a message with several author domains: the strictest policy among those that fail."""
    return min(
        results,
        key=lambda result: _WORST_FIRST.index(
            (result.outcome, result.policy if result.outcome is DmarcOutcome.FAIL else None)
        ),
    )


@dataclass(slots=True)
class _Evaluation:
    walker: Walker
    author: str
    organizational: str = ""

    async def run(
        self, spf: Sequence[str], dkim: Sequence[str], undecided: Sequence[str]
    ) -> DmarcResult:
        found = await self.walker.walk(self.author)
        self.organizational = choose_organizational(self.author, found)
        published = _applicable(self.author, self.organizational, found)
        if published is None:
            return DmarcResult(
                DmarcOutcome.NONE, self.author, organizational_domain=self.organizational
            )
        record = published.record
        if not record.usable:
            return self._result(DmarcOutcome.PERMERROR, published, problem=_unusable(published))
        aligned_spf = await self._any_aligned(spf, record.aspf)
        aligned_dkim = await self._any_aligned(dkim, record.adkim)
        problem = ""
        if aligned_spf or aligned_dkim:
            outcome = DmarcOutcome.PASS
        elif await self._any_aligned(undecided, _looser(record)):
            outcome = DmarcOutcome.TEMPERROR
            problem = f"a check of SPF or DKIM that could speak for {self.author} found no answer"
        else:
            outcome = DmarcOutcome.FAIL
        requested = await self._requested(published, outcome is DmarcOutcome.FAIL)
        return self._result(outcome, published, requested, aligned_spf, aligned_dkim, problem)

    def _result(
        self,
        outcome: DmarcOutcome,
        published: Published,
        requested: Policy = Policy.NONE,
        aligned_spf: bool = False,
        aligned_dkim: bool = False,
        problem: str = "",
    ) -> DmarcResult:
        return DmarcResult(
            outcome,
            self.author,
            _one_below(requested) if published.record.testing else requested,
            requested,
            self.organizational,
            published.domain,
            published.record,
            aligned_spf,
            aligned_dkim,
            problem,
        )

    async def _any_aligned(self, domains: Sequence[str], mode: Alignment) -> bool:
        for domain in dict.fromkeys(map(_canonical, domains[:MAX_DOMAINS])):
            if domain == self.author:
                return True
            if mode is Alignment.RELAXED and await self._same_organization(domain):
                return True
        return False

    async def _same_organization(self, domain: str) -> bool:
        # A domain outside the author's organizational domain cannot have it as its own.
        if not f".{domain}".endswith(f".{self.organizational}"):
            return False
        return await self.walker.organizational_domain(domain) == self.organizational

    async def _requested(self, published: Published, applies: bool) -> Policy:
        record = published.record
        if published.domain == self.author:
            return record.policy
        existing = record.subdomain_policy or record.policy
        if record.absent_policy is None or not applies:
            return existing
        answer = await self.walker.resolver.mx(self.author)
        return existing if answer.exists else record.absent_policy


def _applicable(
    author: str, organizational: str, found: tuple[Published, ...]
) -> Published | None:
    """The author's own record, its organization's, or the public suffix's (§4.10.1)."""
    by_domain = {published.domain: published for published in found}
    own = by_domain.get(author) or by_domain.get(organizational)
    return own or (found[-1] if found else None)


def _looser(record: DmarcRecord) -> Alignment:
    relaxed = Alignment.RELAXED in {record.aspf, record.adkim}
    return Alignment.RELAXED if relaxed else Alignment.STRICT


def _one_below(policy: Policy) -> Policy:
    """``t=y``: reject becomes quarantine, quarantine becomes none (§4.7)."""
    return Policy.QUARANTINE if policy is Policy.REJECT else Policy.NONE


def _unusable(published: Published) -> str:
    return f"the DMARC record at _dmarc.{published.domain} cannot be used: " + "; ".join(
        published.record.problems
    )


def _canonical(domain: str) -> str:
    return domain.lower().removesuffix(".")

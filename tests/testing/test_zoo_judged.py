"""Every exhibit of the zoo, looked at over the network and judged: its finding, and no other."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from mailclad.servers.probe import Prober
from mailclad.servers.probe_visit import Patience
from mailclad.servers.tls import path_fault
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.diagnose.evidence import ROUNDS, Answers, Evidence, Verifiers
from mailclad.services.diagnose.facts import HostSeen
from mailclad.services.diagnose.judge import judge, questions
from mailclad.testing.zoo import Exhibit, Zoo
from tests.dns.fake import FakeResolver

PATIENCE = Patience(connect=5, banner=1, mx_banner=1, handshake=1.5, answer=5, leave=0.5, visit=10)
AT_ONCE = 8


async def findings(zoo: Zoo, trust: ProbeTrust, one: Exhibit) -> tuple[str, ...]:
    resolver = FakeResolver({(one.host, "A"): ["127.0.0.1"]})
    seen = await Prober(resolver, trust, patience=PATIENCE).look_at(one.host, [one.endpoint])
    evidence = Evidence((seen,), datetime.now(UTC), promised=(one.endpoint,))
    verifiers = Verifiers(trust.verify, path_fault)
    answers = Answers()
    for _ in range(ROUNDS):
        asked = questions(evidence, answers, verifiers)
        if not asked:
            break
        urls = (*asked.issuers, *asked.revocations)
        fetched = {url: zoo.certificates.published.get(url) for url in urls}
        nowhere = {one.name: HostSeen(one.name, (), exists=False) for one in asked.candidates}
        answers = Answers({**answers.fetched, **fetched}, {**answers.candidates, **nowhere})
    return tuple(sorted({found.id for found in judge(evidence, answers, verifiers)}))


async def all_findings(zoo: Zoo) -> Mapping[str, tuple[str, ...]]:
    trust, gate = ProbeTrust(zoo.ca), asyncio.Semaphore(AT_ONCE)

    async def gated(one: Exhibit) -> tuple[str, ...]:
        async with gate:
            return await findings(zoo, trust, one)

    return dict(zip(zoo, await asyncio.gather(*map(gated, zoo.values())), strict=True))


@pytest.mark.slow
def test_every_exhibit_is_found_to_be_what_it_is() -> None:
    with Zoo(late_seconds=0.5) as zoo:
        found = asyncio.run(all_findings(zoo))
        expected = {name: tuple(sorted(set(one.finds))) for name, one in zoo.items()}
    assert found == expected

"""Reports of several put together."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mailclad.mail import tls_rpt
from mailclad.mail.dmarc import report as dmarc
from mailclad.mail.dmarc.record import Policy
from mailclad.mail.tls_rpt import Failure, PolicySummary, PolicyType, ResultType, TlsReport
from mailclad.services.reports import summary
from mailclad.services.reports.summary import OTHERS, DomainSummary, summarise
from mailclad.store.reports import NewReceived, Received, ReceivedId, ReportKind
from tests.services.reports.scene import FORGED, ROW
from tests.services.reports.test_intake import DMARC


def received(*rows: dmarc.Row, organization: str = "a", vouched: str = "a.test") -> Received:
    report = replace(DMARC, organization=organization, rows=rows)
    content = dmarc.pack_report(report)
    told = NewReceived(
        ReportKind.DMARC, "ours.test", organization, "1", "", 0, 1, 2, vouched, 0, 0, content
    )
    return Received(ReceivedId(1), told)


def summed(*reports: Received) -> DomainSummary:
    async def each() -> AsyncIterator[Received]:
        for one in reports:
            yield one

    return asyncio.run(summarise(each()))["ours.test"]


def test_what_several_say_of_one_source_is_put_together() -> None:
    told = summed(
        received(ROW, replace(FORGED, source_ip=ROW.source_ip, count=3)),
        received(replace(ROW, count=2), organization="b", vouched=""),
    )
    (source,) = told.sources.values()
    assert (source.messages, source.passed, source.failed) == (6, 3, 3)
    assert source.done == {Policy.NONE: 3, Policy.REJECT: 3}
    assert source.reporters == {"a.test", "b (not signed)"}
    assert (told.dmarc_reports, told.unsigned) == (2, 1)


def test_of_more_problems_than_are_kept_apart_the_rest_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summary, "MAX_PROBLEMS", 2)
    kind = ResultType.CERTIFICATE_EXPIRED
    failures = [
        Failure(kind, 1, receiving_mx_hostname=f"mx{n}.ours.test") for n in (1, 2, 3, 4, 1)
    ]
    policy = PolicySummary(PolicyType.STS, "ours.test", (), (), 0, 5, tuple(failures))
    report = TlsReport("a", "", "1", 0, 1, (policy,))
    told = NewReceived(
        ReportKind.TLS, "ours.test", "a", "1", "", 0, 1, 2, "a", 0, 5, tls_rpt.pack_report(report)
    )
    problems = summed(Received(ReceivedId(1), told)).problems
    assert {problem.server: tally.sessions for problem, tally in problems.items()} == {
        "mx1.ours.test": 2, "mx2.ours.test": 1, OTHERS: 2,
    }  # fmt: skip


def test_of_more_sources_than_are_kept_apart_the_rest_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summary, "MAX_SOURCES", 2)
    rows = [replace(ROW, source_ip=f"192.0.2.{n}") for n in (1, 2, 3, 4, 1)]
    sources = summed(received(*rows)).sources
    assert {name: source.messages for name, source in sources.items()} == {
        "192.0.2.1": 2, "192.0.2.2": 1, OTHERS: 2,
    }  # fmt: skip

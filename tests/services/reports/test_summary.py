"""Reports of several put together."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mailclad.mail.dmarc import report as dmarc
from mailclad.mail.dmarc.record import Policy
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


def test_of_more_sources_than_are_kept_apart_the_rest_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summary, "MAX_SOURCES", 2)
    rows = [replace(ROW, source_ip=f"192.0.2.{n}") for n in (1, 2, 3, 4, 1)]
    sources = summed(received(*rows)).sources
    assert {name: source.messages for name, source in sources.items()} == {
        "192.0.2.1": 2, "192.0.2.2": 1, OTHERS: 2,
    }  # fmt: skip

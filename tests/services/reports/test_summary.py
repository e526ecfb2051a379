"""Reports of several put together."""

from dataclasses import replace

import pytest

from mailclad.mail.dmarc import report as dmarc
from mailclad.mail.dmarc.record import Policy
from mailclad.services.reports import summary
from mailclad.services.reports.summary import OTHERS, summarise
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


def test_what_several_say_of_one_source_is_put_together() -> None:
    some = [
        received(ROW, replace(FORGED, source_ip=ROW.source_ip, count=3)),
        received(replace(ROW, count=2), organization="b", vouched=""),
    ]
    told = summarise(some)["ours.test"]
    (source,) = told.sources.values()
    assert (source.messages, source.passed, source.failed) == (6, 3, 3)
    assert source.done == {Policy.NONE: 3, Policy.REJECT: 3}
    assert source.reporters == {"a", "b"}
    assert (told.dmarc_reports, told.unsigned) == (2, 1)


def test_of_more_sources_than_are_kept_apart_the_rest_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summary, "MAX_SOURCES", 2)
    rows = [replace(ROW, source_ip=f"192.0.2.{n}") for n in (1, 2, 3, 4, 1)]
    sources = summarise([received(*rows)])["ours.test"].sources
    assert {name: source.messages for name, source in sources.items()} == {
        "192.0.2.1": 2, "192.0.2.2": 1, OTHERS: 2,
    }  # fmt: skip

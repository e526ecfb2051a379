"""Aggregate reports written."""

import gzip
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailclad.mail.dmarc.record import Policy
from mailclad.mail.dmarc.report import (
    MAX_DKIM_RESULTS,
    DkimShown,
    Override,
    PolicyShown,
    Report,
    Row,
    file_name,
    gather_rows,
    pack_report,
    subject,
    write_report,
)
from tests.mail.dmarc.reports import REPORT, ROW, rows


@pytest.mark.rfc("7489", "C")
def test_the_elements_stand_in_the_order_of_the_schema() -> None:
    root = ET.fromstring(write_report(REPORT))

    def names(path: str) -> list[str]:
        found = root.find(path)
        assert found is not None
        return [child.tag for child in found]

    assert names(".") == ["version", "report_metadata", "policy_published", "record"]
    assert names("report_metadata") == [
        "org_name", "email", "extra_contact_info", "report_id", "date_range", "error", "error"
    ]  # fmt: skip
    assert names("policy_published") == [
        "domain", "adkim", "aspf", "p", "sp", "np", "pct", "testing", "fo"
    ]  # fmt: skip
    assert names("record") == ["row", "identifiers", "auth_results"]
    assert names("record/row") == ["source_ip", "count", "policy_evaluated"]
    assert names("record/row/policy_evaluated") == ["disposition", "dkim", "spf", "reason"]
    assert names("record/identifiers") == ["envelope_to", "envelope_from", "header_from"]
    assert names("record/auth_results") == ["dkim", "dkim", "spf", "spf"]
    assert names("record/auth_results/dkim") == ["domain", "selector", "result"]
    assert names("record/auth_results/spf") == ["domain", "scope", "result"]
    assert root.findtext("report_metadata/org_name") == 'Größe & <b>"Sons"</b>'


def test_a_subdomain_policy_is_said_even_where_it_is_not_published() -> None:
    report = Report("o", "c", "i", 0, 1, PolicyShown("example.com", Policy.REJECT), ())
    text = write_report(report)
    assert b"<sp>reject</sp>" in text
    assert b"<np>" not in text
    assert b"<testing>" not in text


@given(st.text(alphabet=st.characters()))
def test_any_text_stays_text(text: str) -> None:
    row = Row("192.0.2.1", 1, Policy.NONE, False, False, text, overrides=(Override(text, text),))
    report = Report(text, text, text, 0, 1, PolicyShown(text), (row,), errors=(text,))
    root = ET.fromstring(write_report(report))
    assert [child.tag for child in root] == [
        "version",
        "report_metadata",
        "policy_published",
        "record",
    ]


def test_only_so_many_signatures_are_shown() -> None:
    signatures = (DkimShown("d.example", "s", "pass"),) * (MAX_DKIM_RESULTS + 1)
    row = Row("192.0.2.1", 1, Policy.NONE, True, True, "d.example", dkim_results=signatures)
    report = Report("o", "c", "i", 0, 1, PolicyShown("d.example"), (row,))
    assert write_report(report).count(b"<selector>") == MAX_DKIM_RESULTS


@settings(max_examples=30)
@given(st.lists(rows, max_size=3), st.integers(1, 3))
def test_rows_that_differ_only_in_their_count_become_one(some: list[Row], times: int) -> None:
    gathered = gather_rows(some * times)
    assert sum(row.count for row in gathered) == times * sum(row.count for row in some)
    assert gather_rows(gathered) == gathered
    assert len(gathered) <= len(some)


def test_rows_with_different_verdicts_stay_apart() -> None:
    other = Row("192.0.2.2", 1, Policy.NONE, True, True, "a.example.com")
    assert [row.count for row in gather_rows([ROW, other, replace(ROW, count=5)])] == [8, 1]


@pytest.mark.rfc("7489", "B.5")
def test_how_it_is_sent() -> None:
    assert gzip.decompress(pack_report(REPORT)) == write_report(REPORT)
    assert file_name(REPORT, "mail.receiver.example") == (
        "mail.receiver.example!example.com!1013662812!1013749130!200202151.xml.gz"
    )
    assert subject(REPORT, "mail.receiver.example") == (
        b"Report Domain: example.com\r\n\tSubmitter: mail.receiver.example"
        b"\r\n\tReport-ID: <2002.02.15.1>"
    )

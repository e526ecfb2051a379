"""File names and subjects of reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.headers import unfold
from mailclad.mail.report_name import report_file_name, report_subject


@pytest.mark.rfc("7489", "7.2.1.1")
@pytest.mark.rfc("8460", "5.1")
def test_names_of_the_standards() -> None:
    assert (
        report_file_name(
            "mail.receiver.example", "example.com", 1013662812, 1013749130, "", "xml.gz"
        )
        == "mail.receiver.example!example.com!1013662812!1013749130.xml.gz"
    )
    assert (
        report_file_name(
            "mail.sndr.example.com", "example.net", 1470013207, 1470186007, "001", "json.gz"
        )
        == "mail.sndr.example.com!example.net!1470013207!1470186007!001.json.gz"
    )
    subject = report_subject("example.com", "mail.receiver.example", "2002.02.15.1")
    assert unfold(subject) == (
        b"Report Domain: example.com\tSubmitter: mail.receiver.example\tReport-ID: <2002.02.15.1>"
    )


@given(st.text(), st.text(), st.text())
def test_nothing_leaves_its_place(submitter: str, domain: str, identity: str) -> None:
    name = report_file_name(submitter, domain, 0, 1, identity, "xml")
    assert not set(name) & set("/\\\0\n \r\"'")
    assert name.count("!") <= 4
    subject = report_subject(domain, submitter, identity)
    assert subject.count(b"\n") == 2
    assert subject.count(b"<") == 1

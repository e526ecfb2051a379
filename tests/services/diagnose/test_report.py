"""A report counts, sorts and ends as its findings say."""

import json
from dataclasses import replace

import pytest

from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.report import Answer, Report
from mailclad.services.diagnose.report_json import report_json
from tests.reports import CAA, EVERYTHING, EXPIRING, UNCHECKED, WRONG_NAME, report

NOTE = Found("DNS-424", "", "example.net", values={"zone": "example.net"})


def test_the_headline_says_what_counts() -> None:
    assert EVERYTHING.headline == (
        "ada@example.net: mail works for you, with a problem."
        " 1 problem, 2 things to watch, 1 check not possible, 1 check fine."
    )
    assert report().headline == "ada@example.net: mail works and is encrypted. 1 check fine."


def test_the_worst_comes_first() -> None:
    assert [told.level for told in EVERYTHING.worst_first] == [
        Level.PROBLEM,
        Level.WATCH,
        Level.WATCH,
        Level.CANNOT_CHECK,
    ]


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (report(), 0),
        (report(NOTE), 0),
        (report(EXPIRING), 1),
        (report(EXPIRING, WRONG_NAME), 2),
        (report(UNCHECKED), 3),
        (report(UNCHECKED, EXPIRING), 1),
        (report(UNCHECKED, NOTE), 3),
    ],
)
def test_the_exit_status_is_the_worst_findings(one: Report, status: int) -> None:
    assert replace(one, answers=()).exit_status == status


def test_an_answer_counts_as_its_findings_do() -> None:
    """A port that nobody promised may be closed, and yet mail cannot be sent."""
    answer = Answer("Can I send mail?", "No.", Level.PROBLEM)
    assert replace(report(NOTE), answers=(answer,)).exit_status == 2


def test_programs_get_everything() -> None:
    told = json.loads(json.dumps(report_json(EVERYTHING)))
    assert told["format"] == 1
    assert told["checked_at"] == "2026-11-30T22:05:00Z"
    assert told["counts"] == {
        "problem": 1,
        "watch": 2,
        "note": 0,
        "cannot-check": 1,
        "not-for-you": 0,
        "ok": 1,
    }
    assert told["exit_status"] == 2
    first = told["findings"][0]
    assert (first["id"], first["level"], first["rule"]) == ("CERT-302", "problem", "C07")
    assert [place["address"] for place in first["places"]] == ["192.0.2.1", "2001:db8::1"]
    assert told["endpoints"][0] == {
        "protocol": "imap",
        "host": "mail.example.net",
        "port": 993,
        "tls": "implicit",
        "level": "watch",
        "seen": "works",
    }


def test_keys_are_the_same_whatever_was_found() -> None:
    findings = report_json(report(EXPIRING, CAA, UNCHECKED, WRONG_NAME))["findings"]
    assert len({tuple(finding) for finding in findings}) == 1
    assert report_json(report()).keys() == report_json(EVERYTHING).keys()

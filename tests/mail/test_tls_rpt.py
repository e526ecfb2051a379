"""TLS reports and who wants them."""

# ruff: noqa: E501 - a case is one line of a table

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address import Address
from mailclad.mail.tls_rpt import (
    MAX_COUNT,
    MAX_FAILURES,
    MAX_JSON_OCTETS,
    MAX_POLICIES,
    MAX_RECORD_OCTETS,
    MAX_STRINGS,
    MAX_TEXT_CHARACTERS,
    Failure,
    PolicySummary,
    PolicyType,
    ResultType,
    TlsReport,
    TlsReportProblem,
    file_name,
    pack_report,
    parse_record,
    read_report,
    subject,
    write_report,
)

EXAMPLE = b"""{
  "organization-name": "Company-X",
  "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
  "contact-info": "sts-reporting@company-x.example",
  "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
  "policies": [{
    "policy": {
      "policy-type": "sts",
      "policy-string": ["version: STSv1","mode: testing", "mx: *.mail.company-y.example","max_age: 86400"],
      "policy-domain": "company-y.example",
      "mx-host": "*.mail.company-y.example"
    },
    "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
    "failure-details": [{
      "result-type": "certificate-expired",
      "sending-mta-ip": "2001:db8:abcd:0012::1",
      "receiving-mx-hostname": "mx1.mail.company-y.example",
      "failed-session-count": 100
    }, {
      "result-type": "starttls-not-supported",
      "sending-mta-ip": "2001:db8:abcd:0013::1",
      "receiving-mx-hostname": "mx2.mail.company-y.example",
      "receiving-ip": "203.0.113.56",
      "failed-session-count": 200,
      "additional-information": "https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported"
    }, {
      "result-type": "validation-failure",
      "sending-mta-ip": "198.51.100.62",
      "receiving-ip": "203.0.113.58",
      "receiving-mx-hostname": "mx-backup.mail.company-y.example",
      "failed-session-count": 3,
      "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
    }]
  }]
}"""
REPORT = TlsReport(
    "Company-X",
    "sts-reporting@company-x.example",
    "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
    1459468800,
    1459555199,
    (
        PolicySummary(
            PolicyType.STS,
            "company-y.example",
            ("version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"),
            ("*.mail.company-y.example",),
            5326,
            303,
            (
                Failure(
                    ResultType.CERTIFICATE_EXPIRED,
                    100,
                    "2001:db8:abcd:0012::1",
                    "mx1.mail.company-y.example",
                ),
                Failure(
                    ResultType.STARTTLS_NOT_SUPPORTED,
                    200,
                    "2001:db8:abcd:0013::1",
                    "mx2.mail.company-y.example",
                    receiving_ip="203.0.113.56",
                    additional_information="https://reports.company-x.example/"
                    "report_info?id=5065427c-23d3#StarttlsNotSupported",
                ),
                Failure(
                    ResultType.VALIDATION_FAILURE,
                    3,
                    "198.51.100.62",
                    "mx-backup.mail.company-y.example",
                    receiving_ip="203.0.113.58",
                    failure_reason_code="X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
                ),
            ),
        ),
    ),
)


@pytest.mark.rfc("8460", "B")
def test_the_example_of_the_standard() -> None:
    assert read_report(EXAMPLE) == REPORT
    written = json.loads(write_report(REPORT))
    wanted = json.loads(EXAMPLE)
    wanted["policies"][0]["policy"]["mx-host"] = ["*.mail.company-y.example"]
    assert written == wanted


@pytest.mark.rfc("8460", "A")
@pytest.mark.rfc("8460", "3")
@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([b"v=TLSRPTv1;rua=mailto:reports@example.com"], ["mailto:reports@example.com"]),
        ([b"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"], ["https://reporting.example.com/v1/tlsrpt"]),
        ([b"v=TLSRPTv1; x=y; rua=mailto:a@b.example , https://c.example/ ;"], ["mailto:a@b.example", "https://c.example/"]),
        ([b"other", b"v=TLSRPTv1;rua=mailto:a@b.example"], ["mailto:a@b.example"]),
        ([b"v=TLSRPTv1;rua=mailto:a@b.example"] * 2, []),
        ([b"v=TLSRPTv1"], []),
        ([b"v=TLSRPTv2;rua=mailto:a@b.example"], []),
        ([b"rua=mailto:a@b.example; v=TLSRPTv1"], []),
        ([b"v=TLSRPTv1;" + b"x" * MAX_RECORD_OCTETS + b";rua=mailto:a@b.example"], []),
        ([], []),
    ],
)  # fmt: skip
def test_records(answers: list[bytes], wanted: list[str]) -> None:
    assert [uri.uri for uri in parse_record(answers)] == wanted


def test_an_address_is_read() -> None:
    (uri,) = parse_record([b"v=TLSRPTv1;rua=mailto:reports@example.com"])
    assert uri.address == Address("reports", "example.com")


@given(st.lists(st.binary(max_size=60).map(lambda tail: b"v=TLSRPTv1;rua=" + tail), max_size=2))
def test_any_record_is_read(answers: list[bytes]) -> None:
    parse_record(answers)


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip)
_reports = st.builds(
    TlsReport,
    _text,
    _text,
    _text,
    st.integers(0, 10**9),
    st.integers(10**9, 4 * 10**9),
    st.lists(
        st.builds(
            PolicySummary,
            st.sampled_from(PolicyType),
            _text.map(str.lower).map(str.lower),
            st.lists(_text, max_size=3).map(tuple),
            st.lists(_text, max_size=3).map(tuple),
            st.integers(0, MAX_COUNT),
            st.integers(0, MAX_COUNT),
            st.lists(
                st.builds(
                    Failure,
                    st.sampled_from(ResultType),
                    st.integers(0, MAX_COUNT),
                    *[_text] * 6,
                ),
                max_size=3,
            ).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
)


@given(_reports)
def test_what_is_written_is_read(report: TlsReport) -> None:
    assert read_report(write_report(report)) == report
    assert read_report(pack_report(report)) == report


def test_undecodable_octets_do_not_stop_a_report() -> None:
    odd = "a\udcffb"
    failure = Failure(ResultType.VALIDATION_FAILURE, 1, receiving_mx_helo=odd)
    policy = PolicySummary(PolicyType.TLSA, odd, (odd,), (odd,), failures=(failure,))
    report = TlsReport(odd, odd, odd, 0, 1, (policy,))
    assert read_report(write_report(report)).policies[0].failures[0].receiving_mx_helo == "a?b"


@pytest.mark.rfc("8460", "5.3")
def test_how_it_is_sent() -> None:
    assert file_name(REPORT, "company-y.example", "mail.x.example") == (
        "mail.x.example!company-y.example!1459468800!1459555199"
        "!5065427c23d347cab6e0946ea0e8c4be.json.gz"
    )
    assert subject(REPORT, "company-y.example", "mail.x.example").endswith(
        b"Report-ID: <5065427c-23d3-47ca-b6e0-946ea0e8c4be@mail.x.example>"
    )


def small(**changes: object) -> bytes:
    report = {
        "date-range": {"start-datetime": "2026-01-01T00:00:00Z", "end-datetime": "2026-01-02T00:00:00+00:00"},
        "policies": [],
    }  # fmt: skip
    return json.dumps(report | changes).encode()


def test_reports_of_the_world_are_read() -> None:
    policy = {
        "policy": {"policy-type": "STS", "policy-string": "", "policy-domain": "A.example", "mx-host": None},
        "summary": {"total-successful-session-count": "7", "total-failure-session-count": -1},
        "failure-details": [{"result-type": "quantum-failure", "failed-session-count": 10**30}],
    }  # fmt: skip
    report = read_report(b" " + small(policies=[policy, {"policy": {}}], extra={"a": [1, {}]}))
    first, second = report.policies
    assert (first.policy_type, first.policy_domain) == (PolicyType.STS, "a.example")
    assert (first.successful_sessions, first.failed_sessions) == (7, 0)
    (failure,) = first.failures
    assert failure.result_type is ResultType.VALIDATION_FAILURE
    assert (failure.failure_reason_code, failure.sessions) == ("quantum-failure", MAX_COUNT)
    assert second == PolicySummary(PolicyType.NO_POLICY_FOUND, "")


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not JSON"),
        (small(policies={}), "not JSON"),
        (b"[" * 500_000, "not JSON"),
        (b'{"x":' + b"[" * 500_000, "not JSON"),
        (b'{"x":' * 100_000, "not JSON"),
        (small(**{"date-range": {"start-datetime": "today", "end-datetime": "x"}}), "which days"),
        (small(**{"date-range": {"start-datetime": "9999-12-31T23:59:59-23:00", "end-datetime": "0001-01-01"}}), "which days"),
        (small(**{"date-range": {"start-datetime": "2026-01-02", "end-datetime": "2026-01-01"}}), "which days"),
        (small(policies=[{"policy": {}}] * (MAX_POLICIES + 1)), "can be real"),
        (small(policies=[{"policy": {}, "failure-details": [{}] * (MAX_FAILURES + 1)}]), "can be real"),
        (b" " * (MAX_JSON_OCTETS + 1), "larger"),
        (gzip.compress(bytes(50 << 20)), "larger"),
        (gzip.compress(small()) * 2, "behind its end"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_told(octets: bytes, words: str) -> None:
    with pytest.raises(TlsReportProblem, match=words):
        read_report(octets)


def test_limits_are_kept_exactly() -> None:
    assert (
        len(read_report(small(policies=[{"policy": {}}] * MAX_POLICIES)).policies) == MAX_POLICIES
    )
    none: dict[str, str] = {}
    failures = [{"policy": none, "failure-details": [none] * MAX_FAILURES}]
    assert len(read_report(small(policies=failures)).policies[0].failures) == MAX_FAILURES
    policy = {"policy": {"policy-string": ["x" * 9_999] * (MAX_STRINGS + 1)}}
    (read,) = read_report(small(policies=[policy])).policies
    assert len(read.policy_string) == MAX_STRINGS
    assert len(read.policy_string[0]) == MAX_TEXT_CHARACTERS


@given(st.binary(max_size=100))
def test_any_octets_are_a_report_or_a_problem(octets: bytes) -> None:
    for start in (b"", b'{"date-range":', b"\x1f\x8b\x08\0"):
        with pytest.raises(TlsReportProblem):
            read_report(start + octets)


def test_one_octet_changed_anywhere_never_raises_anything_else() -> None:
    for at in range(len(EXAMPLE)):
        for value in (b"\0", b"\xff", b'"', b"{", b"9", b"\\"):
            try:
                read_report(EXAMPLE[:at] + value + EXAMPLE[at + 1 :])
            except TlsReportProblem:
                continue

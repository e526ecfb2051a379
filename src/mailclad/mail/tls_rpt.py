"""TLS reporting: who wants reports, and the reports themselves (RFC 8460).

Records: the TXT answers of ``_smtp._tls.<domain>`` go in, the places of ``rua`` come out (§3).
Reports: values go in, JSON comes out (§4.4), and back.  ``mx-host`` is written as the array
that §4.4 asks for and read as the string that appendix B shows, too.

Reading takes what strangers send: gzip or plain, within ``MAX_JSON_OCTETS``; ``TlsReportProblem``
in plain words is the only exception.  Lenient: what is missing is empty, an unknown result type
counts as ``validation-failure`` with its name as reason.  Texts are cut, may hold anything and
are escaped by whoever shows them.  Whether DKIM vouches for the mail is checked elsewhere (§5.3).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from mailclad.mail.packed import PackedProblem, pack, unpack
from mailclad.mail.report_name import report_file_name, report_subject
from mailclad.mail.report_uri import ReportUri, parse_report_uris

MEDIA_TYPE = "application/tlsrpt+gzip"

MAX_RECORD_OCTETS = 8 * 1024
"""Real records stay under 200."""

MAX_JSON_OCTETS = 1024 * 1024
"""Real reports have some 2 KiB; this holds 3,000 kinds of failure."""

MAX_POLICIES = 1_000
MAX_FAILURES = 10_000
"""Of a whole report; every kind of failure of every host of a large domain is some hundreds."""

MAX_STRINGS = 100
"""Of a policy: its lines, its hosts; RFC 8461 policies have under twenty."""

MAX_TEXT_CHARACTERS = 1_000
"""Of one text; longer ones are cut."""

MAX_COUNT = 10**12
"""Sessions of one kind; more are not believed."""


class PolicyType(StrEnum):
    TLSA = "tlsa"
    STS = "sts"
    NO_POLICY_FOUND = "no-policy-found"


class ResultType(StrEnum):
    """RFC 8460 §4.3."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


class TlsReportProblem(ValueError):
    """Why it is not a report that can be used, in plain words."""


_VERSION = re.compile(rb"v=TLSRPTv1[ \t]*(?:;|\Z)")


def parse_record(answers: Iterable[bytes]) -> tuple[ReportUri, ...]:
    """Where to send reports; empty where the domain wants none, or publishes two records."""
    records = [answer for answer in answers if _VERSION.match(answer)]
    if len(records) != 1:
        return ()
    for piece in records[0][:MAX_RECORD_OCTETS].decode("latin-1").split(";")[1:]:
        tag, equals, value = piece.partition("=")
        if equals and tag.strip(" \t") == "rua":
            return parse_report_uris(value)[0]
    return ()


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure between two hosts, and how often (RFC 8460 §4.4)."""

    result_type: ResultType
    sessions: int
    sending_mta_ip: str = ""
    receiving_mx_hostname: str = ""
    receiving_mx_helo: str = ""
    receiving_ip: str = ""
    additional_information: str = ""
    failure_reason_code: str = ""


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """What happened under one policy; ``policy_string`` its lines or TLSA records (§4.5)."""

    policy_type: PolicyType
    policy_domain: str
    policy_string: tuple[str, ...] = ()
    mx_hosts: tuple[str, ...] = ()
    successful_sessions: int = 0
    failed_sessions: int = 0
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsReport:
    """``begin`` and ``end`` in seconds since 1970."""

    organization: str
    contact: str
    report_id: str
    begin: int
    end: int
    policies: tuple[PolicySummary, ...]


def write_report(report: TlsReport) -> bytes:
    """The JSON text."""
    return msgspec.json.encode(
        {
            "organization-name": _sound(report.organization),
            "date-range": {
                "start-datetime": _written_time(report.begin),
                "end-datetime": _written_time(report.end),
            },
            "contact-info": _sound(report.contact),
            "report-id": _sound(report.report_id),
            "policies": [_policy(policy) for policy in report.policies],
        }
    )


def pack_report(report: TlsReport) -> bytes:
    return pack(write_report(report))


def file_name(report: TlsReport, policy_domain: str, submitter: str) -> str:
    """Of the packed report; ``submitter`` is the domain of ``contact`` (§5.1)."""
    return report_file_name(
        submitter, policy_domain, report.begin, report.end, report.report_id, "json.gz"
    )


def subject(report: TlsReport, policy_domain: str, submitter: str) -> bytes:
    """§5.3 wants an identifier with a domain."""
    identity = report.report_id if "@" in report.report_id else f"{report.report_id}@{submitter}"
    return report_subject(policy_domain, submitter, identity)


def _written_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sound(text: str) -> str:
    """Without lone surrogates, which undecodable octets of a peer become."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _policy(policy: PolicySummary) -> dict[str, Any]:
    described: dict[str, Any] = {
        "policy-type": policy.policy_type,
        "policy-domain": _sound(policy.policy_domain),
    }
    if policy.policy_string:
        described["policy-string"] = list(map(_sound, policy.policy_string))
    if policy.mx_hosts:
        described["mx-host"] = list(map(_sound, policy.mx_hosts))
    written: dict[str, Any] = {
        "policy": described,
        "summary": {
            "total-successful-session-count": policy.successful_sessions,
            "total-failure-session-count": policy.failed_sessions,
        },
    }
    if policy.failures:
        written["failure-details"] = [_failure(failure) for failure in policy.failures]
    return written


def _failure(failure: Failure) -> dict[str, Any]:
    texts = {
        "sending-mta-ip": failure.sending_mta_ip,
        "receiving-mx-hostname": failure.receiving_mx_hostname,
        "receiving-mx-helo": failure.receiving_mx_helo,
        "receiving-ip": failure.receiving_ip,
        "additional-information": failure.additional_information,
        "failure-reason-code": failure.failure_reason_code,
    }
    given = {name: _sound(text) for name, text in texts.items() if text}
    return {
        "result-type": failure.result_type,
        **given,
        "failed-session-count": failure.sessions,
    }


_Text = str | None
_Texts = list[str] | str | None


class _DateRange(msgspec.Struct, rename="kebab"):
    start_datetime: str
    end_datetime: str


class _ReadPolicy(msgspec.Struct, rename="kebab"):
    policy_type: _Text = None
    policy_string: _Texts = None
    policy_domain: _Text = None
    mx_host: _Texts = None


class _ReadSummary(msgspec.Struct, rename="kebab"):
    total_successful_session_count: int | None = None
    total_failure_session_count: int | None = None


class _ReadFailure(msgspec.Struct, rename="kebab"):
    result_type: _Text = None
    sending_mta_ip: _Text = None
    receiving_mx_hostname: _Text = None
    receiving_mx_helo: _Text = None
    receiving_ip: _Text = None
    failed_session_count: int | None = None
    additional_information: _Text = None
    failure_reason_code: _Text = None


class _ReadRow(msgspec.Struct, rename="kebab"):
    policy: _ReadPolicy
    summary: _ReadSummary | None = None
    failure_details: list[_ReadFailure] | None = None


class _ReadReport(msgspec.Struct, rename="kebab"):
    date_range: _DateRange
    policies: list[_ReadRow]
    organization_name: _Text = None
    contact_info: _Text = None
    report_id: _Text = None


_DECODER = msgspec.json.Decoder(_ReadReport, strict=False)


def read_report(octets: bytes) -> TlsReport:
    """Raises TlsReportProblem."""
    if len(octets) > MAX_JSON_OCTETS:
        raise TlsReportProblem(f"the report is larger than {MAX_JSON_OCTETS} octets")
    try:
        read = _DECODER.decode(unpack(octets, MAX_JSON_OCTETS))
    except PackedProblem as problem:
        raise TlsReportProblem(str(problem)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise TlsReportProblem("the report is not JSON of the form of RFC 8460") from None
    failures = sum(len(row.failure_details or ()) for row in read.policies)
    if len(read.policies) > MAX_POLICIES or failures > MAX_FAILURES:
        raise TlsReportProblem("the report has more policies or failures than can be real")
    begin, end = _time(read.date_range.start_datetime), _time(read.date_range.end_datetime)
    if begin is None or end is None or end < begin:
        raise TlsReportProblem("the report does not say which days it is about")
    return TlsReport(
        organization=_cut(read.organization_name),
        contact=_cut(read.contact_info),
        report_id=_cut(read.report_id),
        begin=begin,
        end=end,
        policies=tuple(map(_read_policy, read.policies)),
    )


def _read_policy(row: _ReadRow) -> PolicySummary:
    summary = row.summary or _ReadSummary()
    return PolicySummary(
        policy_type=_choice(PolicyType, row.policy.policy_type) or PolicyType.NO_POLICY_FOUND,
        policy_domain=_cut(row.policy.policy_domain).lower(),
        policy_string=_strings(row.policy.policy_string),
        mx_hosts=_strings(row.policy.mx_host),
        successful_sessions=_count(summary.total_successful_session_count),
        failed_sessions=_count(summary.total_failure_session_count),
        failures=tuple(map(_read_failure, row.failure_details or ())),
    )


def _read_failure(failure: _ReadFailure) -> Failure:
    result_type = _choice(ResultType, failure.result_type)
    reason = _cut(failure.failure_reason_code)
    return Failure(
        result_type=result_type or ResultType.VALIDATION_FAILURE,
        sessions=_count(failure.failed_session_count),
        sending_mta_ip=_cut(failure.sending_mta_ip),
        receiving_mx_hostname=_cut(failure.receiving_mx_hostname),
        receiving_mx_helo=_cut(failure.receiving_mx_helo),
        receiving_ip=_cut(failure.receiving_ip),
        additional_information=_cut(failure.additional_information),
        failure_reason_code=reason or ("" if result_type else _cut(failure.result_type)),
    )


Choice = TypeVar("Choice", bound=StrEnum)


def _choice(kind: type[Choice], text: str | None) -> Choice | None:
    try:
        return kind((text or "").strip().lower())
    except ValueError:
        return None


def _cut(text: str | None) -> str:
    return (text or "").strip()[:MAX_TEXT_CHARACTERS]


def _strings(texts: list[str] | str | None) -> tuple[str, ...]:
    listed = [texts] if isinstance(texts, str) else texts or []
    return tuple(map(_cut, listed[:MAX_STRINGS]))


def _count(number: int | None) -> int:
    return min(max(number or 0, 0), MAX_COUNT)


def _time(text: str) -> int | None:
    """RFC 3339 §5.6; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text.strip()[:64])
        seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return int(seconds) if seconds >= 0 else None

"""DMARC aggregate reports, as values and as XML to send (RFC 7489 §7.2, appendix C).

In come rows: what was seen from one address, with one verdict; out goes the XML of one report
for one domain that published a policy.  ``np`` and ``testing`` of RFC 9990 are written where
they say something; programs that know only RFC 7489 skip them.  Every text may come from a
stranger: it is escaped, characters that XML cannot hold become ``?``.
Reading is ``report_read``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mailclad.mail.dmarc.record import Alignment, Policy
from mailclad.mail.packed import pack
from mailclad.mail.report_name import report_file_name, report_subject

MEDIA_TYPE = "application/gzip"

MAX_DKIM_RESULTS = 100
"""Signatures shown of one row (RFC 9990); the caller puts the aligned ones first."""


@dataclass(frozen=True, slots=True)
class DkimShown:
    """One signature: ``result`` is a word of RFC 8601 §2.7.1."""

    domain: str
    selector: str
    result: str
    human_result: str = ""


@dataclass(frozen=True, slots=True)
class SpfShown:
    """``scope`` is ``mfrom`` or ``helo``."""

    domain: str
    result: str
    scope: str = "mfrom"


@dataclass(frozen=True, slots=True)
class Override:
    """Why another policy was applied: ``local_policy``, ``mailing_list`` and the like."""

    kind: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """``disposition`` is what was done; ``dkim`` and ``spf`` say passed *and* aligned."""

    source_ip: str
    count: int
    disposition: Policy
    dkim: bool
    spf: bool
    header_from: str
    envelope_from: str = ""
    envelope_to: str = ""
    overrides: tuple[Override, ...] = ()
    dkim_results: tuple[DkimShown, ...] = ()
    spf_results: tuple[SpfShown, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """The record that was found, and where."""

    domain: str
    policy: Policy = Policy.NONE
    subdomain_policy: Policy | None = None
    absent_policy: Policy | None = None
    adkim: Alignment = Alignment.RELAXED
    aspf: Alignment = Alignment.RELAXED
    testing: bool = False
    failure_options: str = "0"


@dataclass(frozen=True, slots=True)
class Report:
    """``begin`` and ``end`` in seconds since 1970; ``skipped_rows`` were read but not sensible."""

    organization: str
    contact: str
    report_id: str
    begin: int
    end: int
    policy: PolicyShown
    rows: tuple[Row, ...]
    extra_contact: str = ""
    errors: tuple[str, ...] = ()
    skipped_rows: int = 0


def gather_rows(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows that differ only in their count become one, in the order of first sight."""
    counts: dict[Row, int] = {}
    for row in rows:
        key = replace(row, count=0)
        counts[key] = counts.get(key, 0) + row.count
    return tuple(replace(key, count=count) for key, count in counts.items())


def write_report(report: Report) -> bytes:
    """The XML document."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<feedback>", "<version>1.0</version>"]
    lines += _metadata(report)
    lines += _policy(report.policy)
    for row in report.rows:
        lines += _row(row)
    lines.append("</feedback>\n")
    return "\n".join(lines).encode("utf-8")


def pack_report(report: Report) -> bytes:
    return pack(write_report(report))


def file_name(report: Report, submitter: str) -> str:
    """Of the packed report; ``submitter`` is our domain."""
    return report_file_name(
        submitter, report.policy.domain, report.begin, report.end, report.report_id, "xml.gz"
    )


def subject(report: Report, submitter: str) -> bytes:
    return report_subject(report.policy.domain, submitter, report.report_id)


_MARKUP = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": " ", "\n": " ", "\r": " "}
)
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _escaped(text: str) -> str:
    return _NOT_XML.sub("?", text).translate(_MARKUP)


def _element(name: str, text: str | int) -> str:
    return f"<{name}>{text if isinstance(text, int) else _escaped(text)}</{name}>"


def _given(**texts: str | None) -> list[str]:
    """Elements of those that are given."""
    return [_element(name, text) for name, text in texts.items() if text]


def _metadata(report: Report) -> list[str]:
    return [
        "<report_metadata>",
        _element("org_name", report.organization),
        _element("email", report.contact),
        *_given(extra_contact_info=report.extra_contact),
        _element("report_id", report.report_id),
        f"<date_range><begin>{report.begin}</begin><end>{report.end}</end></date_range>",
        *[_element("error", error) for error in report.errors],
        "</report_metadata>",
    ]


def _policy(policy: PolicyShown) -> list[str]:
    return [
        "<policy_published>",
        _element("domain", policy.domain),
        _element("adkim", policy.adkim),
        _element("aspf", policy.aspf),
        _element("p", policy.policy),
        _element("sp", policy.subdomain_policy or policy.policy),
        *_given(np=policy.absent_policy),
        "<pct>100</pct>",
        *_given(testing="y" if policy.testing else None),
        _element("fo", policy.failure_options),
        "</policy_published>",
    ]


def _row(row: Row) -> list[str]:
    reasons = [
        f"<reason>{''.join(_given(type=reason.kind, comment=reason.comment))}</reason>"
        for reason in row.overrides
    ]
    return [
        "<record><row>",
        _element("source_ip", row.source_ip),
        _element("count", row.count),
        "<policy_evaluated>",
        _element("disposition", row.disposition),
        _element("dkim", "pass" if row.dkim else "fail"),
        _element("spf", "pass" if row.spf else "fail"),
        *reasons,
        "</policy_evaluated></row><identifiers>",
        *_given(envelope_to=row.envelope_to),
        _element("envelope_from", row.envelope_from),
        _element("header_from", row.header_from),
        "</identifiers><auth_results>",
        *[_dkim(result) for result in row.dkim_results[:MAX_DKIM_RESULTS]],
        *[_spf(result) for result in row.spf_results],
        "</auth_results></record>",
    ]


def _dkim(result: DkimShown) -> str:
    inside = [_element("domain", result.domain), *_given(selector=result.selector)]
    inside += [_element("result", result.result), *_given(human_result=result.human_result)]
    return f"<dkim>{''.join(inside)}</dkim>"


def _spf(result: SpfShown) -> str:
    inside = _element("domain", result.domain) + _element("scope", result.scope)
    return f"<spf>{inside}{_element('result', result.result)}</spf>"

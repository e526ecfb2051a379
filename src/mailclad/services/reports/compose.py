"""From what was noted of a domain to its report (RFC 8460 §4, RFC 7489 §7.2, RFC 9990).

In come the notes of one day; out comes the report, packed, with its name and subject.  The
same notes make the same report under the same identifier, so that one sent twice after a crash
is known for what it is.  A day has one DMARC policy: the one that most mail was judged by.
Takes long for a large report: to be called off the event loop.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailclad.mail import tls_rpt
from mailclad.mail.address import Address
from mailclad.mail.dmarc import report as dmarc
from mailclad.mail.tls_rpt import Failure, PolicySummary, TlsReport
from mailclad.services.reports.facts import read_dmarc, read_tls
from mailclad.store.reports import ReportKind, Topic

Notes = Sequence[tuple[bytes, int]]
"""Facts, and how often."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who reports: ``contact`` and ``author`` are of one domain, the submitter's."""

    organization: str
    contact: Address
    author: Address
    host_name: str

    @property
    def submitter(self) -> str:
        return self.contact.domain


@dataclass(frozen=True, slots=True)
class PackedReport:
    report_id: str
    subject: bytes
    file_name: str
    media_type: str
    octets: bytes


def compose_report(topic: Topic, notes: Notes, sender: Sender) -> PackedReport:
    if topic.kind is ReportKind.TLS:
        return _tls(topic, notes, sender)
    return _dmarc(topic, notes, sender)


def report_id(topic: Topic, sender: Sender) -> str:
    """``2026-01-31.8c1f…``: the day, and what nobody else's report of it has."""
    day = datetime.fromtimestamp(topic.begin, UTC).strftime("%Y-%m-%d")
    facts = f"{sender.host_name} {topic.kind} {topic.domain} {topic.day}"
    return f"{day}.{hashlib.sha256(facts.encode()).hexdigest()[:20]}"


def _tls(topic: Topic, notes: Notes, sender: Sender) -> PackedReport:
    failures: dict[PolicySummary, list[Failure]] = {}
    succeeded: Counter[PolicySummary] = Counter()
    for octets, number in notes:
        facts = read_tls(octets)
        kinds = failures.setdefault(facts.policy, [])
        if facts.failure is None:
            succeeded[facts.policy] += number
        else:
            kinds.append(replace(facts.failure, sessions=number))
    policies = [
        replace(
            policy,
            successful_sessions=succeeded[policy],
            failed_sessions=sum(failure.sessions for failure in kinds),
            failures=tuple(kinds),
        )
        for policy, kinds in failures.items()
    ]
    report = TlsReport(
        organization=sender.organization,
        contact=str(sender.contact),
        report_id=f"{report_id(topic, sender)}@{sender.submitter}",
        begin=topic.begin,
        end=topic.end,
        policies=tuple(policies),
    )
    return PackedReport(
        report.report_id,
        tls_rpt.subject(report, topic.domain, sender.submitter),
        tls_rpt.file_name(report, topic.domain, sender.submitter),
        tls_rpt.MEDIA_TYPE,
        tls_rpt.pack_report(report),
    )


def _dmarc(topic: Topic, notes: Notes, sender: Sender) -> PackedReport:
    policies: Counter[dmarc.PolicyShown] = Counter()
    rows = []
    for octets, number in notes:
        facts = read_dmarc(octets)
        policies[facts.policy] += number
        rows.append(replace(facts.row, count=number))
    errors = ["the record was changed during the day"] if len(policies) > 1 else []
    if topic.left_out:
        errors.append(f"{topic.left_out} messages of too many kinds are left out")
    report = dmarc.Report(
        organization=sender.organization,
        contact=str(sender.contact),
        report_id=f"{report_id(topic, sender)}@{sender.submitter}",
        begin=topic.begin,
        end=topic.end,
        policy=policies.most_common(1)[0][0],
        rows=dmarc.gather_rows(rows),
        errors=tuple(errors),
    )
    return PackedReport(
        report.report_id,
        dmarc.subject(report, sender.submitter),
        dmarc.file_name(report, sender.submitter),
        dmarc.MEDIA_TYPE,
        dmarc.pack_report(report),
    )

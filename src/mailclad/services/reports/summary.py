"""What the reports of others say together: who sends in our name, and how TLS to us fares.

In come reports as the store has them; out come sums for each domain.  All texts are strangers'
and may hold anything: whoever shows them cleans them.  That a reporter told the truth nobody
knows; whether its mail was signed by its domain is kept with each report.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from mailclad.mail import tls_rpt
from mailclad.mail.dmarc import report_read
from mailclad.mail.dmarc.record import Policy
from mailclad.mail.dmarc.report import Report, Row
from mailclad.mail.tls_rpt import ResultType, TlsReport
from mailclad.store.reports import Received, ReceivedId, ReportKind, Reports

MAX_SOURCES = 10_000
"""Kept apart for one domain; the rest is summed up under ``OTHERS``."""

MAX_PROBLEMS = 1_000
"""Kept apart for one domain: anybody may send a report that tells of ten thousand."""

OTHERS = "others"


@dataclass(slots=True)
class Source:
    """Messages from one IP address in a domain's name; ``done`` counts what became of them."""

    passed: int = 0
    failed: int = 0
    done: Counter[Policy] = field(default_factory=Counter)
    reporters: set[str] = field(default_factory=set)

    @property
    def messages(self) -> int:
        return self.passed + self.failed


@dataclass(frozen=True, slots=True)
class TlsProblem:
    """``server`` is ours, by name or address; ``reason`` the reporter's own word for it."""

    result_type: ResultType
    server: str
    reason: str


@dataclass(slots=True)
class TlsTally:
    sessions: int = 0
    reporters: set[str] = field(default_factory=set)


@dataclass(slots=True)
class DomainSummary:
    dmarc_reports: int = 0
    tls_reports: int = 0
    unsigned: int = 0
    """DMARC reports whose mail its sender's domain did not sign."""
    sources: dict[str, Source] = field(default_factory=dict)
    sessions: int = 0
    failed_sessions: int = 0
    problems: dict[TlsProblem, TlsTally] = field(default_factory=dict)

    @property
    def passed(self) -> int:
        return sum(source.passed for source in self.sources.values())

    @property
    def failed(self) -> int:
        return sum(source.failed for source in self.sources.values())


async def all_received(
    store: Reports, since: int, domain: str | None = None
) -> AsyncIterator[Received]:
    """Every report that ended since then; they may be more than memory holds at once."""
    after: ReceivedId | None = None
    while page := await store.received_reports(since, domain, after):
        for received in page:
            yield received
        after = page[-1].id


def content_of(received: Received) -> TlsReport | Report:
    """The report itself; it was read before it was kept."""
    if received.report.kind is ReportKind.TLS:
        return tls_rpt.read_report(received.report.content)
    return report_read.read_report(received.report.content)


def reporter_of(received: Received) -> str:
    """Who signed the mail; what an organization calls itself proves nothing."""
    told = received.report
    return told.vouched or f"{told.organization} (not signed)"


async def summarise(reports: AsyncIterator[Received]) -> dict[str, DomainSummary]:
    """By domain, in the order of the alphabet."""
    found: dict[str, DomainSummary] = {}
    async for received in reports:
        summary = found.setdefault(received.report.domain, DomainSummary())
        content = content_of(received)
        if isinstance(content, TlsReport):
            _add_tls(summary, content, reporter_of(received))
        else:
            summary.unsigned += not received.report.vouched
            _add_dmarc(summary, content, reporter_of(received))
    return dict(sorted(found.items()))


def _add_dmarc(summary: DomainSummary, report: Report, reporter: str) -> None:
    summary.dmarc_reports += 1
    for row in report.rows:
        _add_row(summary, row, reporter)


def _add_row(summary: DomainSummary, row: Row, reporter: str) -> None:
    sources = summary.sources
    known = row.source_ip in sources or len(sources) < MAX_SOURCES
    source = sources.setdefault(row.source_ip if known else OTHERS, Source())
    if row.dkim or row.spf:
        source.passed += row.count
    else:
        source.failed += row.count
    source.done[row.disposition] += row.count
    source.reporters.add(reporter)


def _add_tls(summary: DomainSummary, report: TlsReport, reporter: str) -> None:
    summary.tls_reports += 1
    for policy in report.policies:
        summary.sessions += policy.successful_sessions + policy.failed_sessions
        summary.failed_sessions += policy.failed_sessions
        for failure in policy.failures:
            server = failure.receiving_mx_hostname or failure.receiving_ip
            problem = TlsProblem(failure.result_type, server, failure.failure_reason_code)
            if problem not in summary.problems and len(summary.problems) >= MAX_PROBLEMS:
                problem = TlsProblem(failure.result_type, OTHERS, "")
            tally = summary.problems.setdefault(problem, TlsTally())
            tally.sessions += failure.sessions
            tally.reporters.add(reporter)

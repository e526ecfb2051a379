"""Reports of others in words and for programs; every text of theirs goes through ``shown``."""

from collections.abc import Iterable, Sequence

from mailclad.cli.context import say, say_table
from mailclad.cli.words import count, shown
from mailclad.mail.dmarc.record import Policy
from mailclad.mail.dmarc.report import Report, Row
from mailclad.mail.tls_rpt import PolicySummary, TlsReport
from mailclad.services.reports.remedy import MEANINGS
from mailclad.services.reports.summary import (
    DomainSummary,
    Source,
    TlsProblem,
    TlsTally,
    content_of,
)
from mailclad.store.reports import Received

SOURCES_SHOWN = 20
PROBLEMS_SHOWN = 20
REPORTERS_SHOWN = 3
_DONE = {Policy.NONE: "delivered", Policy.QUARANTINE: "to junk", Policy.REJECT: "refused"}


def say_domain(name: str, summary: DomainSummary, days: int) -> None:
    say(f"{shown(name)}, the last {days} days")
    say()
    _say_dmarc(summary)
    _say_tls(summary)


def say_ignored(ignored: Sequence[tuple[str, int]]) -> None:
    for reason, number in ignored:
        say(f"! {_times(number)} ignored: {shown(reason)}.")


def _say_dmarc(summary: DomainSummary) -> None:
    if not summary.dmarc_reports:
        say("  Mail in its name: no report (DMARC).\n")
        return
    reports = count(summary.dmarc_reports, "report")
    total = count(summary.passed + summary.failed, "message")
    say(f"  Mail in its name: {total} in {reports}; {summary.failed:,} failed (DMARC).")
    if summary.unsigned:
        say(f"  Of these, {count(summary.unsigned, 'report')} came without a signature (DKIM).")
    say()
    sources = sorted(summary.sources.items(), key=_by_failures)
    cells = (_source_cells(address, source) for address, source in sources[:SOURCES_SHOWN])
    say_table(("  Sent by", "Messages", "Passed", "Failed", "What was done", "Told by"), cells)
    if len(sources) > SOURCES_SHOWN:
        say(f"  … and {len(sources) - SOURCES_SHOWN:,} more (all of them: --json).")
    if summary.failed:
        say(
            "  What failed is forged, or comes from a service that sends for you "
            "without SPF and DKIM of your domain."
        )
    say()


def _by_failures(item: tuple[str, Source]) -> tuple[int, int, str]:
    address, source = item
    return -source.failed, -source.messages, address


def _source_cells(address: str, source: Source) -> tuple[str, ...]:
    done = (f"{number:,} {_DONE[policy]}" for policy, number in source.done.most_common())
    return (
        f"  {shown(address)}",
        f"{source.messages:,}",
        f"{source.passed:,}",
        f"{source.failed:,}",
        ", ".join(done),
        _names(source.reporters),
    )


def _say_tls(summary: DomainSummary) -> None:
    if not summary.tls_reports:
        say("  TLS to its servers: no report.\n")
        return
    reports = count(summary.tls_reports, "report")
    sessions = count(summary.sessions, "connection")
    say(f"  TLS to its servers: {sessions} in {reports}; {summary.failed_sessions:,} failed.")
    problems = sorted(summary.problems.items(), key=lambda item: -item[1].sessions)
    for problem, tally in problems[:PROBLEMS_SHOWN]:
        _say_problem(problem, tally)
    if len(problems) > PROBLEMS_SHOWN:
        say(f"  … and {len(problems) - PROBLEMS_SHOWN:,} more (all of them: --json).")
    say()


def _say_problem(problem: TlsProblem, tally: TlsTally) -> None:
    meaning, remedy = MEANINGS[problem.result_type]
    reason = f" ({shown(problem.reason)})" if problem.reason else ""
    at = f" at {shown(problem.server)}" if problem.server else ""
    say(f"  ✕ {_times(tally.sessions)}{at}, told by {_names(tally.reporters)}:")
    say(f"    {meaning}{reason}")
    say(f"    {remedy}")


def domain_json(name: str, summary: DomainSummary) -> dict[str, object]:
    sources = sorted(summary.sources.items(), key=_by_failures)
    return {
        "domain": shown(name),
        "dmarc": {
            "reports": summary.dmarc_reports,
            "unsigned_reports": summary.unsigned,
            "passed": summary.passed,
            "failed": summary.failed,
            "sources": [_source_json(address, source) for address, source in sources],
        },
        "tls": {
            "reports": summary.tls_reports,
            "sessions": summary.sessions,
            "failed": summary.failed_sessions,
            "problems": [_problem_json(*item) for item in summary.problems.items()],
        },
    }


def _source_json(address: str, source: Source) -> dict[str, object]:
    return {
        "source": shown(address),
        "passed": source.passed,
        "failed": source.failed,
        "done": {str(policy): number for policy, number in source.done.items()},
        "reporters": _sorted_names(source.reporters),
    }


def _problem_json(problem: TlsProblem, tally: TlsTally) -> dict[str, object]:
    meaning, remedy = MEANINGS[problem.result_type]
    return {
        "type": problem.result_type,
        "server": shown(problem.server),
        "reason": shown(problem.reason),
        "sessions": tally.sessions,
        "meaning": meaning,
        "remedy": remedy,
        "reporters": _sorted_names(tally.reporters),
    }


def say_report(received: Received) -> None:
    told, content = received.report, content_of(received)
    say(f"{shown(told.organization)} about {shown(told.domain)}")
    say(f"  {shown(told.report_id)}, questions to {shown(told.contact) or 'nobody'}")
    say(f"  signed by {shown(told.vouched) or 'nobody'}")
    say()
    if isinstance(content, TlsReport):
        for policy in content.policies:
            _say_policy(policy)
        return
    for error in content.errors:
        say(f"  ! {shown(error)}")
    say(f"  Policy found: {content.policy.policy}")
    if content.skipped_rows:
        say(f"  ! {count(content.skipped_rows, 'row')} made no sense")
    say()
    headings = ("Sent by", "Messages", "DKIM", "SPF", "Done", "From", "Envelope", "Signatures")
    say_table(headings, map(_row_cells, content.rows))


def _say_policy(policy: PolicySummary) -> None:
    say(
        f"  {shown(policy.policy_domain)} by {policy.policy_type}: {policy.successful_sessions:,}"
        f" connections were well, {policy.failed_sessions:,} failed"
    )
    for failure in policy.failures:
        say(f"  ✕ {_times(failure.sessions)}: {MEANINGS[failure.result_type][0]}")
        facts = (
            ("from", failure.sending_mta_ip),
            ("to", failure.receiving_mx_hostname),
            ("at", failure.receiving_ip),
            ("which calls itself", failure.receiving_mx_helo),
            ("reason:", failure.failure_reason_code),
            ("more:", failure.additional_information),
        )
        say("    " + " ".join(f"{word} {shown(text)}" for word, text in facts if text))


def _row_cells(row: Row) -> tuple[str, ...]:
    signatures = (f"{shown(one.domain)}: {shown(one.result)}" for one in row.dkim_results)
    return (
        shown(row.source_ip),
        f"{row.count:,}",
        "pass" if row.dkim else "fail",
        "pass" if row.spf else "fail",
        _DONE[row.disposition],
        shown(row.header_from),
        shown(row.envelope_from),
        ", ".join(signatures),
    )


def report_json(received: Received) -> dict[str, object]:
    """What the report says, as far as it was understood."""
    content = content_of(received)
    if isinstance(content, Report):
        return {
            "policy": str(content.policy.policy),
            "errors": [shown(error) for error in content.errors],
            "rows": [_row_json(row) for row in content.rows],
        }
    return {"policies": [_policy_json(policy) for policy in content.policies]}


def _row_json(row: Row) -> dict[str, object]:
    return {
        "source": shown(row.source_ip),
        "messages": row.count,
        "dkim": row.dkim,
        "spf": row.spf,
        "disposition": str(row.disposition),
        "from": shown(row.header_from),
        "envelope_from": shown(row.envelope_from),
        "signatures": [
            {"domain": shown(one.domain), "result": shown(one.result)} for one in row.dkim_results
        ],
    }


def _policy_json(policy: PolicySummary) -> dict[str, object]:
    return {
        "type": policy.policy_type,
        "domain": shown(policy.policy_domain),
        "passed": policy.successful_sessions,
        "failed": policy.failed_sessions,
        "failures": [
            {
                "type": failure.result_type,
                "sessions": failure.sessions,
                "from": shown(failure.sending_mta_ip),
                "server": shown(failure.receiving_mx_hostname),
                "address": shown(failure.receiving_ip),
                "reason": shown(failure.failure_reason_code),
            }
            for failure in policy.failures
        ],
    }


def _sorted_names(names: Iterable[str]) -> list[str]:
    return sorted(shown(name) for name in names)


def _names(names: Iterable[str]) -> str:
    listed = _sorted_names(names)
    more = len(listed) - REPORTERS_SHOWN
    return ", ".join(listed[:REPORTERS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"

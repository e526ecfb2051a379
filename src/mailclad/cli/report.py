"""mailclad report: what others report about your domains, and what was reported to them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from mailclad.app.clock import SystemClock
from mailclad.app.open import Opened
from mailclad.cli.context import config_option, json_option, say, say_json, say_table, with_store
from mailclad.cli.report_words import (
    domain_json,
    report_json,
    say_domain,
    say_ignored,
    say_report,
)
from mailclad.cli.trouble import Trouble
from mailclad.cli.words import shown
from mailclad.mail.address import normalise_domain
from mailclad.services.reports.summary import DomainSummary, all_received, summarise
from mailclad.store.reports import DAY_SECONDS, Received, ReceivedId, Topic

Ignored = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class _Asked:
    domain: str | None
    days: int

    @property
    def since(self) -> int:
        return SystemClock().now() - self.days * DAY_SECONDS


_days_option = click.option(
    "--days", type=click.IntRange(1, 366), default=30, show_default=True, help="How far back."
)


@click.group(invoke_without_command=True)
@click.option("--domain", help="Only about this domain.")
@_days_option
@config_option
@json_option
@click.pass_context
def report(
    ctx: click.Context, domain: str | None, days: int, config_file: Path, as_json: bool
) -> None:
    """Who sends in your name, and whether others reach you by TLS.

    From the daily reports that other servers send (DMARC, TLS reporting).
    """
    if ctx.invoked_subcommand is not None:
        return
    asked = _Asked(normalise_domain(domain) if domain else None, days)

    async def action(things: Opened) -> tuple[dict[str, DomainSummary], Ignored]:
        found = await summarise(all_received(things.store, asked.since, asked.domain))
        return found, await things.store.ignored_reports(asked.since // DAY_SECONDS)

    summaries, ignored = with_store(config_file, action)
    if as_json:
        domains = [domain_json(name, summary) for name, summary in summaries.items()]
        reasons = [{"reason": reason, "number": number} for reason, number in ignored]
        say_json({"days": days, "domains": domains, "ignored": reasons})
        return
    for name, summary in summaries.items():
        say_domain(name, summary, days)
    if not summaries:
        about = f" about {shown(asked.domain)}" if asked.domain else ""
        say(f"No report{about} in {days} days. Other servers send them where DNS asks for them.")
    say_ignored(ignored)


@report.command("list")
@click.option("--domain", help="Only about this domain.")
@_days_option
@config_option
@json_option
def list_(domain: str | None, days: int, config_file: Path, as_json: bool) -> None:
    """Show each report that came."""
    asked = _Asked(normalise_domain(domain) if domain else None, days)

    async def action(things: Opened) -> list[Received]:
        every = all_received(things.store, asked.since, asked.domain)
        return [_without_content(one) async for one in every]

    found = with_store(config_file, action)
    if as_json:
        say_json([_head_json(one) for one in found])
    elif found:
        headings = ("ID", "Day", "Kind", "About", "From", "Signed by", "Passed", "Failed")
        say_table(headings, map(_head_cells, found))
    else:
        say(f"No report in {days} days.")


@report.command("show")
@click.argument("number", type=int, metavar="ID")
@config_option
@json_option
def show(number: int, config_file: Path, as_json: bool) -> None:
    """Show all of one report."""

    async def action(things: Opened) -> Received | None:
        return await things.store.received_report(ReceivedId(number))

    found = with_store(config_file, action)
    if found is None:
        raise Trouble(f"There is no report {number}. All are listed by: mailclad report list")
    if as_json:
        say_json({**_head_json(found), **report_json(found)})
        return
    say_report(found)


@report.command("sent")
@_days_option
@config_option
@json_option
def sent(days: int, config_file: Path, as_json: bool) -> None:
    """Show what this server reports to others."""
    asked = _Asked(None, days)

    async def action(things: Opened) -> list[Topic]:
        return await things.store.reports_of_ours(asked.since // DAY_SECONDS)

    found = with_store(config_file, action)
    if as_json:
        say_json([_topic_json(topic) for topic in found])
    elif found:
        say_table(("Day", "Kind", "About", "Noted", "Report", "To"), map(_topic_cells, found))
    else:
        say(f"Nothing was noted for reports in {days} days.")


def _without_content(one: Received) -> Received:
    return replace(one, report=replace(one.report, content=b""))


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _head_cells(one: Received) -> tuple[str, ...]:
    told = one.report
    return (
        str(one.id),
        _date(told.begin),
        told.kind,
        shown(told.domain),
        shown(told.organization),
        shown(told.vouched) or "nobody",
        f"{told.passed:,}",
        f"{told.failed:,}",
    )


def _head_json(one: Received) -> dict[str, object]:
    told = one.report
    return {
        "id": one.id,
        "kind": told.kind,
        "domain": shown(told.domain),
        "organization": shown(told.organization),
        "report_id": shown(told.report_id),
        "contact": shown(told.contact),
        "begin": told.begin,
        "end": told.end,
        "received_at": told.received_at,
        "signed_by": shown(told.vouched),
        "passed": told.passed,
        "failed": told.failed,
    }


def _topic_cells(topic: Topic) -> tuple[str, ...]:
    noted = f"{topic.seen:,}" + (f" (+{topic.left_out:,} left out)" if topic.left_out else "")
    about = shown(topic.domain) or "others: too many to tell apart"
    state = topic.outcome or ("waits" if topic.domain else "")
    return (_date(topic.begin), topic.kind, about, noted, state, shown(", ".join(topic.places)))


def _topic_json(topic: Topic) -> dict[str, object]:
    return {
        "day": _date(topic.begin),
        "kind": topic.kind,
        "domain": shown(topic.domain),
        "noted": topic.seen,
        "left_out": topic.left_out,
        "outcome": topic.outcome,
        "places": [shown(place) for place in topic.places],
    }

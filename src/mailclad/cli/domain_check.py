"""mailclad domain check: what the world sees of a domain, what is wrong, what to do."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from mailclad.app.config import load_config
from mailclad.cli.context import config_option, done, json_option, say, say_json
from mailclad.cli.domain_gather import address_option, gather, parse_server_option
from mailclad.cli.progress import progress_bar
from mailclad.cli.trouble import EXIT_FOUND_PROBLEMS
from mailclad.cli.words import plain
from mailclad.services.provision.dns_check import Finding, State


@click.command("check")
@click.argument("name")
@address_option
@click.option("--resolver", "resolvers", multiple=True, help="Ask this name server too.")
@config_option
@json_option
def check(
    name: str,
    addresses: tuple[str, ...],
    resolvers: tuple[str, ...],
    config_file: Path,
    as_json: bool,
) -> None:
    """Compare what the DNS says about NAME with what it must say.

    Asks this system's resolver, the zone's own name servers, and each --resolver (IP address).
    Exit status 3: something needs to be done.
    """
    from mailclad.app.domain_check import check_domain  # noqa: PLC0415 - slow to import

    facts = gather(name, addresses, config_file)
    servers = list(map(parse_server_option, resolvers))
    with progress_bar(f"Asking about {facts.domain}", shown=not as_json) as progress:
        config = load_config(config_file)
        findings = asyncio.run(check_domain(config, facts, servers, progress))
    problems = [finding for finding in findings if finding.is_problem]
    if as_json:
        rows = list(map(_row, findings))
        say_json({"domain": facts.domain, "ok": not problems, "findings": rows})
    else:
        _tell(facts.domain, findings, problems)
    if problems:
        raise SystemExit(EXIT_FOUND_PROBLEMS)


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "type": finding.kind,
        "state": finding.state,
        "problem": finding.is_problem,
        "need": finding.need,
        "purpose": finding.purpose,
        "wanted": finding.wanted,
        "seen": finding.seen or {},
        "remedy": finding.remedy,
    }


def _tell(domain: str, findings: Iterable[Finding], problems: Sequence[Finding]) -> None:
    for finding in findings:
        what = f"{finding.name}  {finding.kind}"
        if finding.is_problem:
            click.secho(f"✕ {what}: {finding.state}", fg="red")
            _explain(finding)
        elif finding.state is State.RIGHT:
            done(what)
        else:
            say(f"• {what}: {finding.state}, and merely handy")
    say()
    if problems:
        say(f"{len(problems)} to be done for {domain}. A change may take hours to be seen by all.")
    else:
        done(f"The world sees {domain} as it should be.")


def _explain(finding: Finding) -> None:
    say(f"    {finding.purpose}")
    if finding.wanted and finding.wanted not in finding.remedy:
        say(f"    wanted  {finding.wanted}")
    for view, said in (finding.seen or {}).items():
        values = said if isinstance(said, str) else " | ".join(said) or "nothing"
        say(f"    seen    {plain(values)}{f'  ({view})' if view else ''}")
    if finding.remedy:
        say(f"    → {plain(finding.remedy)}")

"""mailclad doctor: is one's own server well, from inside and from outside?"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailclad.app.config import Config, ConfigProblem, load_config
from mailclad.app.open import become_owner
from mailclad.cli.context import config_option, done, json_option, say, say_json
from mailclad.cli.finding_words import report_text
from mailclad.cli.progress import named_progress
from mailclad.cli.trouble import FindingCommand, Trouble
from mailclad.cli.words import plain
from mailclad.services.diagnose.report_json import report_json

if TYPE_CHECKING:
    from mailclad.app.doctor import Wishes
    from mailclad.app.doctor_fix import Mended
    from mailclad.services.diagnose.report import Report

_file = click.Path(path_type=Path, dir_okay=False)
_file_there = click.Path(path_type=Path, dir_okay=False, exists=True)

LONGEST_ASIDE_DAYS = 365


@click.command("doctor", cls=FindingCommand)
@click.option("--port", type=click.IntRange(1, 65535), help="Look at this port only.")
@click.option("--inside", is_flag=True, help="Ask this machine only, neither DNS nor web.")
@click.option("--outside", is_flag=True, help="Also see whether large providers take our mail.")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend, and say what was done.")
@click.option("--trust", type=_file_there, help="Trust only these authorities (PEM).")
@click.option("--set-aside", "aside", metavar="ID", help="Judge a finding: it is not for you.")
@click.option("--because", default="", metavar="REASON", help="Why it is set aside.")
@click.option(
    "--days",
    type=click.IntRange(0, LONGEST_ASIDE_DAYS),
    default=7,
    show_default=True,
    help="For so long; 0 takes it back.",
)
@click.option("--html", "page", type=_file, help="Also write it as a page.")
@config_option
@json_option
def doctor(
    port: int | None,
    inside: bool,
    outside: bool,
    fix: bool,
    trust: Path | None,
    aside: str | None,
    because: str,
    days: int,
    page: Path | None,
    config_file: Path,
    as_json: bool,
) -> None:
    """Look after this mail server: settings, files, ports, certificates, queue, DNS.

    Exit status 0: fine, 1: something to watch, 2: a problem, 3: something could not be checked.
    """
    from mailclad.app import doctor as app  # noqa: PLC0415 - slow to import

    try:
        config = load_config(config_file)
    except ConfigProblem as problem:
        if not config_file.exists():
            raise
        _tell(app.unreadable(problem, datetime.now(UTC)), (), page, as_json=as_json)
        return
    if aside is not None:
        _set_aside(config, aside.upper(), because, days)
        return
    wishes = app.Wishes(port, inside, outside, trust)
    report, mended = _examine(config, config_file, wishes, fix=fix)
    _tell(report, mended, page, as_json=as_json)


def _examine(
    config: Config, config_file: Path, wishes: "Wishes", *, fix: bool
) -> tuple["Report", Sequence["Mended"]]:
    """Files first, as whoever calls; all else as the owner of the data."""
    from mailclad.app.doctor import Patient, examine  # noqa: PLC0415 - slow to import
    from mailclad.app.doctor_fix import close_files, mend, tidy  # noqa: PLC0415 - likewise
    from mailclad.app.doctor_machine import look_again, look_at_machine  # noqa: PLC0415 - likewise
    from mailclad.app.domain_facts import served_chains  # noqa: PLC0415 - likewise

    machine = look_at_machine(config, config_file)
    mended: list[Mended] = []
    if fix:
        mended += [*close_files(machine), *tidy(config, machine)]
        machine = look_at_machine(config, config_file)
    patient = Patient(config, machine, served_chains(config))
    become_owner(config.server.data)
    with named_progress() as progress:
        report = asyncio.run(examine(patient, wishes, progress))
        if fix and (more := asyncio.run(mend(config, report))):
            mended += more
            patient = replace(patient, machine=look_again(machine, config, config_file))
            report = asyncio.run(examine(patient, wishes, progress))
    return report, mended


def _tell(
    report: "Report", mended: Sequence["Mended"], page: Path | None, *, as_json: bool
) -> None:
    from mailclad.web.report_page import report_page  # noqa: PLC0415 - slow to import

    if page is not None:
        page.write_text(report_page(report), "utf-8")
    if as_json:
        did = [{"what": one.what, "hindrance": one.hindrance} for one in mended]
        say_json(report_json(report) | {"mended": did})
    else:
        for one in mended:
            _say_mended(one)
        say(report_text(report, admin=True))
        say("  The same for a program:  mailclad doctor --json")
    raise SystemExit(report.exit_status)


def _say_mended(one: "Mended") -> None:
    if one.hindrance:
        click.secho(f"✕ {plain(one.what)}: {plain(one.hindrance)}", fg="yellow")
    else:
        done(plain(one.what))


def _set_aside(config: Config, entry: str, because: str, days: int) -> None:
    from mailclad.app.set_aside import set_aside  # noqa: PLC0415 - seldom needed
    from mailclad.services.diagnose.catalogue import entries  # noqa: PLC0415 - likewise
    from mailclad.services.diagnose.doctor_report import SetAside  # noqa: PLC0415 - likewise

    if entry not in entries():
        raise Trouble(f"There is no finding {plain(entry)}. The report names each: CERT-307")
    if days and not because.strip():
        raise Trouble(f'Say why, for whoever looks next: --set-aside {entry} --because "…"')
    become_owner(config.server.data)
    now = datetime.now(UTC)
    until = now + timedelta(days=days)
    set_aside(config.server.data, SetAside(entry, because.strip(), until), now)
    if days:
        done(f"{entry} is shown as not for you until {until:%Y-%m-%d}.")
    else:
        done(f"{entry} counts again.")

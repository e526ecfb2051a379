"""mailclad check: can I read, can I send, will others reach me, is it safe on this network?"""

import asyncio
from dataclasses import replace
from pathlib import Path

import click

from mailclad.base.secret import Secret
from mailclad.cli.check_words import program_json, program_lines
from mailclad.cli.context import json_option, say, say_json, writing
from mailclad.cli.domain_gather import parse_server_option
from mailclad.cli.finding_words import report_text
from mailclad.cli.progress import named_progress
from mailclad.cli.trouble import FindingCommand, Trouble
from mailclad.services.client_setup.clients import Client, clients
from mailclad.services.client_setup.finding_clients import find_clients
from mailclad.services.diagnose.report_json import report_json
from mailclad.services.diagnose.target import Target, TargetProblem, parse_target

_file = click.Path(path_type=Path, dir_okay=False)
_file_there = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command("check", cls=FindingCommand)
@click.argument("target")
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="PORT", help="Look at this port only."
)
@click.option(
    "--program",
    "key",
    metavar="NAME",
    help="Say what to type into this program, in its own words.",
)
@click.option("--admin", is_flag=True, help="Also say what whoever runs the server has to do.")
@json_option
@click.option("--html", "page", type=_file, help="Also write it as a page.")
@click.option("--resolver", "resolvers", metavar="IP", multiple=True, help="Ask this name server.")
@click.option(
    "--trust", "authorities", type=_file_there, help="Trust only these authorities (PEM)."
)
@click.option("--login", is_flag=True, help="Ask for the password, and try to sign in with it.")
@click.option("--witness", default="", metavar="URL", help="Compare clock and network with it.")
def check(
    target: str,
    port: int | None,
    key: str | None,
    admin: bool,
    as_json: bool,
    page: Path | None,
    resolvers: tuple[str, ...],
    authorities: Path | None,
    login: bool,
    witness: str,
) -> None:
    """Look at anybody's mail servers from this computer, as mail programs do.

    TARGET is an address, a domain, or a server, with or without a port.  Nobody is told the
    address, and no password is sent without --login.

    Exit status 0: fine, 1: something to watch, 2: a problem, 3: something could not be checked.
    """
    from mailclad.app import check as app  # noqa: PLC0415 - slow to import
    from mailclad.protocols.smtp.client.login import Login  # noqa: PLC0415 - likewise
    from mailclad.web.report_page import report_page  # noqa: PLC0415 - likewise

    aim = _target(target, port)
    program = _program(key) if key is not None else None
    if login and "@" not in target:
        raise Trouble("To sign in, give the address: mailclad check ada@example.net --login")
    if page is not None:
        with writing(page):
            page.touch()  # found out before people have waited
    asking = app.Asking(tuple(map(parse_server_option, resolvers)), authorities, witness)
    with named_progress() as progress:
        checked = asyncio.run(app.check_target(aim, asking, progress))
    if login and _may_ask(proven=any(map(app.can_sign_in, checked.best))):
        given = Login(target.strip(), _password(target))
        checked = asyncio.run(app.sign_in(checked, given, asking))
    if page is not None:
        with writing(page):
            page.write_text(report_page(checked.report), "utf-8")
    if as_json:
        settings = {} if program is None else program_json(program, checked.best)
        say_json(report_json(checked.report) | settings)
    else:
        say(report_text(checked.report, admin=admin))
        for line in () if program is None else program_lines(program, target, checked.best):
            say(line)
    raise SystemExit(checked.report.exit_status)


def _target(text: str, port: int | None) -> Target:
    try:
        target = parse_target(text)
    except TargetProblem as problem:
        raise Trouble(str(problem)) from None
    return target if port is None else replace(target, port=port)


def _program(name: str) -> Client:
    found = find_clients(name)
    if not found:
        raise Trouble(f"There is no guide for “{name}”. There are: {', '.join(clients())}")
    return found[0]


def _may_ask(*, proven: bool) -> bool:
    if not proven:
        click.echo("No password is sent: no server could prove who it is.", err=True)
    return proven


def _password(target: str) -> Secret:
    """Asked for only now: it is for servers that have proven who they are."""
    typed = click.prompt(f"Password of {target}", hide_input=True, err=True)
    return Secret(typed.encode())

"""mailclad clients: what to type into any mail program, for any address, in its own words."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from mailclad.app.config import Config, load_config
from mailclad.app.open import Opened
from mailclad.base.tls_policy import TlsMode
from mailclad.cli.client_words import (
    client_rows,
    endpoint_rows,
    endpoints_json,
    explained_lines,
    folded,
    guide_json,
    guide_lines,
)
from mailclad.cli.context import (
    config_option,
    done,
    json_option,
    say,
    say_json,
    say_table,
    with_store,
    writing,
)
from mailclad.cli.domain_gather import parse_server_option
from mailclad.cli.progress import named_progress
from mailclad.cli.trouble import Trouble
from mailclad.services.client_setup.clients import Client, clients
from mailclad.services.client_setup.files import FILES
from mailclad.services.client_setup.finding_clients import find_clients
from mailclad.services.client_setup.forms import FORMS
from mailclad.services.client_setup.guide import Guide, make_guide
from mailclad.services.client_setup.qr_picture import qr_blocks
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible, SetupFile
from mailclad.services.diagnose.target import Target, TargetProblem, parse_target

QR = "qr"
TABLE = "table"
_FORMATS = (TABLE, *FORMS)

_file_there = click.Path(path_type=Path, dir_okay=False, exists=True)
_folder = click.Path(path_type=Path, file_okay=False)


@click.command("clients")
@click.argument("address")
@click.option("--client", "name", metavar="NAME", help="The guide for this program, in its words.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default=TABLE,
    show_default=True,
    help="The settings in a form that programs read by themselves.",
)
@click.option(
    "--password-command",
    metavar="COMMAND",
    help="What files for programs run to get the password.  [default: pass show mail/ADDRESS]",
)
@click.option("--starttls", is_flag=True, help="Tell that way, where the program has both.")
@click.option("--write", "folder", type=_folder, help="Write the program's files below it.")
@click.option("--explain", is_flag=True, help="Also say what encryption buys, and its names.")
@click.option(
    "--trust", "authorities", type=_file_there, help="Trust only these authorities (PEM)."
)
@click.option("--resolver", "resolvers", metavar="IP", multiple=True, help="Ask this name server.")
@config_option
@json_option
def clients_(
    address: str,
    name: str | None,
    form: str,
    password_command: str | None,
    starttls: bool,
    folder: Path | None,
    explain: bool,
    authorities: Path | None,
    resolvers: tuple[str, ...],
    config_file: Path,
    as_json: bool,
) -> None:
    """What to type into a mail program for ADDRESS, at any provider.

    An address of this server is answered from its configuration.  For any other one this
    computer looks at the provider's servers, as mail programs do; it tells nobody the address.
    """
    one_form = form != TABLE
    _refuse(folder and not name, "--write needs --client: whose files?")
    _refuse(one_form and (name or as_json), "--format goes without --client and --json.")
    _refuse(explain and (one_form or as_json), "--explain is for people: no --format, no --json.")
    client = _client(name) if name is not None else None
    target = _target(address)
    settings = _of_this_server(config_file, address.strip(), target)
    if settings is None:
        settings = _of_another(target, address.strip(), resolvers, authorities)
    if one_form:
        _say_form(form, settings)
    elif client is None:
        _say_all(settings, as_json=as_json)
    else:
        command = password_command or f"pass show mail/{settings.address}"
        if starttls and client.words.starttls:
            settings = settings.preferring(TlsMode.STARTTLS)
        if folder is not None:
            _write(client, settings, command, folder)
        else:
            guide = make_guide(client, settings, by_hand=starttls or client.begins_on_page)
            _say_guide(guide, settings, command, as_json=as_json)
    if explain:
        _say_explanations()


def _refuse(together: object, why: str) -> None:
    if together:
        raise click.UsageError(why)


def _client(name: str) -> Client:
    found = find_clients(name)
    if not found:
        known = ", ".join(clients())
        raise Trouble(f"There is no guide for “{name}”. There are: {known}")
    return found[0]


def _target(address: str) -> Target:
    try:
        target = parse_target(address)
    except TargetProblem as problem:
        raise Trouble(str(problem)) from None
    if "@" not in address or not target.domain:
        raise Trouble("Give the whole mail address, like: mailclad clients ada@example.net")
    return target


def _of_this_server(config_file: Path, address: str, target: Target) -> ClientSettings | None:
    """None where the domain is not ours, or this user cannot look into the installation."""
    from mailclad.app.client_setup import of_this_server  # noqa: PLC0415 - slow to import

    if not os.access(config_file, os.R_OK):
        return None
    config: Config = load_config(config_file)
    if not os.access(config.server.data, os.R_OK | os.W_OK | os.X_OK):
        return None

    async def domains(things: Opened) -> Sequence[str]:
        return await things.store.domains()

    if target.domain not in with_store(config_file, domains):
        return None
    return of_this_server(config, address, target.domain)


def _of_another(
    target: Target, address: str, resolvers: tuple[str, ...], authorities: Path | None
) -> ClientSettings:
    from mailclad.app.check import Asking  # noqa: PLC0415 - slow to import
    from mailclad.app.client_setup import of_another  # noqa: PLC0415 - likewise

    asking = Asking(tuple(map(parse_server_option, resolvers)), authorities)
    with named_progress() as progress:
        settings = asyncio.run(of_another(target, address, asking, progress))
    if not settings.endpoints:
        raise Trouble(
            f"No server for {address} was found that can be used safely from here. "
            f"What is wrong, and what to do:  mailclad check {address}"
        )
    return settings


def _say_form(form: str, settings: ClientSettings) -> None:
    try:
        octets = FORMS[form](settings)
    except NotPossible as problem:
        raise Trouble(str(problem)) from None
    if form == QR:
        say(qr_blocks(octets))
        say("Scan it in Thunderbird on Android: Import settings, Scan QR code.")
        say("No password is in it: the program asks for the app password.")
    else:
        click.echo(octets, nl=False)


def _say_all(settings: ClientSettings, *, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "address": settings.address,
                "endpoints": endpoints_json(settings.endpoints),
                "clients": [{"client": one.key, "name": one.name} for one in clients().values()],
            }
        )
        return
    say(click.style(f"Settings of {settings.address}", bold=True))
    say()
    rows = endpoint_rows(settings.endpoints)
    say_table(("For", "Server", "Port", "Encryption"), rows)
    say()
    say(f"The user name is {settings.address}.")
    say(folded(f"The password: {settings.password}.", "", ""))
    say()
    say_table(("Program", "", "How it is set up"), client_rows(clients().values()))
    say()
    command = f"mailclad clients {settings.address} --format"
    say(f"The profile:  {command} mobileconfig")
    say(f"The code:     {command} qr")
    say(f"One of them:  mailclad clients {settings.address} --client thunderbird")


def _say_guide(guide: Guide, settings: ClientSettings, command: str, *, as_json: bool) -> None:
    files: Sequence[SetupFile] = ()
    try:
        files = _files(guide.client, settings, command)
    except NotPossible as problem:
        guide = replace(guide, warnings=(*guide.warnings, str(problem)))
    if as_json:
        say_json(guide_json(guide, files))
        return
    for line in guide_lines(guide, files):
        say(line)


def _say_explanations() -> None:
    say()
    for line in explained_lines():
        say(line)


def _files(client: Client, settings: ClientSettings, command: str) -> Sequence[SetupFile]:
    writer = FILES.get(client.key)
    return () if writer is None else writer(settings, command)


def _write(client: Client, settings: ClientSettings, command: str, folder: Path) -> None:
    """Nothing that is there is written over: it may hold more than this."""
    try:
        files = _files(client, settings, command)
    except NotPossible as problem:
        raise Trouble(str(problem)) from None
    placed = [(folder / one.path, one.text) for one in files if one.path]
    if not placed:
        raise Trouble("There is no file for this program; leave --write away and read its guide.")
    for path, _ in placed:
        if path.exists():
            raise Trouble(f"{path} is there already. Move it away, or add to it by hand.")
    for path, text in placed:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
        done(f"{path} is written.")

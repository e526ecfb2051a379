"""mailclad app-password: a password of its own for each device or program."""

import shlex
import time
from pathlib import Path

import click

from mailclad.app.open import Opened
from mailclad.cli.context import (
    config_option,
    done,
    json_option,
    say,
    say_json,
    say_table,
    with_store,
)
from mailclad.cli.trouble import Trouble
from mailclad.services.auth.app_password import in_fours
from mailclad.store.model import AppPassword, Scope


@click.group("app-password")
def app_password() -> None:
    """A password of its own for each device."""


@app_password.command("add")
@click.argument("address")
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([str(scope) for scope in Scope]),
    default=str(Scope.ALL),
    show_default=True,
    help="What it may be used for; printers need only: send.",
)
@config_option
@json_option
def add(address: str, name: str, scope: str, config_file: Path, as_json: bool) -> None:
    """Make an app password of ADDRESS for the device or program called NAME."""

    async def action(things: Opened) -> str:
        made = await things.provision.add_app_password(address, name, Scope(scope))
        return made.letters

    letters = with_store(config_file, action)
    if as_json:
        say_json({"address": address, "name": name, "scope": scope, "password": letters})
        return
    done(f"An app password for “{name}” of {address}, shown once. Spaces do not matter:")
    say(f"  {in_fours(letters)}")
    revoke = f"mailclad app-password revoke {address} {shlex.quote(name)}"
    say(f"If the device is lost, nothing else changes with:  {revoke}")


@app_password.command("list")
@click.argument("address")
@config_option
@json_option
def list_(address: str, config_file: Path, as_json: bool) -> None:
    """Show the app passwords of ADDRESS: their names, not the letters."""
    found = with_store(config_file, lambda things: things.provision.app_passwords(address))
    if as_json:
        say_json(
            [
                {"id": a.id, "name": a.name, "scope": a.scope, "created_at": a.created_at}
                for a in found
            ]
        )
    elif found:
        say_table(("Number", "Name", "For", "Made"), map(_row, found))
    else:
        say(f"{address} has no app password.")


def _row(one: AppPassword) -> tuple[str, str, str, str]:
    made = time.strftime("%Y-%m-%d", time.gmtime(one.created_at))
    return str(one.id), one.name, str(one.scope), made


@app_password.command("revoke")
@click.argument("address")
@click.argument("name_or_number")
@config_option
def revoke(address: str, name_or_number: str, config_file: Path) -> None:
    """Make an app password of ADDRESS worthless, by its name or number."""

    async def action(things: Opened) -> str:
        found = await things.provision.app_passwords(address)
        fitting = [a for a in found if name_or_number in {a.name, str(a.id)}]
        if len(fitting) != 1:
            what = "no app password" if not fitting else "several app passwords"
            see = f"See them with: mailclad app-password list {address}"
            raise Trouble(f"{address} has {what} “{name_or_number}”. {see}")
        await things.provision.remove_app_password(address, fitting[0].id)
        return fitting[0].name

    done(f"The app password “{with_store(config_file, action)}” of {address} is worthless now.")

"""mailclad app-password: a password of its own for each device or program."""

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from mailclad.store.model import AppPassword, AppPasswordUse, Scope


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

    async def look(things: Opened) -> tuple[Sequence[AppPassword], Mapping[int, AppPasswordUse]]:
        provision = things.provision
        return await provision.app_passwords(address), await provision.app_password_uses(address)

    found, uses = with_store(config_file, look)
    if as_json:
        say_json([_json(one, uses.get(one.id)) for one in found])
    elif found:
        rows = (_row(one, uses.get(one.id)) for one in found)
        say_table(("Number", "Name", "For", "Made", "Last used"), rows)
    else:
        say(f"{address} has no app password.")


def _row(one: AppPassword, use: AppPasswordUse | None) -> tuple[str, ...]:
    used = "not yet"
    if use is not None:
        how = " ".join(filter(None, (use.service, use.tls_version)))
        used = f"{_day(use.used_at)}, {how}, from {use.address}"
    return str(one.id), one.name, str(one.scope), _day(one.created_at), used


def _json(one: AppPassword, use: AppPasswordUse | None) -> dict[str, Any]:
    last = None
    if use is not None:
        last = {
            "at": use.used_at,
            "service": use.service,
            "tls": use.tls_version,
            "address": use.address,
        }
    return {
        "id": one.id,
        "name": one.name,
        "scope": one.scope,
        "created_at": one.created_at,
        "last_used": last,
    }


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


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

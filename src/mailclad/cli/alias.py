"""mailclad alias: addresses that lead to other addresses, and the catch-all of a domain."""

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
from mailclad.store.model import Alias


@click.group()
def alias() -> None:
    """Addresses that lead to other addresses."""


@alias.command("add")
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@config_option
def add(address: str, targets: tuple[str, ...], config_file: Path) -> None:
    """Let mail for ADDRESS go to each of TARGETS, which may be elsewhere.

    '*@DOMAIN' as ADDRESS takes all mail for addresses that nobody has.
    """

    async def action(things: Opened) -> Alias:
        if domain := _catch_all(address):
            return await things.provision.set_catch_all(domain, *targets)
        return await things.provision.set_alias(address, *targets)

    made = with_store(config_file, action)
    done(f"Mail for {made.address} goes to {', '.join(made.targets)}.")


@alias.command("list")
@config_option
@json_option
def list_(config_file: Path, as_json: bool) -> None:
    """Show all aliases."""

    async def action(things: Opened) -> list[Alias]:
        return await things.store.aliases()

    found = with_store(config_file, action)
    if as_json:
        say_json([{"address": a.address, "targets": list(a.targets)} for a in found])
    elif found:
        say_table(("Address", "Goes to"), ((a.address, ", ".join(a.targets)) for a in found))
    else:
        say("No alias yet.")


@alias.command("remove")
@click.argument("address")
@config_option
def remove(address: str, config_file: Path) -> None:
    """Let ADDRESS lead nowhere."""

    async def action(things: Opened) -> None:
        if domain := _catch_all(address):
            await things.provision.remove_catch_all(domain)
        else:
            await things.provision.remove_alias(address)

    with_store(config_file, action)
    done(f"{address} leads nowhere now.")


def _catch_all(address: str) -> str:
    """The domain of ``*@domain``, else nothing."""
    return address[2:] if address.startswith("*@") else ""

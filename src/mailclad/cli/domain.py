"""mailclad domain: the domains whose mail is kept here."""

from pathlib import Path

import click

from mailclad.app.open import Opened
from mailclad.cli.context import config_option, done, json_option, say, say_json, with_store
from mailclad.cli.domain_key import key
from mailclad.cli.lazy import LazyGroup

_APART = {
    "check": "mailclad.cli.domain_check:check",
    "dns": "mailclad.cli.domain_dns:dns",
}


@click.group(cls=LazyGroup, apart=_APART)
def domain() -> None:
    """The domains that get their mail here."""


domain.add_command(key)


@domain.command("add")
@click.argument("name")
@config_option
def add(name: str, config_file: Path) -> None:
    """Take mail for NAME from now on."""

    async def action(things: Opened) -> str:
        added = await things.provision.add_domain(name)
        await things.keys.ensure(added)
        return added

    added = with_store(config_file, action)
    done(f"Mail for {added} is taken from now on.")
    say(f"Its mail is signed; what DNS must say of that: mailclad domain key {added} list")


@domain.command("list")
@config_option
@json_option
def list_(config_file: Path, as_json: bool) -> None:
    """Show all domains."""

    async def action(things: Opened) -> list[str]:
        return await things.store.domains()

    names = with_store(config_file, action)
    if as_json:
        say_json(names)
        return
    for name in names:
        say(name)
    if not names:
        say("No domain yet. Add one with: mailclad domain add NAME")


@domain.command("remove")
@click.argument("name")
@config_option
def remove(name: str, config_file: Path) -> None:
    """Take no more mail for NAME; it must have no accounts and aliases."""

    async def action(things: Opened) -> None:
        await things.provision.remove_domain(name)

    with_store(config_file, action)
    done(f"Mail for {name} is refused from now on.")

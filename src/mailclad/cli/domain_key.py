"""mailclad domain key: the DKIM keys that sign a domain's mail, and their records in DNS."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from mailclad.app.open import Opened
from mailclad.cli.context import config_option, done, json_option, say, say_json, with_store
from mailclad.mail.address import normalise_domain
from mailclad.services.provision.signing_keys import published
from mailclad.services.provision.zone_text import quoted
from mailclad.store.signing_keys import KeyState, StoredKey

_MEANS = {
    KeyState.PREPARED: "made, does not sign yet",
    KeyState.ACTIVE: "signs",
    KeyState.RETIRED: "signs no more",
}


@click.group("key")
@click.argument("domain")
@click.pass_context
def key(context: click.Context, domain: str) -> None:
    """The DKIM keys that sign the mail of DOMAIN.

    To change them: new, publish the records, activate; retire the old ones, and remove them a week
    later, when no mail that they signed is on its way any more.
    """
    context.obj = normalise_domain(domain.removesuffix("."))


@key.command("list")
@config_option
@json_option
@click.pass_obj
def list_(domain: str, config_file: Path, as_json: bool) -> None:
    """Show the keys, and the record that DNS must have for each."""

    async def action(things: Opened) -> tuple[StoredKey, ...]:
        return await things.keys.ensure(domain)

    _show(with_store(config_file, action), as_json)


@key.command("new")
@config_option
@json_option
@click.pass_obj
def new(domain: str, config_file: Path, as_json: bool) -> None:
    """Make a new RSA key and a new Ed25519 key, which do not sign yet."""

    async def action(things: Opened) -> tuple[StoredKey, ...]:
        return await things.keys.make(domain)

    made = with_store(config_file, action)
    _show(made, as_json)
    if not as_json:
        names = " ".join(each.selector for each in made)
        say(f"When DNS has these records: mailclad domain key {domain} activate {names}")


@key.command("activate")
@click.argument("selectors", nargs=-1, required=True)
@config_option
@click.pass_obj
def activate(domain: str, selectors: tuple[str, ...], config_file: Path) -> None:
    """Sign with the keys of these SELECTORS, within a minute."""
    _change(domain, selectors, config_file, KeyState.ACTIVE)


@key.command("retire")
@click.argument("selectors", nargs=-1, required=True)
@config_option
@click.pass_obj
def retire(domain: str, selectors: tuple[str, ...], config_file: Path) -> None:
    """Sign no more with the keys of these SELECTORS; leave their records in DNS for a week."""
    _change(domain, selectors, config_file, KeyState.RETIRED)


@key.command("remove")
@click.argument("selectors", nargs=-1, required=True)
@config_option
@click.pass_obj
def remove(domain: str, selectors: tuple[str, ...], config_file: Path) -> None:
    """Destroy the keys of these SELECTORS; their records can go from DNS as well."""

    async def destroy(things: Opened, selector: str) -> None:
        await things.store.remove_signing_key(domain, selector)

    _each(selectors, config_file, destroy)
    done(f"{', '.join(selectors)} of {domain}: removed.")


def _change(domain: str, selectors: tuple[str, ...], config_file: Path, state: KeyState) -> None:
    async def change(things: Opened, selector: str) -> None:
        await things.store.set_key_state(domain, selector, state)

    _each(selectors, config_file, change)
    done(f"{', '.join(selectors)} of {domain}: {_MEANS[state]}.")


def _each(
    selectors: tuple[str, ...],
    config_file: Path,
    do: Callable[[Opened, str], Awaitable[None]],
) -> None:
    async def action(things: Opened) -> None:
        for selector in selectors:
            await do(things, selector)

    with_store(config_file, action)


def _show(keys: tuple[StoredKey, ...], as_json: bool) -> None:
    if as_json:
        say_json([_facts(each) for each in keys])
        return
    for each in keys:
        made = f"{datetime.fromtimestamp(each.created_at, UTC):%Y-%m-%d}"
        say(f"{each.selector}: {each.kind}, of {made}, {_MEANS[each.state]}")
        record = published(each)
        say(f"  {record.name}. IN TXT {quoted(record.value)}")


def _facts(each: StoredKey) -> dict[str, object]:
    record = published(each)
    return {
        "selector": each.selector,
        "kind": each.kind,
        "state": each.state.value,
        "created_at": each.created_at,
        "name": record.name,
        "value": record.value,
    }

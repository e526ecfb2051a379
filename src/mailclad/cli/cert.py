"""mailclad cert: the certificates of this server."""

from pathlib import Path

import click

from mailclad.app.certificate_list import Inventory, Listed, find, take_inventory
from mailclad.app.clock import SystemClock
from mailclad.app.config import load_config
from mailclad.app.domain_facts import served_chains
from mailclad.app.open import Opened
from mailclad.cli.cert_words import attempt_json, listed_json, say_inventory, say_listed
from mailclad.cli.context import config_option, json_option, say, say_json, with_store
from mailclad.cli.lazy import LazyGroup
from mailclad.cli.trouble import EXIT_FOUND_PROBLEMS, Trouble
from mailclad.cli.words import plain
from mailclad.services.certificates.plan import Alarm

_APART = {
    "request": "mailclad.cli.cert_order:request",
    "renew": "mailclad.cli.cert_order:renew",
    "test": "mailclad.cli.cert_test:test",
    "install": "mailclad.cli.cert_files:install",
    "export": "mailclad.cli.cert_files:export",
    "calendar": "mailclad.cli.cert_calendar:calendar",
}


@click.group(cls=LazyGroup, apart=_APART)
def cert() -> None:
    """The certificates that mail programs and other servers see."""


@cert.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that were used before.")
@config_option
@json_option
def list_(every: bool, config_file: Path, as_json: bool) -> None:
    """Show what there is, how long it lasts, and what happens next.

    Exit status 3: a certificate has ended, begins later, or should long have been renewed.
    """
    inventory, now = inventory_of(config_file), SystemClock().now()
    if as_json:
        say_json(
            {
                "certificates": [listed_json(one, now) for one in inventory.certificates],
                "refused": dict(inventory.refused),
                "attempts": list(map(attempt_json, inventory.attempts)),
            }
        )
    else:
        say_inventory(inventory, now, every=every)
        if all(one.served and one.served.temporary for one in inventory.certificates):
            _say_none(config_file)
    alarming = (Alarm.PROBLEM, Alarm.ENDED, Alarm.EARLY)
    if any(one.served and one.alarm(now) in alarming for one in inventory.certificates):
        raise SystemExit(EXIT_FOUND_PROBLEMS)


def _say_none(config_file: Path) -> None:
    config = load_config(config_file)
    if config.tls.rival_of_acme:
        say("There is no certificate yet: the server looks for one as soon as it runs.")
    elif config.acme is not None:
        say("No certificate has come yet. The server orders one while it runs.")
        say("To see whether the names can be proved:  mailclad cert test")
        say("To order it at once:                     mailclad cert request")
    else:
        say("There is no certificate yet. To have one ordered and renewed,")
        say("write [acme] into the configuration; or name files in [tls].")


@cert.command("show")
@click.argument("which", required=False)
@click.option("--pem", is_flag=True, help="Only the certificate with its chain, in PEM.")
@config_option
@json_option
def show(which: str | None, pem: bool, config_file: Path, as_json: bool) -> None:
    """Show one certificate in full.

    WHICH is its number or one of its names.
    """
    now, one = SystemClock().now(), chosen(inventory_of(config_file), which)
    if pem:
        click.echo(one.chain_pem.decode("ascii"), nl=False)
    elif as_json:
        say_json(
            {**listed_json(one, now), "tlsa": tlsa(one), "pem": one.chain_pem.decode("ascii")}
        )
    else:
        say_listed(one, now)
        for name in one.names:
            say(f"  name         {plain(name)}")
        say(f"  fingerprint  {one.fingerprint}")
        if one.chain_pem:
            say(f"  TLSA         {tlsa(one)}")


def inventory_of(config_file: Path) -> Inventory:
    """Files are read as whoever calls; the store as who owns it."""
    config = load_config(config_file)
    chains = served_chains(config)

    async def action(things: Opened) -> Inventory:
        return await take_inventory(config, things.store, chains, SystemClock().now())

    return with_store(config_file, action)


def chosen(inventory: Inventory, which: str | None) -> Listed:
    found = find(inventory, which)
    if found is None:
        what = f"“{which}”" if which else "any name"
        raise Trouble(f"There is no certificate for {what}. See: mailclad cert list --all")
    return found


def tlsa(one: Listed) -> str:
    """What DANE's record for its key says."""
    from mailclad.services.certificates.keys import tlsa_text  # noqa: PLC0415 - seldom needed

    return tlsa_text(one.chain_pem) if one.chain_pem else ""

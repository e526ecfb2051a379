"""mailclad queue suppressed: addresses that get nothing from here."""

import time
from collections.abc import AsyncIterator
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
from mailclad.cli.words import moment, plain
from mailclad.mail.address import parse_address
from mailclad.store.queue import Suppressed

_DAY_SECONDS = 86_400


@click.group()
def suppressed() -> None:
    """Addresses that get nothing from here."""


@suppressed.command("list")
@config_option
@json_option
def list_(config_file: Path, as_json: bool) -> None:
    """Show the addresses, why, and until when."""

    async def action(things: Opened) -> list[Suppressed]:
        return [one async for one in _all(things)]

    found = with_store(config_file, action)
    if as_json:
        say_json([{name: getattr(one, name) for name in one.__slots__} for one in found])
    elif found:
        say_table(("Address", "Since", "Until", "Why"), [_row(one) for one in found])
    else:
        say("No address is suppressed: everybody gets mail from here.")


async def _all(things: Opened) -> AsyncIterator[Suppressed]:
    after = ""
    while page := await things.store.suppressions(after):
        for one in page:
            yield one
        after = page[-1].address


def _row(one: Suppressed) -> tuple[str, ...]:
    until = "removed" if one.until is None else moment(one.until)
    return plain(one.address), moment(one.added_at), until, plain(one.reason)


@suppressed.command("add")
@click.argument("address")
@click.option("--reason", default="by an administrator", show_default=True, help="Why.")
@click.option("--days", type=click.IntRange(1), help="For so long; else until removed.")
@config_option
def add(address: str, reason: str, days: int | None, config_file: Path) -> None:
    """Send nothing to ADDRESS any more; who writes to it is told."""
    normalised = parse_address(address).normalised
    now = int(time.time())
    until = None if days is None else now + days * _DAY_SECONDS

    async def action(things: Opened) -> None:
        await things.store.suppress(Suppressed(normalised, reason, now, until))

    with_store(config_file, action)
    done(f"{normalised} gets nothing from here.")


@suppressed.command("remove")
@click.argument("address")
@config_option
def remove(address: str, config_file: Path) -> None:
    """Send to ADDRESS again."""
    normalised = parse_address(address).normalised

    async def action(things: Opened) -> bool:
        return await things.store.unsuppress(normalised)

    if not with_store(config_file, action):
        raise Trouble(f"{normalised} is not suppressed. See: mailclad queue suppressed list")
    done(f"{normalised} gets mail from here again.")

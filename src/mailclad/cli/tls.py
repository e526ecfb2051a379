"""mailclad tls: which handshakes failed and why, and who would fail with less."""

from collections.abc import Iterator
from pathlib import Path

import click

from mailclad.app.clock import SystemClock
from mailclad.app.open import Opened
from mailclad.cli.context import config_option, json_option, say, say_json, with_store
from mailclad.cli.tls_words import (
    failures_json,
    failures_lines,
    preview_json,
    preview_lines,
)
from mailclad.services.tls_watch.known import know
from mailclad.services.tls_watch.preview import CHOICES, Preview, preview
from mailclad.services.tls_watch.told import Account, tell
from mailclad.store.tls_use import DAY_SECONDS, HOUR_SECONDS, KEPT_DAYS


@click.group()
def tls() -> None:
    """What programs and other servers come with, and what failed."""


@tls.command()
@click.option(
    "--since",
    "days",
    type=click.IntRange(1, KEPT_DAYS),
    default=7,
    show_default=True,
    metavar="DAYS",
    help="How far back.",
)
@click.option("--all", "everything", is_flag=True, help="Also what is rare: no line is left out.")
@config_option
@json_option
def failures(*, days: int, everything: bool, config_file: Path, as_json: bool) -> None:
    """Which handshakes failed: whose, why, and what helps."""
    now = SystemClock().now()
    since = now - days * DAY_SECONDS

    async def action(things: Opened) -> Account:
        store, hour = things.store, since // HOUR_SECONDS
        noise = await store.tls_noise(since // DAY_SECONDS)
        known = know(await store.tls_visitors(hour))
        return tell(await store.tls_failures(hour), noise, known)

    account = with_store(config_file, action)
    if as_json:
        say_json(failures_json(account, days))
    else:
        _say_all(failures_lines(account, days, now, everything=everything))


@tls.command("preview")
@click.option(
    "--min",
    "minimum",
    type=click.Choice(list(CHOICES)),
    default="1.3",
    show_default=True,
    help="The oldest TLS that would still be spoken.",
)
@config_option
@json_option
def preview_(minimum: str, config_file: Path, as_json: bool) -> None:
    """Who would have failed in the last 30 days, had only this TLS been spoken."""
    now = SystemClock().now()
    today = now // DAY_SECONDS

    async def action(things: Opened) -> tuple[Preview, int | None]:
        sessions = await things.store.tls_sessions(today - KEPT_DAYS)
        return preview(sessions, minimum), await things.store.tls_counted_since()

    found, since_day = with_store(config_file, action)
    if as_json:
        say_json(preview_json(found, minimum, since_day))
    else:
        _say_all(preview_lines(found, minimum, since_day, now))


def _say_all(lines: Iterator[str]) -> None:
    for line in lines:
        say(line)

"""mailclad cert calendar: what ends when, for a calendar program."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from cryptography import x509

from mailclad.app.certificate_list import Listed, take_inventory
from mailclad.app.certificate_sources import CA_FOLDER
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config, load_config
from mailclad.app.domain_facts import served_chains
from mailclad.app.open import Opened
from mailclad.cli.context import config_option, done, with_store, writing
from mailclad.services.certificates.calendar import Ends, write_calendar
from mailclad.services.certificates.private_ca import CERTIFICATE_FILE
from mailclad.store.certificates import CertificateState
from mailclad.store.signing_keys import KeyState, StoredKey

KEY_SECONDS = 365 * 24 * 3600
"""A DKIM key does not end; a new one once a year is a good habit (docs/howto/dkim.md)."""


@click.command("calendar")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@config_option
def calendar(file: Path | None, config_file: Path) -> None:
    """Write what ends when into a calendar FILE.

    certificates.ics, as an example; without FILE it is printed. It has the certificates, the
    private authority and the DKIM keys, with reminders at 80 % and 95 % of each life.
    """
    config, now = load_config(config_file), SystemClock().now()
    chains = served_chains(config)

    async def action(things: Opened) -> str:
        inventory = await take_inventory(config, things.store, chains, now)
        keys = await things.store.signing_keys()
        events = [*_certificates(inventory.certificates), *_authority(config), *_keys(keys)]
        return write_calendar(events, now)

    text = with_store(config_file, action)
    if file is None:
        click.echo(text, nl=False)
        return
    with writing(file):
        file.write_text(text, encoding="utf-8", newline="")
    done(f"{file}: write it anew after a renewal, or each week.")


def _certificates(listed: Iterable[Listed]) -> Iterator[Ends]:
    for one in listed:
        if one.served is None and one.state is not CertificateState.LIVE:
            continue
        renews = "The server renews it by itself long before." if one.next_order else ""
        yield Ends(
            key=one.fingerprint,
            what=f"The certificate of {one.names[0]} ends",
            why=f"For {', '.join(one.names)}; from {one.source}. {renews}".strip(),
            begins=one.not_before,
            ends=one.not_after,
        )


def _authority(config: Config) -> Iterator[Ends]:
    file = config.server.data / CA_FOLDER / CERTIFICATE_FILE
    if config.tls.private_ca and file.exists():
        made = x509.load_pem_x509_certificate(file.read_bytes())
        yield Ends(
            key=f"{made.serial_number:x}",
            what=f"The private authority of {config.server.hostname} ends",
            why="Every device must be told to trust the next one: mailclad ca export",
            begins=int(made.not_valid_before_utc.timestamp()),
            ends=int(made.not_valid_after_utc.timestamp()),
        )


def _keys(keys: Iterable[StoredKey]) -> Iterator[Ends]:
    for key in keys:
        if key.state is KeyState.ACTIVE:
            yield Ends(
                key=f"{key.domain} {key.selector}",
                what=f"The DKIM key {key.selector} of {key.domain} is a year old",
                why=f"Make a new one: mailclad domain key {key.domain} new",
                begins=key.created_at,
                ends=key.created_at + KEY_SECONDS,
            )

"""mailclad cert install, export: certificates from files, and into files."""

from datetime import UTC, datetime
from pathlib import Path

import click

from mailclad.app.certificate_sources import note_staged
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config, load_config
from mailclad.app.open import Opened
from mailclad.app.requesting import server_runs
from mailclad.cli.cert_order import await_proof
from mailclad.cli.cert_words import INSTALLED
from mailclad.cli.context import (
    config_option,
    done,
    json_option,
    say,
    say_json,
    with_store,
    writing,
)
from mailclad.cli.trouble import Trouble
from mailclad.cli.words import plain
from mailclad.engines.sqlite.certificates import read_certificates
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.choose import by_name, choose
from mailclad.services.certificates.files import load_pair
from mailclad.services.certificates.writing import write_whole
from mailclad.store.certificates import CertificateState, KeptCertificate
from mailclad.store.interface import Store

CHAIN_FILE = "fullchain.pem"
KEY_FILE = "privkey.pem"
"""As other programs call them."""

USED = (CertificateState.LIVE, CertificateState.STAGED)


@click.command("install")
@click.argument("certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("key", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@config_option
@json_option
def install(certificate: Path, key: Path, config_file: Path, as_json: bool) -> None:
    """Keep and use a certificate from files.

    CERTIFICATE has its chain, both are PEM; they are copied into the data directory.

    For files that another program renews in their place, name their paths in the configuration
    instead ([tls]): they are noticed by themselves.
    """
    config, now = load_config(config_file), SystemClock().now()
    loaded = load_pair(certificate, key)
    _check(config, loaded.chain, certificate)
    remarks = [str(remark) for remark in loaded.remarks(datetime.fromtimestamp(now, UTC))]
    runs = server_runs(config.server.data)

    async def action(things: Opened) -> int:
        await _refuse_twice(things.store, loaded.chain)
        staged = await things.store.stage_certificate(_to_keep(loaded.chain, now))
        note_staged(config.server.data)
        if runs:
            await await_proof(things.store)
        return staged

    number = with_store(config_file, action)
    if as_json:
        say_json({"id": number, "names": loaded.chain.names, "remarks": remarks})
        return
    for remark in remarks:
        click.secho(f"! {plain(remark)}", fg="yellow")
    done(f"{certificate} is kept as number {number}; the two files are needed no more.")
    if not runs:
        say("The server uses it from its next start on:  mailclad serve")
    if config.acme is not None:
        say("[acme] is configured: it is replaced by one of the authority's when it is due.")


def _check(config: Config, chain: CertificateChain, file: Path) -> None:
    rival = config.tls.rival_of_acme
    if rival:
        raise Trouble(f"The configuration names {rival}: change it there, or remove it first.")
    host = config.server.hostname.lower()
    if choose(by_name([chain]), host) is None:
        raise Trouble(
            f"{file} is for {', '.join(chain.names)}, not for this server's name, {host}. "
            "Certificates for other names stand in the configuration: [[tls.certificates]]"
        )


async def _refuse_twice(store: Store, chain: CertificateChain) -> None:
    for one in await store.certificates():
        if one.chain_pem == chain.chain_pem and one.state in USED:
            raise Trouble(f"It is kept already, as number {one.id}. See: mailclad cert list")


def _to_keep(chain: CertificateChain, now: int) -> KeptCertificate:
    return KeptCertificate(
        id=0,
        names=chain.names,
        chain_pem=chain.chain_pem,
        key_pem=chain.key_pem,
        kind=chain.kind,
        authority=INSTALLED,
        not_before=int(chain.not_before.timestamp()),
        not_after=int(chain.not_after.timestamp()),
        state=CertificateState.STAGED,
        made_at=now,
    )


@click.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--certificate", "which", help="Its number or one of its names; else the first.")
@click.option("--key", "with_key", is_flag=True, help="The private key too, in a file mode 0600.")
@config_option
def export(target: Path, which: str | None, with_key: bool, config_file: Path) -> None:
    """Write a certificate into files, for another program.

    TARGET is a folder or a file.

    Done as who calls, not as who owns the mail, so that root can write where it should be.
    """
    config = load_config(config_file)
    one = _kept(config, which)
    with writing(target):
        written = _write(one, target, with_key)
    done(
        f"{', '.join(map(str, written))}: for {', '.join(one.names)}. Export again after renewal."
    )


def _write(one: KeptCertificate, target: Path, with_key: bool) -> list[Path]:
    key = one.key_pem.reveal() if with_key else b""
    if not target.is_dir():
        write_whole(target, one.chain_pem + key, 0o600 if key else 0o644)
        return [target]
    write_whole(target / CHAIN_FILE, one.chain_pem, 0o644)
    if not key:
        return [target / CHAIN_FILE]
    write_whole(target / KEY_FILE, key, 0o600)
    return [target / CHAIN_FILE, target / KEY_FILE]


def _kept(config: Config, which: str | None) -> KeptCertificate:
    kept = read_certificates(config.server.data)
    for one in kept:
        wanted = one.state in USED if which is None else which in (str(one.id), *one.names)
        if wanted:
            return one
    what = f" for “{which}”" if which else ""
    raise Trouble(
        f"No certificate{what} is kept here. Files that the configuration names lie where they "
        "are; the private authority's own: mailclad ca export"
    )

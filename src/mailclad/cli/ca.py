"""mailclad ca: the private certificate authority that devices must trust."""

from pathlib import Path

import click

from mailclad.app.certificates import ensure_ca
from mailclad.app.config import load_config
from mailclad.app.open import become_owner
from mailclad.cli.context import config_option, done, writing
from mailclad.cli.trouble import Trouble


@click.group()
def ca() -> None:
    """The private certificate authority."""


@ca.command("export")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
@config_option
def export(output: Path | None, config_file: Path) -> None:
    """Print the CA's certificate (PEM): what devices must trust. The key stays here."""
    config = load_config(config_file)
    if not config.tls.private_ca:
        raise Trouble(
            f"{config_file} has no private CA: devices trust your certificate's own authority. "
            "To use one, set private_ca = true below [tls]."
        )
    become_owner(config.server.data)
    pem = ensure_ca(config).read_text(encoding="ascii")
    if output is None:
        click.echo(pem, nl=False)
        return
    with writing(output):
        output.write_text(pem, encoding="ascii")
    done(f"{output}: add it to the authorities that your devices trust.")

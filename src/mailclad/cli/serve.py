"""mailclad serve: run the mail server until it is told to stop."""

from functools import partial
from pathlib import Path

import click

from mailclad.app.certificate_state import read_state
from mailclad.app.certificates import temporary_words
from mailclad.app.config import Config, load_config
from mailclad.app.serve import serve as serve_config
from mailclad.cli.context import config_option
from mailclad.cli.words import wrapped


@click.command()
@config_option
def serve(config_file: Path) -> None:
    """Run the mail server.

    SIGTERM and Ctrl-C end it when open commands are done; SIGHUP reads the configuration
    and the certificates again.
    """
    config = load_config(config_file)
    serve_config(config_file, config, on_ready=partial(_tell_of_a_temporary_certificate, config))


def _tell_of_a_temporary_certificate(config: Config) -> None:
    """This is what who starts the server must know, also where the log goes into a file."""
    if config.log.file is None:
        return
    state = read_state(config.server.data)
    if state is not None and any(served.temporary for served in state.served):
        click.echo("\n".join(wrapped(f"! {temporary_words(config)}", hanging="  ")), err=True)

"""mailclad serve: run the mail server until it is told to stop."""

from pathlib import Path

import click

from mailclad.app.config import load_config
from mailclad.app.serve import serve as serve_config
from mailclad.cli.context import config_option


@click.command()
@config_option
def serve(config_file: Path) -> None:
    """Run the mail server.

    SIGTERM and Ctrl-C end it when open commands are done; SIGHUP reads the configuration
    and the certificates again.
    """
    serve_config(config_file, load_config(config_file), on_ready=lambda: None)

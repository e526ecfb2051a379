"""mailclad demo: a whole mail server to try, on this computer only."""

import asyncio
import os
import sys
import time
from functools import partial
from pathlib import Path

import click

from mailclad.app.certificates import ensure_ca
from mailclad.app.child import in_child
from mailclad.app.config import load_config
from mailclad.app.demo import (
    Demo,
    demo_ports,
    ensure_passwords,
    json_line,
    prepare_demo,
    write_demo_config,
)
from mailclad.app.open import ensure_directory
from mailclad.app.serve import serve
from mailclad.cli.context import done, say
from mailclad.cli.demo_words import how_to_connect

CA_DAYS = 365
"""A program keeps trusting a forgotten demonstration for a year at the most."""

HIGHEST_OFFSET = 65535 - 995


def default_directory() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "mailclad-demo"


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_directory,
    show_default="~/.local/share/mailclad-demo",
    help="Where everything it writes lies.",
)
@click.option(
    "--port-offset",
    type=click.IntRange(0, HIGHEST_OFFSET),
    help="Make every port the standard one plus this, to run several side by side.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line for programs, when ready.")
@click.option("--broken", is_flag=True, help="Broken mail servers instead, a port for each fault.")
@click.option("--list", "only_list", is_flag=True, help="With --broken: show them, start nothing.")
@click.option("--only", "names", multiple=True, metavar="NAME", help="With --broken: this one.")
def demo(
    directory: Path,
    port_offset: int | None,
    as_json: bool,
    broken: bool,
    only_list: bool,
    names: tuple[str, ...],
) -> None:
    """A mail server to try, on this computer only: two people, sample mail, every port.

    Nothing leaves the computer. Ctrl-C ends it; what it wrote is one directory, and a second
    start goes on with it.

    With --broken nothing works: a zoo of mail servers, each with one fault, to learn what
    faults look like and to test mail programs.
    """
    directory = directory.absolute()
    if broken:
        _broken(directory, port_offset, names, as_json=as_json, only_list=only_list)
        return
    if only_list or names:
        raise click.UsageError("--list and --only go with --broken.")
    ensure_directory(directory)
    ports = demo_ports(port_offset)
    file = write_demo_config(directory, ports)
    config = load_config(file)
    if not as_json:
        say("Starting …")
    in_child(lambda: asyncio.run(prepare_demo(directory, int(time.time()))))
    ca = ensure_ca(config, days=CA_DAYS, copy_to=directory / "ca.pem")
    ready = Demo(directory, file, config, ca, ensure_passwords(directory))
    serve(file, config, on_ready=partial(_ready, ready, as_json))
    if not as_json:
        say(f"Stopped. Everything is in {directory}; remove it to start afresh.")


def _broken(
    directory: Path,
    port_offset: int | None,
    names: tuple[str, ...],
    *,
    as_json: bool,
    only_list: bool,
) -> None:
    from mailclad.cli.demo_broken import list_broken, show_broken  # noqa: PLC0415 - slow to import
    from mailclad.testing.zoo.ports import BEGIN  # noqa: PLC0415 - likewise

    begin = BEGIN if port_offset is None else port_offset
    if only_list:
        list_broken(begin, names, as_json=as_json)
    else:
        show_broken(directory, begin, names, as_json=as_json)


def _ready(demo: Demo, as_json: bool) -> None:
    if as_json:
        click.echo(json_line(demo, os.getpid()))
    else:
        done(f"Two people with sample mail, everything in {demo.directory}")
        say(how_to_connect(demo))
    sys.stdout.flush()

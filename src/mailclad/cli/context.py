"""What the commands share: which configuration, how to open it, how to speak."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from mailclad.app.config import DEFAULT_FILE, Config, load_config
from mailclad.app.open import Opened, become_owner, opened

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def default_config_file() -> Path:
    """The machine's file; for who is not root and where there is none, their own."""
    own = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    if os.geteuid() == 0 or DEFAULT_FILE.exists():
        return DEFAULT_FILE
    return own / "mailclad" / DEFAULT_FILE.name


def config_option(command: F) -> F:
    """``--config FILE``, handed in as ``config_file``."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="MAILCLAD_CONFIG",
        default=default_config_file,
        show_default="/etc/mailclad/mailclad.toml",
        help="The configuration file.",
    )(command)


def json_option(command: F) -> F:
    """``--json``, handed in as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Answer for a program.")(command)


def with_store(config_file: Path, action: Callable[[Opened], Awaitable[T]]) -> T:
    """Run the action on the data directory that the configuration names."""
    config = load_config(config_file)
    become_owner(config.server.data)
    return asyncio.run(_opened(config, action))


async def _opened(config: Config, action: Callable[[Opened], Awaitable[T]]) -> T:
    async with opened(config.server.data) as things:
        return await action(things)


def say(text: str = "") -> None:
    click.echo(text)


def done(text: str) -> None:
    click.secho(f"✓ {text}", fg="green")


def say_json(value: object) -> None:
    """Exactly one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def say_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need to be; nothing is cut, so that lines can be copied."""
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that few commands need
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, no_wrap=True, overflow="ignore", header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(soft_wrap=True, highlight=False)
    console.print(table, width=500)

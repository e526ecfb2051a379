"""What the commands share: which configuration, how to open it, how to speak."""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from mailclad.app.config import DEFAULT_FILE, Config, load_config
from mailclad.app.open import Opened, become_owner, opened
from mailclad.cli.trouble import Trouble
from mailclad.cli.words import columns

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


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Around the writing of a file that a person named."""
    try:
        yield
    except OSError as problem:
        raise Trouble(f"{file} cannot be written: {problem.strerror}.") from None


def say(text: str = "") -> None:
    click.echo(text)


def done(text: str) -> None:
    click.secho(f"✓ {text}", fg="green")


def say_json(value: object) -> None:
    """Exactly one line, with nothing in it that a terminal would obey."""
    text = json.dumps(value, ensure_ascii=False)
    click.echo(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON itself leaves as it is: controls, line ends and changes of direction of Unicode."""


def say_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need to be; nothing is cut, so that lines can be copied."""
    cells = [tuple(headings), *map(tuple, rows)]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        padded = (
            cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)
        )
        say(click.style("  ".join(padded).rstrip(), bold=number == 0))

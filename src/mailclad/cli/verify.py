"""mailclad verify: walk index and packs and prove that all stored mail is whole."""

import sys
from pathlib import Path

import click

from mailclad.app.config import load_config
from mailclad.app.open import become_owner
from mailclad.cli.context import config_option, done, json_option, say, say_json
from mailclad.cli.progress import progress_bar
from mailclad.cli.trouble import EXIT_FOUND_PROBLEMS, Trouble
from mailclad.engines.sqlite.verify import verify as verify_store


@click.command()
@config_option
@json_option
def verify(config_file: Path, as_json: bool) -> None:
    """Check that all stored mail is whole: every index row, every message, byte by byte.

    May run while the server does. Ends with status 3 when something is wrong.
    """
    data = load_config(config_file).server.data
    if not (data / "index.db").exists():
        raise Trouble(f"There is no mail in {data}. Is it the right configuration?")
    become_owner(data)
    with progress_bar("Checking messages", shown=not as_json) as progress:
        problems = [problem.text for problem in verify_store(data, progress)]
    if as_json:
        say_json({"data": str(data), "problems": problems})
    elif not problems:
        done(f"All mail in {data} is whole.")
    else:
        say(f"{len(problems)} things are wrong in {data}; everything else is whole:")
        for text in problems:
            say(f"✕ {text}")
        say("Do not write to it: restore what is named from a backup.")
    if problems:
        sys.exit(EXIT_FOUND_PROBLEMS)

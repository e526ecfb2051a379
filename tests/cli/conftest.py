"""The command line in a box, with a configuration of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailclad.cli.commands import mailclad


class Cli:
    """``mailclad`` with a configuration of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "mailclad.toml"

    def __call__(self, *words: str, given: str | None = None, status: int = 0) -> str:
        done = self.run(*words, given=given)
        assert done.exit_code == status, (words, done.output, done.exception)
        return done.output

    def run(self, *words: str, given: str | None = None) -> Result:
        environment = {"MAILCLAD_CONFIG": str(self.file)}
        return CliRunner().invoke(mailclad, words, input=given, env=environment)

    def json(self, *words: str, given: str | None = None) -> Any:
        return json.loads(self(*words, "--json", given=given))


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = Cli(tmp_path)
    made.file.write_text(
        '[server]\nhostname = "mail.example.org"\ndata = "data"\n[tls]\nprivate_ca = true\n'
    )
    return made

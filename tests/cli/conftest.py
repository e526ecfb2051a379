"""``mailclad`` with a configuration and a data directory of its own."""

from pathlib import Path

import pytest

from tests.cli.running import ADA, Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = Cli(tmp_path)
    made.file.write_text(
        '[server]\nhostname = "mail.example.org"\ndata = "data"\n[tls]\nprivate_ca = true\n'
    )
    return made


@pytest.fixture
def with_ada(cli: Cli) -> Cli:
    cli("domain", "add", "Example.ORG")
    cli("account", "add", ADA, "--password-stdin", given="correct horse\n")
    return cli

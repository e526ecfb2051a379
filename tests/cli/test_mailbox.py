"""Mail goes in from files and out again, and a second run makes no duplicates."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailclad.cli.commands import mailclad
from mailclad.cli.mailbox import kind_of
from mailclad.services.transfer.model import Kind

pytestmark = pytest.mark.slow

ADA = "ada@example.org"
MESSAGE = b"Subject: kept\r\n\r\nHello.\r\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "mailclad.toml"
    file.write_text('[server]\nhostname = "mail.example.org"\ndata = "data"\n')
    run(file, "domain", "add", "example.org")
    run(file, "account", "add", ADA, "--no-password")
    return file


def run(file: Path, *words: str, status: int = 0) -> str:
    done = CliRunner().invoke(mailclad, [*words, "--config", str(file)])
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def run_json(file: Path, *words: str, status: int = 0) -> Any:
    return json.loads(run(file, *words, "--json", status=status))


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    (folder / "Work").mkdir(parents=True)
    (folder / "one.eml").write_bytes(MESSAGE)
    (folder / "Work" / "two.eml").write_bytes(MESSAGE.replace(b"kept", b"work"))
    return folder


def test_in_and_again_without_duplicates(config: Path, letters: Path) -> None:
    first = run_json(config, "mailbox", "import", ADA, str(letters))
    assert (first["messages"], first["known"]) == (2, 0)
    again = run_json(config, "mailbox", "import", ADA, str(letters))
    assert (again["messages"], again["known"]) == (0, 2)
    assert "2 were here already" in run(config, "mailbox", "import", ADA, str(letters))


@pytest.mark.parametrize("kind", [str(kind) for kind in Kind])
def test_out_and_in_elsewhere(config: Path, letters: Path, tmp_path: Path, kind: str) -> None:
    run(config, "mailbox", "import", ADA, str(letters))
    target = tmp_path / "out"
    written = run_json(config, "mailbox", "export", ADA, str(target), "--format", kind)
    assert written["messages"] == 2
    back = run_json(
        config, "mailbox", "import", ADA, str(target), "--into", "Back", "--format", kind
    )
    assert back["messages"] == 2


def test_below_another_mailbox(config: Path, letters: Path, tmp_path: Path) -> None:
    run(config, "mailbox", "import", ADA, str(letters), "--into", "Old")
    target = tmp_path / "out"
    said = run(config, "mailbox", "export", ADA, str(target), "--mailbox", "Old/Work")
    assert said.startswith("✓ 1 message written to ")


def test_what_is_left_out_is_named_and_told_by_the_status(config: Path, letters: Path) -> None:
    (letters / "link.eml").symlink_to("/etc/passwd")
    said = run(config, "mailbox", "import", ADA, str(letters), status=3)
    assert "! left out: link.eml: " in said
    assert "The rest is safe." in said


def test_a_source_without_mail_is_refused_with_the_cause(config: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = run(config, "mailbox", "import", ADA, str(tmp_path / "empty"), status=1)
    assert "holds no mail" in said


def test_an_unknown_account_is_named(config: Path, letters: Path) -> None:
    said = run(config, "mailbox", "import", "nobody@example.org", str(letters), status=1)
    assert said.startswith("✕ ")


def test_the_kind_is_found_out(letters: Path, tmp_path: Path) -> None:
    (tmp_path / "m" / "cur").mkdir(parents=True)
    (tmp_path / "m" / "new").mkdir()
    (tmp_path / "inbox").write_bytes(b"From ")
    assert kind_of(tmp_path / "m") is Kind.MAILDIR
    assert kind_of(tmp_path / "inbox") is Kind.MBOX
    assert kind_of(letters) is Kind.EML
    assert kind_of(letters / "one.eml") is Kind.EML

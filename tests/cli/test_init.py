"""From nothing to a configuration that works; again, without harm; asked or not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailclad.app.config import load_config
from mailclad.cli.commands import mailclad

pytestmark = pytest.mark.slow


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "mailclad.toml"


def init(file: Path, *words: str, given: str | None = None) -> Result:
    command = ["init", "--config", str(file), *words]
    return CliRunner().invoke(mailclad, command, input=given)


def listed(file: Path, what: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(mailclad, [what, "list", "--json", "--config", str(file)])
    found: list[dict[str, object]] = json.loads(done.output)
    return found


def test_it_asks_at_most_four_questions(file: Path, tmp_path: Path) -> None:
    pem = tmp_path / "cert.pem"
    done = init(
        file, "--data", str(tmp_path / "d"), given=f"ada@example.org\n\n{pem}\n{tmp_path}/k.pem\n"
    )
    assert done.exit_code == 0, done.output
    assert done.output.count(": ") >= 4
    config = load_config(file)
    assert config.server.hostname == "mail.example.org"
    assert config.tls.certificate == pem


def test_an_empty_answer_has_certificates_ordered(file: Path, tmp_path: Path) -> None:
    done = init(file, "--data", str(tmp_path / "d"), given="ada@example.org\n\n\n")
    assert done.exit_code == 0, done.output
    assert "you agree to its terms" in done.output
    assert "mailclad cert test" in done.output
    assert load_config(file).acme is not None
    assert not (tmp_path / "d" / "ca").exists()


def test_consent_to_an_authority_is_never_assumed(file: Path, tmp_path: Path) -> None:
    init(file, "ada@example.org", "--json", "--data", str(tmp_path / "d"))
    assert load_config(file).acme is None
    file.unlink()
    init(file, "ada@example.org", "--json", "--acme", "--data", str(tmp_path / "d"))
    assert load_config(file).acme is not None
    both = init(file, "ada@example.org", "--acme", "--private-ca")
    assert "One of the two" in both.output


def test_unattended_it_makes_everything_and_prints_one_line(file: Path, tmp_path: Path) -> None:
    done = init(file, "ada@example.org", "--json", "--data", str(tmp_path / "d"))
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert report["account_made"]
    assert len(report["password"]) == 19
    assert Path(report["ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert [row["address"] for row in listed(file, "account")] == ["ada@example.org"]
    assert {row["address"] for row in listed(file, "alias")} == {
        "postmaster@example.org",
        "abuse@example.org",
    }


def test_again_it_keeps_what_is_there(file: Path, tmp_path: Path) -> None:
    data = str(tmp_path / "d")
    init(file, "ada@example.org", "--json", "--data", data)
    before = file.read_text()
    again = json.loads(init(file, "ada@example.org", "--json", "--data", data).output)
    assert not again["account_made"]
    assert not again["config_written"]
    assert again["password"] is None
    assert file.read_text() == before


def test_answers_come_from_a_file(file: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.toml"
    answers.write_text(
        f'address = "ada@example.org"\nhostname = "mx.example.org"\ndata = "{tmp_path}/d"\n'
    )
    done = init(file, "--answers", str(answers), "--password-stdin", given="correct horse\n")
    assert done.exit_code == 0, done.output
    assert "correct horse" not in done.output
    assert "mailclad serve" in done.output
    assert load_config(file).server.hostname == "mx.example.org"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('adress = "x"', "unknown key adress. Known here: address, hostname"),
        ("address = 1", "address: expected text in quotation marks"),
        ("address", "this is not TOML"),
        ('hostname = "x"', "The address is needed"),
        ('address = "a@b.org"\ncertificate = "x"', "belong together"),
        ('address = "a@b.org"\nhostname = "not a name"', "is not a host name"),
    ],
)
def test_wrong_answers_write_nothing(file: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "answers.toml").write_text(text)
    done = init(file, "--answers", str(tmp_path / "answers.toml"))
    assert done.exit_code == 1
    assert said in done.output
    assert not file.exists()


def test_without_anybody_to_answer_it_says_what_to_give(file: Path) -> None:
    done = init(file, given="")
    assert done.exit_code == 1
    assert "mailclad init you@example.org --hostname" in done.stderr
    assert not file.exists()


def test_what_is_configured_is_not_asked_again(file: Path, tmp_path: Path) -> None:
    words = ("ada@example.org", "--hostname", "mx.example.org", "--data", str(tmp_path / "d"))
    assert init(file, *words, "--acme").exit_code == 0
    again = init(file, "grace@example.org", given="")
    assert again.exit_code == 0, again.output
    assert f"Mail is kept in {tmp_path / 'd'}" in again.output
    assert "mx.example.org" in again.output
    assert "mailclad cert test" in again.output

"""Each command, as people and programs use it, on a real data directory."""

import pytest
from click.testing import CliRunner

from mailclad.cli.commands import mailclad
from mailclad.store.model import AppPasswordUse
from tests.cli.running import ADA, Cli


def test_help_names_every_command_and_loads_none() -> None:
    output = CliRunner().invoke(mailclad, ["--help"]).output
    for name in (
        "demo",
        "init",
        "serve",
        "account",
        "app-password",
        "mailbox",
        "queue",
        "trace",
        "explain",
        "verify",
        "ca",
    ):
        assert name in output


@pytest.mark.parametrize(("typed", "meant"), [("certs", "cert"), ("chek", "check")])
def test_a_command_that_is_almost_right(typed: str, meant: str) -> None:
    said = CliRunner().invoke(mailclad, [typed]).stderr
    assert f"There is no command {typed}. Did you mean {meant}?" in said


def test_domains_are_added_listed_and_removed(cli: Cli) -> None:
    assert "Add one with: mailclad domain add NAME" in cli("domain", "list")
    assert "Mail for example.org is taken" in cli("domain", "add", "Example.ORG")
    assert cli.json("domain", "list") == ["example.org"]
    cli("domain", "remove", "example.org")
    assert cli.json("domain", "list") == []


def test_a_second_domain_of_the_same_name_is_refused_with_the_cause(cli: Cli) -> None:
    cli("domain", "add", "example.org")
    assert "✕ " in cli("domain", "add", "example.org", status=1)


@pytest.mark.slow
def test_accounts_are_made_listed_disabled_and_removed(with_ada: Cli) -> None:
    cli = with_ada
    (row,) = cli.json("account", "list")
    assert (row["address"], row["disabled"], row["octets"]) == (ADA, False, 0)
    cli("account", "disable", ADA)
    assert "disabled" in cli("account", "list")
    cli("account", "enable", ADA)
    assert not cli.json("account", "list")[0]["disabled"]
    assert "Nothing was removed" in cli("account", "remove", ADA, given="n\n", status=1)
    cli("account", "remove", ADA, "--yes")
    assert cli.json("account", "list") == []


@pytest.mark.slow
def test_a_password_is_asked_twice_and_never_an_argument(with_ada: Cli) -> None:
    cli = with_ada
    asked = cli("account", "password", ADA, given="another horse\nanother horse\n")
    assert "another horse" not in asked
    assert cli.run("account", "password", ADA, "--password", "x").exit_code == 2
    assert "Two different" not in asked


@pytest.mark.slow
def test_a_password_can_be_made_here_and_is_shown_once(with_ada: Cli) -> None:
    made = with_ada.json("account", "add", "grace@example.org", "--generate-password")
    assert made["address"] == "grace@example.org"
    assert len(made["password"]) == 19


@pytest.mark.slow
def test_a_short_password_is_refused_with_the_remedy(with_ada: Cli) -> None:
    said = with_ada("account", "password", ADA, "--password-stdin", given="short\n", status=1)
    assert "Choose a longer one" in said


def test_an_account_in_a_domain_that_is_not_ours_is_refused(cli: Cli) -> None:
    cli("account", "add", ADA, "--no-password", status=1)


@pytest.mark.slow
def test_aliases_and_catch_all(with_ada: Cli) -> None:
    cli = with_ada
    cli("alias", "add", "sales@example.org", ADA)
    cli("alias", "add", "*@example.org", ADA)
    assert {a["address"] for a in cli.json("alias", "list")} == {
        "sales@example.org",
        "*@example.org",
    }
    assert "sales@example.org" in cli("alias", "list")
    cli("alias", "remove", "*@example.org")
    assert len(cli.json("alias", "list")) == 1


@pytest.mark.slow
def test_app_passwords_are_shown_once_and_revoked_by_name(with_ada: Cli) -> None:
    cli = with_ada
    made = cli.json("app-password", "add", ADA, "phone", "--scope", "receive")
    assert len(made["password"]) == 16
    assert made["password"] not in cli("app-password", "list", ADA)
    cli("app-password", "add", ADA, "printer", "--scope", "send")
    assert "no app password “tablet”" in cli("app-password", "revoke", ADA, "tablet", status=1)
    cli("app-password", "revoke", ADA, "phone")
    (printer,) = cli.json("app-password", "list", ADA)
    assert (printer["name"], printer["last_used"]) == ("printer", None)
    assert "not yet" in cli("app-password", "list", ADA)
    use = AppPasswordUse(printer["id"], 1_800_000_000, "submission", "TLSv1.3", "192.0.2.1")
    cli.on_store(lambda store: store.add_app_password_uses([use]))
    told = cli("app-password", "list", ADA)
    assert "2027-01-15, submission TLSv1.3, from 192.0.2.1" in told


def test_the_authority_is_exported_without_its_key(cli: Cli) -> None:
    pem = cli("ca", "export")
    assert pem.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in pem
    cli("ca", "export", "--output", str(cli.folder / "ca.pem"))
    assert (cli.folder / "ca.pem").read_text() == pem


def test_without_a_private_authority_there_is_nothing_to_export(cli: Cli) -> None:
    cli.file.write_text('[server]\nhostname = "mail.example.org"\n')
    assert "has no private CA" in cli("ca", "export", status=1)


def test_a_typo_in_the_configuration_is_told_in_words(cli: Cli) -> None:
    cli.file.write_text("[sevrer]\n")
    said = cli("domain", "list", status=1)
    assert "sevrer: line 1: unknown key. Did you mean server?" in said


@pytest.mark.slow
def test_verify_says_that_all_is_whole_or_what_is_not(with_ada: Cli) -> None:
    cli = with_ada
    assert "is whole" in cli("verify")
    assert cli.json("verify")["problems"] == []


def test_verify_without_mail_asks_for_the_right_configuration(cli: Cli) -> None:
    assert "There is no mail in" in cli("verify", status=1)

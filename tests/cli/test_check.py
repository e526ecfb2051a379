"""``mailclad check`` as people and programs run it, against our own server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailclad.cli.commands import mailclad
from mailclad.testing import MailServer
from tests.dns.server import StubDns, in_thread
from tests.ports import free_ports

DOMAIN = "example.test"


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        server.add_account(f"ada@{DOMAIN}", password="right one")
        yield server


@pytest.fixture(scope="module")
def resolver(mail: MailServer) -> Iterator[str]:
    zones = {
        DOMAIN: {"MX": ["0 ."]},
        f"_imaps._tcp.{DOMAIN}": {"SRV": [f"0 1 {mail.port('imap')} localhost."]},
        f"_submissions._tcp.{DOMAIN}": {"SRV": [f"0 1 {mail.port('submission')} localhost."]},
    }
    with in_thread(StubDns(zones)) as address:
        yield address


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(mailclad, ("check", *words), input=given)


def test_a_healthy_port(mail: MailServer) -> None:
    done = run(f"localhost:{mail.port('imap')}", "--trust", str(mail.ca))
    assert done.exit_code == 0, done.output
    assert "mail works and is encrypted" in done.output.splitlines()[0]
    assert done.stderr == ""


def test_an_authority_that_is_not_trusted_is_a_problem(mail: MailServer) -> None:
    done = run(f"localhost:{mail.port('imap')}")
    assert done.exit_code == 2
    assert "CERT-" in done.output


def test_nobody_there() -> None:
    (port,) = free_ports(1)
    done = run(f"localhost:{port}")
    assert done.exit_code == 2
    assert "CONN-102" in done.output


def test_json(mail: MailServer) -> None:
    done = run(f"localhost:{mail.port('imap')}", "--trust", str(mail.ca), "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["target"] == f"localhost:{mail.port('imap')}"


def test_a_page(mail: MailServer, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    run(f"localhost:{mail.port('imap')}", "--trust", str(mail.ca), "--html", str(page))
    assert "mail works and is encrypted" in page.read_text("utf-8")


def test_words_of_a_program(mail: MailServer, resolver: str) -> None:
    words = ("ada@example.test", "--trust", str(mail.ca), "--resolver", resolver)
    done = run(*words, "--program", "outlook")
    assert "Outlook (classic) for Windows" in done.output
    assert str(mail.port("imap")) in done.output
    assert "Use the following type of encrypted connection:  SSL/TLS" in done.output
    told = json.loads(run(*words, "--program", "samsung", "--json").stdout)
    assert [one["choice"] for one in told["settings"]] == ["SSL", "SSL"]


@pytest.mark.parametrize("password", ["right one", "wrong one"])
def test_signing_in(mail: MailServer, resolver: str, password: str) -> None:
    words = ("ada@example.test", "--trust", str(mail.ca), "--resolver", resolver, "--login")
    done = run(*words, given=f"{password}\n")
    assert ("AUTH-501" in done.output) is (password == "wrong one")
    assert password not in done.output


def test_no_password_for_who_cannot_prove_who_it_is(mail: MailServer, resolver: str) -> None:
    done = run("ada@example.test", "--resolver", resolver, "--login", given="secret\n")
    assert "No password is sent" in done.stderr
    assert "Password of" not in done.output
    assert done.exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("a b",),
        ("example.test", "--port", "0"),
        ("example.test", "--program", "qqqq"),
        ("example.test", "--resolver", "nobody"),
        ("example.test", "--trust", "/nowhere.pem"),
        ("example.test", "--login"),
        ("example.test", "another.test"),
    ],
)
def test_misuse_is_never_read_as_a_finding(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 64


def test_a_file_without_authorities(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    assert run("localhost:993", "--trust", str(file)).exit_code == 64


def test_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mailclad.app.check.check_target", interrupt)
    assert run("localhost:993").exit_code == 130


def test_a_page_that_cannot_be_written_is_told_before_the_check(tmp_path: Path) -> None:
    done = run("localhost:1", "--html", str(tmp_path / "none" / "page.html"))
    assert done.exit_code == 64
    assert "page.html cannot be written: No such file or directory" in done.stderr
    assert done.stdout == ""

"""``mailclad clients``: what to type, for addresses of ours and of others."""

import json
import plistlib
import ssl
from pathlib import Path

import pytest

from mailclad.mail.discovery.autoconfig import parse_autoconfig
from mailclad.mail.discovery.pacc import has_digest, parse_pacc
from mailclad.services.client_setup.clients import clients
from mailclad.services.client_setup.files import FILES
from mailclad.testing import MailServer
from tests.cli.running import Cli
from tests.cli.test_check import mail, resolver
from tests.services.client_setup.read_autodiscover import parse_autodiscover
from tests.services.client_setup.read_mobileconfig import parse_mobileconfig

__all__ = ["mail", "resolver"]

ADA = "ada@example.org"
CONFIG = """\
[server]
hostname = "mail.example.org"
data = "data"
[tls]
private_ca = true
"""


@pytest.fixture
def ours(tmp_path: Path) -> Cli:
    cli = Cli(tmp_path)
    cli.file.write_text(CONFIG)
    cli("domain", "add", "example.org")
    return cli


def test_the_settings_of_an_address_of_ours(ours: Cli) -> None:
    told = ours("clients", ADA)
    assert "mail.example.org  993   from the first byte" in told
    assert "465" in told
    assert "143" not in told
    assert all(one.name in told for one in clients().values())
    endpoints = ours.json("clients", ADA)["endpoints"]
    assert [(one["protocol"], one["port"], one["tls"]) for one in endpoints] == [
        ("imap", 993, "implicit"),
        ("pop3", 995, "implicit"),
        ("submission", 465, "implicit"),
        ("submission", 587, "starttls"),
    ]


@pytest.mark.parametrize("key", clients())
def test_every_program_is_told_its_settings(ours: Cli, key: str) -> None:
    told = ours("clients", ADA, "--client", key)
    assert clients()[key].name in told
    assert "mail.example.org" in told
    assert max(map(len, told.split("\n\n")[0].splitlines())) <= 80
    guide = ours.json("clients", ADA, "--client", key)
    assert guide["client"] == key
    assert bool(guide["files"]) == (key in FILES)
    assert "**" not in json.dumps([guide["note"], guide["steps"], guide["warnings"]])


def test_starttls_where_it_is_asked_for(ours: Cli) -> None:
    assert "587" in ours("clients", ADA, "--client", "outlook", "--starttls")
    assert "587" not in ours("clients", ADA, "--client", "outlook")
    told = ours("clients", ADA, "--client", "msmtp", "--starttls")
    assert "port 587" in told
    assert "465" not in told


def test_steps_of_the_set_up_page_are_not_told_in_a_terminal(ours: Cli) -> None:
    for key in ("iphone", "apple-mail", "k9", "delta-chat"):
        assert "this page" not in ours("clients", ADA, "--client", key)


def test_a_file_that_cannot_be_written_says_why(ours: Cli) -> None:
    words = ("clients", "a{b@example.org", "--client", "aerc", "--password-command", "x %(y")
    assert "aerc's file cannot hold" in " ".join(ours(*words).split())
    assert "aerc's file cannot hold" in ours(*words, "--write", "x", status=1)


def test_files_name_the_authority_from_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    told = ours("clients", ADA, "--client", "curl", "--config", ours.file.name)
    assert f"--cacert {tmp_path}/data/ca/ca.pem" in told


@pytest.mark.parametrize("form", ["autoconfig", "autodiscover", "mobileconfig", "pacc"])
def test_forms_for_programs(ours: Cli, form: str) -> None:
    octets = ours("clients", ADA, "--format", form).encode()
    read = {
        "autoconfig": lambda: parse_autoconfig(octets, "example.org"),
        "autodiscover": lambda: parse_autodiscover(octets),
        "mobileconfig": lambda: parse_mobileconfig(octets),
        "pacc": lambda: parse_pacc(octets),
    }[form]()
    assert {993, 465} <= {one.port for one in read}


def test_a_profile_brings_the_private_authority(ours: Cli) -> None:
    profile = plistlib.loads(ours("clients", ADA, "--format", "mobileconfig").encode())
    (authority,) = (
        one["PayloadContent"]
        for one in profile["PayloadContent"]
        if one["PayloadType"] == "com.apple.security.root"
    )
    pem = next((ours.folder / "data").rglob("ca.pem")).read_text()
    assert authority == ssl.PEM_cert_to_DER_cert(pem)


@pytest.mark.parametrize("ports", [(443,), (8443, 443)])
def test_the_digest_in_the_dns_is_that_of_the_settings(ours: Cli, ports: tuple[int, ...]) -> None:
    for service, port in [("imap", 993), ("submission", 465), *(("https", one) for one in ports)]:
        with ours.file.open("a") as file:
            file.write(f'[[listen]]\nservice = "{service}"\ntls = "implicit"\nport = {port}\n')
    octets = ours("clients", ADA, "--format", "pacc").encode()
    said = ours.json("domain", "dns", "example.org", "--address", "192.0.2.1")["records"]
    digests = [one["value"].encode() for one in said if one["name"].startswith("_ua-auto-config")]
    assert has_digest(octets, digests)
    assert b"https://mail.example.org/setup" in octets


def test_a_code_for_the_terminal_has_no_password(ours: Cli) -> None:
    told = ours("clients", ADA, "--format", "qr")
    assert "█" in told
    assert "No password" in told


def test_files_are_written_and_nothing_is_written_over(ours: Cli, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    words = ("clients", ADA, "--client", "msmtp", "--write", home)
    ours(*words, "--password-command", "cat /secret")
    file = tmp_path / "home" / ".msmtprc"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "cat /secret" in file.read_text()
    assert "is there already" in ours(*words, status=1)
    assert "no file" in ours("clients", ADA, "--client", "iphone", "--write", home, status=1)


def test_three_explanations(ours: Cli) -> None:
    told = ours("clients", ADA, "--explain")
    assert "Never accept a certificate warning" in told
    assert "STARTTLS" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("example.org",), "whole mail address"),
        (("ada@@example.org",), "neither an address"),
        ((ADA, "--client", "qqqqqq"), "There is no guide"),
        ((ADA, "--format", "nothing"), "is not one of"),
        ((ADA, "--write", "x"), "needs --client"),
        ((ADA, "--format", "qr", "--client", "k9"), "without --client"),
        ((ADA, "--explain", "--json"), "for people"),
    ],
)
def test_what_cannot_be_answered_is_told(ours: Cli, words: tuple[str, ...], said: str) -> None:
    done = ours.run("clients", *words)
    assert done.exit_code in {1, 2}
    assert said in done.output


def test_an_address_elsewhere_is_looked_up(
    tmp_path: Path, mail: MailServer, resolver: str
) -> None:
    cli = Cli(tmp_path)
    words = ("clients", "ada@example.test", "--trust", str(mail.ca), "--resolver", resolver)
    told = cli(*words, "--client", "thunderbird")
    assert str(mail.port("imap")) in told
    assert "ada@example.test" in told


def test_where_nothing_can_be_used_check_says_why(tmp_path: Path, resolver: str) -> None:
    told = Cli(tmp_path)("clients", "ada@nowhere.test", "--resolver", resolver, status=1)
    assert "mailclad check ada@nowhere.test" in told

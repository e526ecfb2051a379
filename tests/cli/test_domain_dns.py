"""``domain dns`` and ``domain check`` as people and programs use them, on a DNS of the test's."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailclad.cli.commands import mailclad
from mailclad.cli.trouble import EXIT_FOUND_PROBLEMS, EXIT_REFUSED
from mailclad.services.provision.zone_text import quoted
from tests.certificates import make
from tests.dns.server import StubDns

HOST = "mail.example.test"
Zones = dict[str, dict[str, list[str]]]


@pytest.fixture
def dns() -> Iterator[StubDns]:
    """In a loop of its own: a command has its loop for itself."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stub = StubDns({})
    asyncio.run_coroutine_threadsafe(stub.__aenter__(), loop).result(10)
    yield stub
    asyncio.run_coroutine_threadsafe(stub.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, dns: StubDns) -> Run:
    """An installation for example.test with a certificate, web pages, and that DNS."""
    made = make("leaf", [HOST])
    key = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "cert.pem").write_bytes(made.pem)
    (tmp_path / "key.pem").write_bytes(key)
    lines = (
        ("imap", "implicit", 993),
        ("submission", "implicit", 465),
        ("smtp", "starttls", 25),
        ("https", "implicit", 443),
    )
    listen = "".join(
        f'[[listen]]\nservice = "{service}"\ntls = "{tls}"\nport = {port}\n'
        for service, tls, port in lines
    )
    file = tmp_path / "mailclad.toml"
    file.write_text(
        f'[server]\nhostname = "{HOST}"\ndata = "data"\n'
        '[tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n'
        f'[dns]\nservers = ["127.0.0.1:{dns.address[1]}"]\n{listen}'
    )

    def command(*words: str, given: str | None = None) -> Result:
        environment = {"MAILCLAD_CONFIG": str(file)}
        return CliRunner().invoke(mailclad, words, input=given, env=environment)

    command("domain", "add", "example.test")
    return command


def records(run: Run) -> list[dict[str, Any]]:
    done = run("domain", "dns", "example.test", "--address", "192.0.2.1", "--json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.output)["records"]
    return found


def zones(run: Run) -> Zones:
    """All that is wanted, without what needs a server on port 25 or 443."""
    made: Zones = {}
    for one in records(run):
        value = quoted(one["value"]) if one["type"] == "TXT" else one["value"]
        if one["type"] != "TLSA":
            made.setdefault(one["name"], {}).setdefault(one["type"], []).append(value)
    made["1.2.0.192.in-addr.arpa"] = {"PTR": [f"{HOST}."]}
    return made


def test_the_list_has_what_the_installation_offers(run: Run) -> None:
    found = {(one["name"], one["type"]): one["value"] for one in records(run)}
    assert found["example.test", "MX"] == f"10 {HOST}."
    assert found[HOST, "A"] == "192.0.2.1"
    assert found["_imaps._tcp.example.test", "SRV"] == f"0 1 993 {HOST}."
    assert found["_pop3s._tcp.example.test", "SRV"] == "0 0 0 ."
    assert found["_mta-sts.example.test", "TXT"].startswith("v=STSv1; id=")
    assert found["_smtp._tls.example.test", "TXT"].endswith("mailto:tlsrpt@example.test")
    assert found[f"_25._tcp.{HOST}", "TLSA"].startswith("3 1 1 ")
    assert sum("._domainkey.example.test" in name for name, _ in found) == 2
    assert found["_dmarc.example.test", "TXT"].startswith("v=DMARC1; p=quarantine; rua=mailto:")


def test_people_read_what_each_is_for(run: Run) -> None:
    output = run("domain", "dns", "Example.TEST.").output
    assert "Mail for the domain goes to this server. (needed)" in output
    assert f"    example.test  MX  10 {HOST}." in output
    assert "reverse name (PTR)" in output
    assert "does not have the name mta-sts.example.test yet" in output
    assert "mailclad domain check example.test" in output


def test_the_zone_text_is_nothing_else(run: Run) -> None:
    output = run("domain", "dns", "example.test", "--zone").output
    assert all(line.startswith("; ") or " 3600 IN " in line for line in output.splitlines())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dns", "other.test"), "other.test is no domain of this server. Add it with: mailclad"),
        (("check", "other.test"), "other.test is no domain"),
        (("dns", "example.test", "--address", "here"), "“here” is not an IP address"),
        (("dns", "example.test", "--update", "192.0.2.1"), "name the file of the TSIG key"),
        (("check", "example.test", "--resolver", "dns.test"), "“dns.test” is not an IP address"),
    ],
)
def test_mistakes_are_told_with_their_remedy(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run("domain", *words)
    assert (done.exit_code, said in done.output) == (EXIT_REFUSED, True), done.output


@pytest.mark.slow
def test_an_empty_dns_has_much_to_be_done(run: Run, dns: StubDns) -> None:
    done = run("domain", "check", "example.test")
    assert done.exit_code == EXIT_FOUND_PROBLEMS
    assert "✕ example.test  MX: missing" in done.output
    assert f"→ Add it: example.test. 3600 IN MX 10 {HOST}." in done.output
    assert "• _pop3s._tcp.example.test  SRV: missing, and merely handy" in done.output
    assert ("example.test", "MX") in dns.asked


@pytest.mark.slow
def test_only_what_is_wrong_is_left(run: Run, dns: StubDns) -> None:
    dns.zones = zones(run)
    words = ("domain", "check", "example.test", "--address", "192.0.2.1", "--json")
    done = run(*words)
    found = json.loads(done.output)
    # nobody serves the policy at 192.0.2.1, which is not of the open Internet
    wrong = [(one["type"], one["state"]) for one in found["findings"] if one["problem"]]
    assert wrong == [("HTTPS", "different")]
    assert (done.exit_code, found["ok"]) == (EXIT_FOUND_PROBLEMS, False)


@pytest.mark.slow
def test_a_stranger_writes_nothing_on_the_terminal(run: Run, dns: StubDns) -> None:
    dns.zones = {"example.test": {"TXT": ['"v=spf1 \\027[2J -all"']}}
    output = run("domain", "check", "example.test").output
    assert r"v=spf1 \x1b[2J -all" in output
    assert "\x1b[2J" not in output

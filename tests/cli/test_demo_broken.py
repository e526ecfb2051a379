"""`mailclad demo --broken`: what it lists, serves, and leaves behind."""

import json
import re
import signal
import socket
import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailclad.cli.commands import mailclad
from mailclad.services.diagnose.target import parse_target
from mailclad.testing.zoo.ports import NUMBERS
from tests.app.served import start_demo
from tests.ports import free_ports


def run(*words: str) -> Result:
    return CliRunner().invoke(mailclad, ("demo", *words))


def test_the_list_names_every_port_and_what_to_explain() -> None:
    done = run("--broken", "--list")
    assert done.exit_code == 0, done.output
    assert all(len(line) <= 80 for line in done.output.splitlines())
    ports = re.findall(r"^ {4}(\d{5})  ", done.output, re.MULTILINE)
    assert [int(port) for port in ports] == [20_000 + number for number in NUMBERS.values()]
    assert re.search(r"^ +20101 +imaps +CERT-301 +expired: ", done.output, re.MULTILINE)


def test_the_list_for_programs_has_targets_for_check() -> None:
    (line,) = run("--broken", "--list", "--json", "--only", "sibling").output.splitlines()
    (one,) = json.loads(line)["exhibits"]
    assert one["url"] == "imaps://imap.example.localhost:20110"
    assert one["finds"] == ["CERT-302"]
    assert parse_target(one["url"]).port == one["port"]


@pytest.mark.parametrize("more", [("--list",), ()])
def test_a_name_that_is_none_is_told(more: tuple[str, ...]) -> None:
    done = run("--broken", "--only", "expird", *more)
    assert done.exit_code == 1
    assert "mailclad demo --broken --list" in done.output


@pytest.mark.parametrize("words", [("--list",), ("--only", "expired")])
def test_what_goes_with_broken_does_not_go_alone(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_a_port_of_somebody_else_is_told(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with socket.create_server(("127.0.0.1", port)):
        done = run(
            "--broken", "--only", "expired", "--dir", str(tmp_path), "--port-offset", str(port)
        )
    assert done.exit_code == 1
    assert f"Port {port} cannot be had" in done.output
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert "--port-offset" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_leaves_one_file(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = tmp_path / "demo"
    names = ("--only", "ok", "--only", "expired")
    child, line = start_demo(folder, ("--broken", *names))
    expired, ok = line["exhibits"]
    context = ssl.create_default_context(cafile=line["ca"])
    with (
        socket.create_connection((ok["host"], ok["port"])) as tcp,
        context.wrap_socket(tcp, server_hostname=ok["host"]) as tls,
    ):
        assert tls.recv(64).startswith(b"* OK")
        tls.sendall(b"a LOGIN ada secret\r\n")
        assert tls.recv(128).startswith(b"a NO [AUTHENTICATIONFAILED]")
    with (
        socket.create_connection((expired["host"], expired["port"])) as tcp,
        pytest.raises(ssl.SSLCertVerificationError, match="expired"),
    ):
        context.wrap_socket(tcp, server_hostname=expired["host"])
    child.send_signal(number)
    out, _ = child.communicate(timeout=30)
    assert (out, child.returncode) == (b"", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert [path.name for path in folder.iterdir()] == ["broken-ca.pem"]

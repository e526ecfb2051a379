"""`mailclad doctor` on a running server that is well, and on one broken in each of many ways."""

import asyncio
import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from mailclad.app.certificate_state import read_state
from mailclad.app.config import load_config
from mailclad.app.doctor_machine import look_again, look_at_machine
from mailclad.app.doctor_wire import local_ports
from mailclad.app.open import opened
from mailclad.app.running import STATE_FILE, read_running, settings_digest
from mailclad.cli.commands import mailclad
from mailclad.services.certificates.private_ca import ensure_private_ca, issue_leaf
from mailclad.store.queue import Dispatch, Envelope, NewRecipient
from tests.app.served import Served, children, issue
from tests.faults.serving import wait_until
from tests.ports import free_ports

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, workers=1)
    made.prepare()
    (tmp_path / "key.pem").chmod(0o600)
    yield made
    made.end()


@pytest.fixture
def running(served: Served) -> Served:
    served.start()
    wait_until(lambda: is_proven(served), "nothing is proven")
    return served


def is_proven(served: Served) -> bool:
    state = read_state(served.folder / "data")
    return state is not None and all(one.proven_at is not None for one in state.served)


def doctor(served: Served, *words: str, trust: bool = True) -> dict[str, Any]:
    trusted = ["--trust", str(served.folder / "authority" / "ca.pem")] if trust else []
    command = ["doctor", "--config", str(served.file), "--inside", "--json", *trusted, *words]
    done = CliRunner().invoke(mailclad, command)
    assert done.exit_code in {0, 1, 2, 3}, (done.output, done.exception)
    report: dict[str, Any] = json.loads(done.output)
    assert report["exit_status"] == done.exit_code
    return report


def ids(report: dict[str, Any]) -> list[str]:
    return [one["id"] for one in report["findings"]]


def write_pair(folder: Path, names: list[str], *, days_ago: int = 0) -> None:
    when = datetime.now(UTC) - timedelta(days=days_ago)
    permitted = ["localhost", "127.0.0.1", *names]
    ca = ensure_private_ca(folder / "authority", permitted, datetime.now(UTC))
    leaf = issue_leaf(ca, names, when)
    (folder / "key.pem").write_bytes(leaf.key_pem.reveal())
    (folder / "chain.pem").write_bytes(leaf.chain_pem)


def age(*files: Path) -> None:
    """A minute older than it is."""
    for file in files:
        then = file.stat().st_mtime - 60
        os.utime(file, (then, then))


def test_a_server_that_is_well(running: Served) -> None:
    report = doctor(running)
    assert ids(report) == []
    assert report["verdict"] == "all is well"
    assert "The server runs." in report["fine"]
    assert [one["level"] for one in report["answers"]] == ["ok"] * 4 + ["note"]


def test_one_port(running: Served) -> None:
    assert ids(doctor(running, "--port", str(running.imaps))) == []


def test_a_server_that_does_not_run_is_told_as_that_alone(served: Served) -> None:
    report = doctor(served)
    assert ids(report) == ["HOST-808"]
    assert report["verdict"] == "it does not run"
    assert "The server runs." not in report["fine"]
    assert report["exit_status"] == 2


def test_a_server_that_never_ran(served: Served) -> None:
    (served.folder / "data").rename(served.folder / "elsewhere")
    report = doctor(served)
    assert ids(report) == ["HOST-808"]
    assert "it has never run" in report["findings"][0]["saw"]
    assert not (served.folder / "data").exists()


@pytest.mark.parametrize(
    ("file", "mode", "mended", "entry"),
    [("data", 0o755, 0o700, "HOST-802"), ("key.pem", 0o644, 0o640, "CERT-313")],
)
def test_rights_are_taken_away_from_others(
    running: Served, file: str, mode: int, mended: int, entry: str
) -> None:
    path = running.folder / file
    path.chmod(mode)
    report = doctor(running)
    assert ids(report) == [entry]
    assert f"{mode:04o}" in report["findings"][0]["saw"]
    report = doctor(running, "--fix")
    assert [one["hindrance"] for one in report["mended"]] == [""]
    assert f"from {mode:04o} to {mended:04o}" in report["mended"][0]["what"]
    assert ids(report) == []
    assert path.stat().st_mode & 0o777 == mended


def test_settings_that_nobody_can_read(running: Served) -> None:
    running.file.write_text(running.file.read_text().replace("hostname", "hostnam"))
    report = doctor(running)
    assert ids(report) == ["HOST-811"]
    assert "Did you mean hostname?" in report["findings"][0]["saw"]


def test_no_settings_at_all_are_a_mistake_of_the_call(tmp_path: Path) -> None:
    done = CliRunner().invoke(mailclad, ["doctor", "--config", str(tmp_path / "none.toml")])
    assert done.exit_code == 64
    assert "there is no such file" in done.output


def test_changed_settings_are_reloaded(running: Served) -> None:
    running.configure("# another day")
    (port,) = free_ports(1)
    with running.file.open("a") as file:
        file.write(
            f'[[listen]]\nservice = "pop3"\ntls = "implicit"\nport = {port}\n'
            'addresses = ["127.0.0.1"]\n'
        )
    report = doctor(running)
    assert ids(report) == ["HOST-809"], "its port is not missed before it could be opened"
    report = doctor(running, "--fix")
    assert report["mended"] == [
        {
            "what": "The server was told to read its settings and certificates again",
            "hindrance": "",
        }
    ]
    assert ids(report) == []
    with socket.create_connection(("127.0.0.1", port)):
        pass


def test_a_reload_that_is_refused_is_told(
    running: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.app.doctor_fix.RELOAD_SECONDS", 2.0)
    running.configure('user = "somebody-else"')
    report = doctor(running, "--fix")
    assert "did not take them" in report["mended"][0]["hindrance"]
    assert ids(report) == ["HOST-809"]


def test_an_older_program_that_still_runs(running: Served) -> None:
    known = read_running(running.folder / "data")
    assert known is not None
    old = msgspec.structs.replace(known, version="0.0.1")
    (running.folder / "data" / STATE_FILE).write_bytes(msgspec.json.encode(old))
    report = doctor(running)
    assert ids(report) == ["HOST-809"]
    assert "version 0.0.1 runs" in report["findings"][0]["saw"]


def as_if_read(served: Served) -> None:
    """The server has the settings, and all the same something is wrong."""
    known = read_running(served.folder / "data")
    assert known is not None
    new = msgspec.structs.replace(known, settings=settings_digest(served.file))
    (served.folder / "data" / STATE_FILE).write_bytes(msgspec.json.encode(new))


def listen_too(served: Served, port: int, service: str = "pop3", tls: str = "implicit") -> None:
    with served.file.open("a") as file:
        file.write(
            f'[[listen]]\nservice = "{service}"\ntls = "{tls}"\nport = {port}\n'
            'addresses = ["127.0.0.1"]\n'
        )
    as_if_read(served)


@pytest.mark.parametrize(("service", "tls"), [("pop3", "implicit"), ("http", "none")])
def test_a_port_where_nobody_answers(running: Served, service: str, tls: str) -> None:
    (port,) = free_ports(1)
    listen_too(running, port, service, tls)
    report = doctor(running)
    assert ids(report) == ["HOST-806"]
    assert f"lists port {port} at 127.0.0.1, but nobody" in report["findings"][0]["saw"]


class Stranger:
    """Another program on a port of ours, with a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        write_pair(folder, ["other.example"])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._context = context
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(peer, server_side=True) as sock:
                    sock.sendall(b"* OK somebody else\r\n")
                    sock.recv(100)
            except OSError:
                peer.close()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


def test_another_program_on_a_port_of_ours(running: Served, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with closing(Stranger(elsewhere)) as stranger:
        listen_too(running, stranger.port, "imap")
        report = doctor(running)
    assert ids(report) == ["HOST-812"]
    assert "for other.example, until" in report["findings"][0]["saw"]


def test_a_key_of_another_certificate(running: Served, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_pair(other, ["localhost"])
    (running.folder / "key.pem").write_bytes((other / "key.pem").read_bytes())
    report = doctor(running)
    assert ids(report) == ["CERT-314"]
    assert "is not the key of" in report["findings"][0]["saw"]


def test_a_certificate_file_that_is_gone(running: Served) -> None:
    (running.folder / "chain.pem").unlink()
    report = doctor(running)
    assert ids(report) == ["HOST-811"]
    assert "chain.pem is not there" in report["findings"][0]["saw"]


def test_a_renewed_certificate_that_is_not_served(running: Served) -> None:
    running.running.send_signal(signal.SIGSTOP)  # the supervisor: workers go on
    try:
        wait_until(lambda: int(datetime.now(UTC).timestamp()) > issued(running), "no second")
        issue(running.folder)
        (running.folder / "key.pem").chmod(0o600)
        age(running.folder / "chain.pem")
        assert ids(doctor(running)) == ["CERT-308"]
    finally:
        running.running.send_signal(signal.SIGCONT)
    report = doctor(running, "--fix")
    assert ids(report) == []


def issued(served: Served) -> float:
    state = read_state(served.folder / "data")
    assert state is not None
    return state.served[0].since.timestamp()


def test_a_certificate_that_has_ended(served: Served) -> None:
    write_pair(served.folder, ["localhost", "127.0.0.1"], days_ago=800)
    served.start()
    wait_until(lambda: read_state(served.folder / "data") is not None, "no state")
    report = doctor(served)
    assert ids(report) == ["CERT-301"]
    assert report["exit_status"] == 2


def test_a_temporary_certificate_is_told_as_that(served: Served) -> None:
    chain = (served.folder / "chain.pem").read_bytes()
    (served.folder / "chain.pem").unlink()
    served.start()
    (served.folder / "chain.pem").write_bytes(chain[: len(chain) // 2])
    assert ids(doctor(served, trust=False)) == ["HOST-811", "HOST-817"]


def test_mail_that_has_waited_long(running: Served) -> None:
    asyncio.run(queue_something(running, int(datetime.now(UTC).timestamp()) - 5 * 3600))
    report = doctor(running)
    assert ids(report) == ["HOST-807"]
    assert report["exit_status"] == 1


async def queue_something(served: Served, now: int) -> None:
    recipient = NewRecipient("x@nowhere.test", "nowhere.test")
    envelope = Envelope("", (recipient,), expires=now + 5 * 86_400, warn_at=now + 4 * 3600)
    async with opened(served.folder / "data") as things:
        await things.store.enqueue(Dispatch(b"Subject: x\r\n\r\nhello\r\n", now, (envelope,)))


def test_what_is_set_aside_is_shown_and_does_not_count(running: Served) -> None:
    run: Callable[..., Any] = CliRunner().invoke
    words = ["doctor", "--config", str(running.file), "--set-aside", "host-802"]
    assert run(mailclad, words).exit_code == 64, "without a reason"
    assert run(mailclad, [*words[:-1], "HOST-999", "--because", "x"]).exit_code == 64
    assert run(mailclad, [*words, "--because", "one user\x1b[2J"]).exit_code == 0
    (running.folder / "data").chmod(0o750)
    report = doctor(running)
    (one,) = report["findings"]
    assert (one["id"], one["level"]) == ("HOST-802", "not-for-you")
    assert "one user\ufffd[2J" in one["do_admin"][0]
    assert report["exit_status"] == 0
    assert run(mailclad, [*words, "--days", "0"]).exit_code == 0
    assert doctor(running)["exit_status"] == 2


def test_a_page_and_a_text(running: Served) -> None:
    page = running.folder / "doctor.html"
    (running.folder / "data").chmod(0o755)
    command = ["doctor", "--config", str(running.file), "--inside", "--html", str(page)]
    trust = ["--trust", str(running.folder / "authority" / "ca.pem")]
    done = CliRunner().invoke(mailclad, [*command, *trust])
    assert done.exit_code == 2
    assert "✕ Problem: Others on the machine can look into the mail" in done.output
    assert "chmod 700" in done.output
    assert "mailclad doctor --json" in done.output.splitlines()[-1]
    assert "HOST-802" in page.read_text()


def test_a_worse_certificate_is_not_taken(running: Served) -> None:
    write_pair(running.folder, ["localhost", "127.0.0.1"], days_ago=800)
    data = running.folder / "data"
    wait_until(lambda: bool((state := read_state(data)) and state.refused), "it is not refused")
    report = doctor(running)
    assert ids(report) == ["HOST-813"]
    assert report["findings"][0]["saw"].count("chain.pem") == 1
    assert report["exit_status"] == 1


def test_what_cannot_be_ordered_is_said(served: Served) -> None:
    chain = (served.folder / "chain.pem").read_bytes()
    (served.folder / "chain.pem").unlink()
    served.start()
    (served.folder / "chain.pem").write_bytes(chain[: len(chain) // 2])
    report = doctor(served, "--fix", trust=False)
    assert ["there is no [acme]" in one["hindrance"] for one in report["mended"]] == [True]


def test_a_pid_file_that_was_left_behind(served: Served) -> None:
    served.configure('pid_file = "pid"')
    (served.folder / "pid").write_text("4194304\n")
    report = doctor(served, "--fix")
    assert "removed, for no server runs" in report["mended"][0]["what"]
    assert not (served.folder / "pid").exists()


def test_files_that_only_root_may_see_are_not_missed_after_mending(served: Served) -> None:
    config = load_config(served.file)
    machine = look_at_machine(config, served.file)
    (served.folder / "key.pem").unlink()
    assert look_again(machine, config, served.file) == machine
    assert look_at_machine(config, served.file).unusable != ()


def test_the_old_ports_are_watched_only_where_others_reach_them(served: Served) -> None:
    served.file.write_text(
        served.file.read_text()
        + '[[listen]]\nservice = "imap"\ntls = "starttls"\nport = 143\naddresses = ["::1"]\n'
        + '[[listen]]\nservice = "pop3"\ntls = "starttls"\nport = 110\n'
    )
    assert local_ports(load_config(served.file)) == {143, served.imaps}


def test_a_server_that_hangs(running: Served) -> None:
    workers = children(running.running.pid)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        report = doctor(running)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    assert ids(report) == ["HOST-808"]
    assert "connections are taken, and then nothing is said" in report["findings"][0]["saw"]
    assert "Every port shows a certificate that is good." not in report["fine"]


def test_a_newer_certificate_that_was_refused_is_told_with_the_reason_alone(
    served: Served,
) -> None:
    named = served.file.read_text().replace("[tls]\n", '[tls]\nnames = ["127.0.0.1"]\n')
    served.file.write_text(named)
    served.start()
    wait_until(lambda: is_proven(served), "nothing is proven")
    wait_until(lambda: int(datetime.now(UTC).timestamp()) > issued(served), "no second")
    write_pair(served.folder, ["localhost"])
    data = served.folder / "data"
    wait_until(lambda: bool((state := read_state(data)) and state.refused), "it is not refused")
    age(served.folder / "chain.pem")
    assert ids(doctor(served)) == ["HOST-813"]

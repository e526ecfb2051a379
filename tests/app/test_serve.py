"""`mailclad serve`, whole: killed workers, renewed certificates, reloads, systemd, stopping."""

import contextlib
import imaplib
import os
import pwd
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailclad.cli.commands import mailclad
from tests.app.served import ADA, Served, children, idle, issue

pytestmark = pytest.mark.slow

MESSAGE = b"Subject: hello\r\n\r\nHello.\r\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    made.prepare()
    yield made
    made.end()


def append(client: imaplib.IMAP4_SSL) -> None:
    status, _ = client.append("INBOX", "", "", MESSAGE)
    assert status == "OK"


def test_a_killed_worker_is_replaced_and_the_others_go_on(served: Served) -> None:
    served.start()
    workers = children(served.running.pid)
    assert len(workers) == 2
    clients = [served.imap() for _ in range(6)]
    os.kill(workers[0], signal.SIGKILL)
    for client in clients:
        with contextlib.suppress(imaplib.IMAP4.abort, OSError):  # those of the killed worker
            client.noop()
        client.shutdown()
    for _ in range(4):
        client = served.imap()
        append(client)
        client.logout()
    assert served.stop() == 0
    assert any(event.get("how") == "SIGKILL" for event in served.log())


def test_mail_taken_by_one_worker_is_announced_by_all(served: Served) -> None:
    served.start()
    waiting = [served.imap() for _ in range(8)]
    for client in waiting:
        idle(client)
    sender = served.imap()
    append(sender)
    for client in waiting:
        assert b"EXISTS" in client.readline()
        client.shutdown()
    sender.logout()


def test_mail_that_a_command_takes_in_is_announced(served: Served) -> None:
    served.start()
    waiting = [served.imap() for _ in range(4)]
    for client in waiting:
        idle(client)
    (served.folder / "letter.eml").write_bytes(MESSAGE)
    words = ["mailbox", "import", ADA, str(served.folder / "letter.eml")]
    done = CliRunner().invoke(mailclad, [*words, "--config", str(served.file)])
    assert done.exit_code == 0, done.output
    for client in waiting:
        assert b"EXISTS" in client.readline()
        client.shutdown()


def test_a_renewed_certificate_is_served_and_open_connections_stay(served: Served) -> None:
    served.start()
    open_before = served.imap()
    idle(open_before)
    old = served.certificate()
    issue(served.folder)
    served.reload()
    reloaded = [event for event in served.log() if event["event"] == "certificates in use"]
    assert served.certificate() != old
    sender = served.imap()
    append(sender)
    sender.logout()
    assert b"EXISTS" in open_before.readline()
    open_before.shutdown()
    assert len(reloaded) <= 2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_resume_on_every_worker_and_after_a_renewal(
    served: Served, version: ssl.TLSVersion
) -> None:
    served.start()
    context = served.context()
    context.maximum_version = version
    first = served.imap(context)
    session = first.sock.session  # type: ignore[attr-defined]
    first.logout()
    issue(served.folder)
    served.reload()
    for _ in range(6):
        with (
            socket.create_connection(("localhost", served.imaps), 30) as tcp,
            context.wrap_socket(tcp, server_hostname="localhost", session=session) as sock,
        ):
            sock.recv(100)
            assert sock.session_reused


def test_a_mistake_in_the_configuration_changes_nothing_and_is_logged(served: Served) -> None:
    served.start()
    client = served.imap()
    served.file.write_text(served.file.read_text().replace("hostname", "hostnmae"))
    served.reload()
    assert client.noop()[0] == "OK"
    client.logout()
    (refused,) = [e for e in served.log() if e["event"].startswith("reload refused")]
    assert "server.hostnmae: line 2: unknown key. Did you mean hostname?" in refused["reason"]


def test_a_changed_limit_reaches_new_workers(served: Served) -> None:
    served.start()
    before = children(served.running.pid)
    stays = served.imap()
    idle(stays)
    served.configure()
    served.file.write_text(served.file.read_text() + "\n[limits]\nmessage_octets = 1000\n")
    served.reload()
    client = served.imap()
    status, _ = client.append("INBOX", "", "", b"x" * 2000)
    assert status == "NO"
    client.shutdown()
    sender = served.imap()
    append(sender)
    sender.logout()
    assert b"EXISTS" in stays.readline(), "a connection to the old generation goes on"
    assert set(children(served.running.pid)) & set(before)
    stays.shutdown()


def test_a_port_that_is_no_longer_wanted_is_closed_and_a_new_one_opened(served: Served) -> None:
    served.start()
    served.imap().logout()
    old = served.imaps
    with socket.create_server(("127.0.0.1", 0)) as probe:
        served.imaps = probe.getsockname()[1]
    served.configure()
    served.reload()
    served.imap().logout()
    assert served.imaps != old


def test_stopping_says_goodbye(served: Served) -> None:
    served.start()
    client = served.imap()
    idle(client)
    served.running.send_signal(signal.SIGTERM)
    assert served.told() == "STOPPING=1"
    assert client.readline().startswith(b"* BYE")
    client.shutdown()
    assert served.running.wait(30) == 0


def test_ctrl_c_ends_it_too(served: Served) -> None:
    served.start()
    assert served.stop(signal.SIGINT) == 0


def test_workers_do_not_outlive_a_killed_supervisor(served: Served) -> None:
    served.start()
    client = served.imap()
    idle(client)
    served.running.kill()
    assert client.readline().startswith(b"* BYE")
    client.shutdown()


LISTEN_FDS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def test_sockets_of_systemd_are_taken(served: Served) -> None:
    """The port is held by us as systemd would, so binding it again would fail."""
    with socket.create_server(("127.0.0.1", served.imaps)) as held:
        environment = {**os.environ, "NOTIFY_SOCKET": str(served.folder / "notify")}
        serve = ["-m", "mailclad", "serve", "--config", str(served.file)]
        served.child = subprocess.Popen(
            [sys.executable, "-c", LISTEN_FDS, str(held.fileno()), *serve],
            env=environment,
            pass_fds=[held.fileno()],
        )
        assert served.told() == "READY=1"
        served.imap().logout()


def test_a_port_in_use_is_named_before_anything_starts(served: Served) -> None:
    with socket.create_server(("127.0.0.1", served.imaps)):
        command = [sys.executable, "-m", "mailclad", "serve", "--config", str(served.file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {served.imaps} for imap" in done.stderr


@pytest.fixture
def passable() -> Iterator[Served]:
    """In a folder that another user can reach, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        made = Served(Path(folder))
        made.prepare()
        yield made
        made.end()


def test_as_root_it_becomes_the_user_and_cannot_go_back(passable: Served) -> None:
    passable.configure('user = "nobody"')
    if os.geteuid() != 0:
        command = [sys.executable, "-m", "mailclad", "serve", "--config", str(passable.file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert "Only root can become nobody" in done.stderr
        return
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (passable.folder, *passable.folder.rglob("*")):
        os.chown(path, nobody, -1)
    passable.start()
    for pid in (passable.running.pid, *children(passable.running.pid)):
        status = Path(f"/proc/{pid}/status").read_text()
        uids = next(line for line in status.splitlines() if line.startswith("Uid:"))
        assert uids.split()[1:] == [str(nobody)] * 4
    passable.imap().logout()


def test_the_key_is_in_no_log(served: Served) -> None:
    served.start()
    issue(served.folder)
    served.reload()
    served.imap().logout()
    served.stop()
    assert "PRIVATE KEY" not in (served.folder / "log").read_text()
    assert ADA in (served.folder / "log").read_text()

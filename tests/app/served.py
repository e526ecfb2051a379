"""`mailclad serve` and `mailclad demo` as child processes, with certificates of our own."""

import asyncio
import imaplib
import json
import os
import secrets
import select
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailclad.app.open import opened
from mailclad.base.secret import Secret
from mailclad.services.auth.password import Argon2id
from mailclad.services.certificates.private_ca import ensure_private_ca, issue_leaf
from tests.ports import free_ports

SECONDS = 30.0
"""For anything that is waited for; nothing takes so long unless it is broken."""

PASSWORD = "correct horse"
ADA = "ada@example.test"


def issue(folder: Path) -> None:
    """A certificate for localhost, from the authority that the folder has or gets."""
    now = datetime.now(UTC)
    ca = ensure_private_ca(folder / "authority", ["localhost", "127.0.0.1"], now)
    leaf = issue_leaf(ca, ["localhost", "127.0.0.1"], now)
    for name, content in (("key.pem", leaf.key_pem.reveal()), ("chain.pem", leaf.chain_pem)):
        fresh = folder / f"{name}.new"
        fresh.write_bytes(content)
        fresh.replace(folder / name)


async def make_account(data: Path) -> None:
    async with opened(data, Argon2id(memory_kib=8, passes=1)) as things:
        await things.provision.add_domain("example.test")
        await things.provision.add_account(ADA, Secret(PASSWORD.encode()))


@dataclass
class Served:
    """A running ``mailclad serve`` on free ports; systemd's part is played here."""

    folder: Path
    workers: int = 2
    imaps: int = 0
    child: "subprocess.Popen[bytes] | None" = None
    manager: socket.socket = field(
        default_factory=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    )

    @property
    def file(self) -> Path:
        return self.folder / "mailclad.toml"

    def prepare(self) -> None:
        issue(self.folder)
        asyncio.run(make_account(self.folder / "data"))
        (self.imaps,) = free_ports(1)
        self.configure()
        self.manager.settimeout(SECONDS)
        self.manager.bind(str(self.folder / "notify"))

    def configure(self, more: str = "") -> None:
        self.file.write_text(
            f'[server]\nhostname = "localhost"\ndata = "data"\nworkers = {self.workers}\n{more}\n'
            '[tls]\ncertificate = "chain.pem"\nkey = "key.pem"\n'
            '[log]\nfile = "log"\nformat = "json"\n'
            f'[[listen]]\nservice = "imap"\ntls = "implicit"\nport = {self.imaps}\n'
            'addresses = ["127.0.0.1"]\n'
        )

    def start(self, *, program: Sequence[str] = ("-m", "mailclad"), **options: Any) -> None:
        command = [sys.executable, *program, "serve", "--config", str(self.file)]
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify")}
        self.child = subprocess.Popen(command, env=environment, **options)
        assert self.told() == "READY=1"

    def told(self) -> str:
        """What the server has told systemd; it must not end before."""
        ended = os.pidfd_open(self.running.pid)
        readable, _, _ = select.select([self.manager.fileno(), ended], [], [], SECONDS)
        os.close(ended)
        assert self.manager.fileno() in readable, "the server ended, or said nothing"
        return self.manager.recv(200).decode().partition("\n")[0]

    @property
    def running(self) -> "subprocess.Popen[bytes]":
        assert self.child is not None
        return self.child

    def reload(self) -> None:
        self.running.send_signal(signal.SIGHUP)
        assert self.told() == "RELOADING=1"
        assert self.told() == "READY=1"

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.running.send_signal(number)
        return self.running.wait(SECONDS)

    def end(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.manager.close()

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "authority" / "ca.pem"))

    def imap(self, context: ssl.SSLContext | None = None) -> imaplib.IMAP4_SSL:
        client = imaplib.IMAP4_SSL(
            "localhost", self.imaps, ssl_context=context or self.context(), timeout=SECONDS
        )
        client.login(ADA, PASSWORD)
        return client

    def certificate(self) -> bytes:
        """What a new connection is shown."""
        with (
            socket.create_connection(("localhost", self.imaps), SECONDS) as tcp,
            self.context().wrap_socket(tcp, server_hostname="localhost") as sock,
        ):
            shown = sock.getpeercert(binary_form=True)
            assert shown is not None
            return shown


def children(pid: int) -> list[int]:
    """The processes that this one has forked."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def idle(client: imaplib.IMAP4_SSL) -> None:
    """Select INBOX and wait for news."""
    client.select()
    client.send(b"i IDLE\r\n")
    assert client.readline().startswith(b"+")


def start_demo(
    folder: Path, more: Sequence[str] = ()
) -> tuple["subprocess.Popen[bytes]", dict[str, Any]]:
    """`mailclad demo --json` on ports that are free, and its line."""
    for _ in range(20):
        offset = str(20_000 + secrets.randbelow(11_000))
        command = [sys.executable, "-m", "mailclad", "demo", "--json", "--dir", str(folder)]
        child = subprocess.Popen(
            [*command, "--port-offset", offset, *more], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        if line := child.stdout.readline():
            return child, json.loads(line)
        child.communicate()
    raise AssertionError("the demo does not start")

"""`mailclad demo --json` as a child process, and the little that every interop test needs."""

import contextlib
import imaplib
import json
import secrets
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

PORT_TRIES = 20  # an offset whose ports are taken is followed by another


@dataclass(frozen=True)
class Demo:
    ca: str
    ports: dict[tuple[str, str], int]
    passwords: dict[str, str]
    folder: Path
    pid: int

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: Path) -> Iterator["Demo"]:
        child, line = _start(folder)
        try:
            said = json.loads(line)
            yield cls(
                ca=said["ca"],
                ports={(e["service"], e["tls"]): e["port"] for e in said["endpoints"]},
                passwords={a["address"]: a["password"] for a in said["accounts"]},
                folder=folder,
                pid=said["pid"],
            )
        finally:
            child.terminate()
            child.communicate(timeout=30)

    @property
    def ada(self) -> str:
        return next(a for a in self.passwords if a.startswith("ada@"))

    @property
    def grace(self) -> str:
        return next(a for a in self.passwords if a.startswith("grace@"))

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)

    def imap(self, address: str) -> imaplib.IMAP4_SSL:
        client = imaplib.IMAP4_SSL(
            "localhost", self.ports["imap", "implicit"], ssl_context=self.context()
        )
        # imaplib sends a literal in two pieces: without this the second waits for an ACK
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.login(address, self.passwords[address])
        return client

    def send(self, token: str, body: str = "Hello.\n") -> None:
        """Ada writes to Grace, by the standard library over 465."""
        port = self.ports["submission", "implicit"]
        with smtplib.SMTP_SSL("localhost", port, context=self.context()) as client:
            client.login(self.ada, self.passwords[self.ada])
            client.send_message(message(self.ada, self.grace, token, body))

    def received(self, token: str, address: str | None = None) -> list[bytes]:
        """The octets of Grace's messages (or another's) with this subject, over 993."""
        with self.imap(address or self.grace) as client:
            client.select("INBOX", readonly=True)
            _, (found,) = client.search(None, "SUBJECT", token)
            answers = [client.fetch(n, "(BODY.PEEK[])")[1][0] for n in found.split()]
        return [answer[1] for answer in answers if isinstance(answer, tuple)]


def flat(answers: Sequence[object]) -> bytes:
    """What imaplib returns, in one piece: it splits an answer where a literal stands."""
    return b"".join(
        b"".join(part) if isinstance(part, tuple) else part
        for part in answers
        if isinstance(part, bytes | tuple)
    )


def message(sender: str, recipient: str, subject: str, body: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, recipient, subject
    made.set_content(body)
    return made


def run(
    *command: str | Path, given: str | bytes = b"", ok: bool = True, seconds: float = 30
) -> subprocess.CompletedProcess[bytes]:
    """Run a foreign program to its end; its output is shown when it does not end as expected."""
    done = subprocess.run(
        [str(part) for part in command],
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        check=False,
        timeout=seconds,
    )
    assert (done.returncode == 0) is ok, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], bytes]:
    for _ in range(PORT_TRIES):
        offset = 20_000 + secrets.randbelow(11_000)
        command = [sys.executable, "-m", "mailclad", "demo", "--json", "--dir", str(folder)]
        child = subprocess.Popen([*command, "--port-offset", str(offset)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        line = child.stdout.readline()
        if line:
            return child, line
        child.communicate(timeout=30)
    raise AssertionError("the demo does not start")

"""Clocks that are wrong, or run ahead, by libfaketime: what is renewed, and what is told of them.

Programs of ours run with a clock that is so many days off; the servers that they look at, and
this test, have the right one.
"""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from mailclad.testing import MailServer
from tests.app.served import SECONDS, Served
from tests.interop.neighbours import until

pytestmark = [pytest.mark.interop("faketime"), pytest.mark.slow]


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def witness() -> Iterator[str]:
    """A web server that knows the time."""
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}/nothing"
        web.shutdown()
        thread.join()


def check(mail: MailServer, days: int, *more: str) -> dict[str, Any]:
    target = f"localhost:{mail.port('imap')}"
    command = [sys.executable, "-m", "mailclad", "check", target, "--trust", str(mail.ca)]
    clock = ["faketime", "-f", f"{days:+}d"]
    done = subprocess.run(
        [*clock, *command, "--json", *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def told(report: dict[str, Any]) -> list[str]:
    return [finding["id"] for finding in report["findings"]]


def test_a_clock_that_is_behind(mail: MailServer) -> None:
    report = check(mail, -60)
    assert told(report) == ["CERT-306"]
    (finding,) = report["findings"]
    values = finding["values"]
    begins, clock = (datetime.fromisoformat(values[key]) for key in ("begins", "clock"))
    assert timedelta(days=58) < begins - clock < timedelta(days=61)


def test_a_clock_that_is_ahead_seems_to_be_an_end(mail: MailServer) -> None:
    assert told(check(mail, 60)) == ["CERT-301"]


@pytest.mark.parametrize("days", [-60, 60])
def test_a_witness_shows_whose_clock_is_wrong(mail: MailServer, witness: str, days: int) -> None:
    assert set(told(check(mail, days, "--witness", witness))) == {"CERT-306", "HOST-804"}


def test_a_witness_of_a_clock_that_is_right(mail: MailServer, witness: str) -> None:
    assert told(check(mail, 0, "--witness", witness)) == []


# --- a server that grows old ---


class Aged(Served):
    """Its clock is as far ahead as a file says at any time."""

    @property
    def ahead(self) -> Path:
        return self.folder / "ahead"

    def configure(self, more: str = "") -> None:
        self.ahead.write_text("+0d\n")
        self.file.write_text(
            f'[server]\nhostname = "localhost"\ndata = "data"\nworkers = {self.workers}\n'
            '[tls]\nprivate_ca = true\n[log]\nfile = "log"\nformat = "json"\n'
            f'[[listen]]\nservice = "imap"\ntls = "implicit"\nport = {self.imaps}\n'
            'addresses = ["127.0.0.1"]\n'
        )

    def grow_old(self, days: int) -> None:
        fresh = self.ahead.with_suffix(".new")
        fresh.write_text(f"+{days}d\n")
        fresh.replace(self.ahead)

    def begins(self) -> datetime:
        """When what it shows now begins."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.imaps), SECONDS) as tcp,
            context.wrap_socket(tcp) as tls,
        ):
            shown = tls.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).not_valid_before_utc

    def listed(self, *, days: int = 0) -> tuple[int, str]:
        """Exit status and words of ``cert list`` where the clock is so many days ahead."""
        command = [sys.executable, "-m", "mailclad", "cert", "list"]
        theirs = self.folder / "theirs"
        theirs.write_text(f"{days:+}d\n")
        environment = {"MAILCLAD_CONFIG": str(self.file), "FAKETIME_TIMESTAMP_FILE": str(theirs)}
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture
def aged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aged]:
    """A server of the private authority; what is waited for goes by the right clock."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    served = Aged(tmp_path)
    served.prepare()
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(served.ahead))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    served.start()
    try:
        yield served
    finally:
        served.end()


def test_the_private_authority_renews_at_two_thirds(aged: Aged) -> None:
    first = aged.begins()
    aged.grow_old(21)
    until(lambda: aged.begins() - first > timedelta(days=20), "a renewed certificate")
    status, words = aged.listed(days=21)
    assert status == 0
    assert "all of its life left" in words


@pytest.mark.parametrize(
    ("days", "words"), [(-60, "mailclad explain CERT-306"), (60, "it has ended")]
)
def test_a_list_by_a_wrong_clock(aged: Aged, days: int, words: str) -> None:
    status, told = aged.listed(days=days)
    assert status == 3
    assert words in told

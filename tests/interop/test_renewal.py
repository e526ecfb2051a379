"""A whole server gets its certificates from Pebble, proves them, and renews them under way."""

import imaplib
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.app.served import SECONDS, Served
from tests.interop.neighbours import until
from tests.interop.pebble import Pebble
from tests.ports import free_ports

pytestmark = [pytest.mark.interop("pebble", "pebble-challtestsrv"), pytest.mark.slow]

HOST = "mail.example.test"


@dataclass
class Installation:
    served: Served
    pebble: Pebble
    web: int
    tls: int

    def configure(self, acme: str = "", listen: str = "") -> None:
        self.served.file.write_text(
            f'[server]\nhostname = "{HOST}"\ndata = "data"\nworkers = 2\n'
            f'[dns]\nservers = ["127.0.0.1:{self.pebble.dns_port}"]\nvalidate = "never"\n'
            f'[acme]\nauthorities = ["{self.pebble.configured().directory}"]\n'
            f'trust = "{self.pebble.trusted}"\n{acme}\n'
            '[log]\nfile = "log"\nformat = "json"\n'
            + _listen("imap", "implicit", self.served.imaps)
            + _listen("http", "none", self.web)
            + _listen("https", "implicit", self.tls)
            + listen
        )

    def cert(self, *words: str, status: int = 0) -> str:
        command = [sys.executable, "-m", "mailclad", "cert", *words]
        environment = {**os.environ, "MAILCLAD_CONFIG": str(self.served.file)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def doctor(self, *words: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "mailclad", "doctor", "--inside", "--json", *words]
        environment = {**os.environ, "MAILCLAD_CONFIG": str(self.served.file)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=90, check=False
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.cert("list", "--json"))["certificates"]
        return found

    def live(self) -> dict[str, Any] | None:
        """The one that is served and was proven."""
        return next((one for one in self.listed() if one["state"] == "live"), None)

    def is_proven(self) -> bool:
        one = self.live()
        return one is not None and one["proven_at"] is not None

    def shown(self, port: int) -> x509.Certificate:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", port), SECONDS) as tcp,
            context.wrap_socket(tcp, server_hostname=HOST) as sock,
        ):
            shown = sock.getpeercert(binary_form=True)
            assert shown is not None
            return x509.load_der_x509_certificate(shown)


def _listen(service: str, tls: str, port: int) -> str:
    return (
        f'[[listen]]\nservice = "{service}"\ntls = "{tls}"\nport = {port}\n'
        'addresses = ["127.0.0.1"]\n'
    )


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    web, tls = free_ports(2)
    served = Served(tmp_path)
    served.prepare()
    folder = tmp_path / "pebble"
    folder.mkdir()
    with Pebble(folder, ours=(web, tls)) as pebble:
        made = Installation(served, pebble, web, tls)
        made.configure()
        try:
            yield made
        finally:
            served.end()


def test_a_server_gets_its_certificate_proves_it_and_renews_it(
    installation: Installation,
) -> None:
    installation.served.start()
    until(installation.is_proven, "a proven certificate")
    first = installation.shown(installation.served.imaps)
    assert "Pebble" in first.issuer.rfc4514_string()
    assert installation.shown(installation.tls) == first

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = imaplib.IMAP4_SSL("127.0.0.1", installation.served.imaps, ssl_context=context)
    said = installation.cert("renew", "--force")
    assert f"{HOST}: the answer is put in place (http-01)" in said
    assert "issued until" in said
    second = installation.shown(installation.served.imaps)
    assert second != first
    assert client.noop()[0] == "OK"
    client.shutdown()
    assert "Nothing is missing" in installation.cert("request")
    text = installation.cert("list")
    assert "all of its life left" in text
    assert "proven" in text


def test_names_are_proved_on_the_https_port(installation: Installation) -> None:
    installation.configure('challenges = ["tls-alpn-01"]\nnames = ["imap.example.test"]')
    installation.served.start()
    until(installation.is_proven, "a proven certificate")
    live = installation.live()
    assert live is not None
    assert live["names"] == [HOST, "imap.example.test"]


def test_a_certificate_before_the_first_start(installation: Installation) -> None:
    said = installation.cert("request")
    assert "from its next start on" in said
    installation.served.start()
    until(installation.is_proven, "a proven certificate")
    assert "Pebble" in installation.shown(installation.served.imaps).issuer.rfc4514_string()


def test_a_name_that_leads_elsewhere_is_left_out_and_told(installation: Installation) -> None:
    installation.pebble.move("old.example.test", "127.0.0.9")
    installation.configure('names = ["old.example.test"]')
    said = installation.cert("request")
    assert "! old.example.test" in said
    assert "port 80" in said
    assert "old.example.test" in installation.cert("list")


def test_the_doctor_orders_a_name_that_is_missing(installation: Installation) -> None:
    installation.served.start()
    until(installation.is_proven, "a proven certificate")
    installation.configure('names = ["imap.example.test"]')
    before = installation.doctor()
    assert {"HOST-809", "CERT-315"} <= {one["id"] for one in before["findings"]}
    after = installation.doctor("--fix")
    assert [one["hindrance"] for one in after["mended"]] == ["", ""]
    assert not {"HOST-809", "CERT-315"} & {one["id"] for one in after["findings"]}
    live = installation.live()
    assert live is not None
    assert live["names"] == [HOST, "imap.example.test"]

"""The live watch, each row of its table: real programs make the mistakes that people make.

The server is `mailclad demo` with its workers, so the page and the program are often served by
different processes.
"""

import contextlib
import http.client
import imaplib
import json
import poplib
import re
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.interop.demo import Demo, run

pytestmark = [
    pytest.mark.interop("swaks", "curl", "msmtp", "openssl", "fetchmail"),
    pytest.mark.slow,
]

WAIT_SECONDS = 20


class Page:
    """Ada's, signed in: a device of its own, and what its watch shows."""

    def __init__(self, demo: Demo, client: str = "thunderbird") -> None:
        self._demo = demo
        answer, _ = self._ask(
            "POST", "/sign-in", login=demo.ada, password=demo.passwords[demo.ada]
        )
        self._cookie = answer["set-cookie"].partition(";")[0]
        _, text = self._ask("GET", f"/setup/{client}")
        token = re.findall(r'name="form_token" value="([^"]+)"', text)[0]
        _, text = self._ask("POST", f"/setup/{client}", form_token=token, name="A device")
        self.letters = re.findall(r'class="letters mono">([a-z ]+)<', text)[0].replace(" ", "")
        self._events = re.findall(r'data-events="([^"]+)"', text)[0]

    _cookie = ""

    def _connect(self) -> http.client.HTTPSConnection:
        port = self._demo.ports["https", "implicit"]
        context = self._demo.context()
        return http.client.HTTPSConnection(
            "localhost", port, context=context, timeout=WAIT_SECONDS
        )

    def _ask(self, method: str, path: str, **form: str) -> tuple[http.client.HTTPMessage, str]:
        connection = self._connect()
        headers = {"Cookie": self._cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, urlencode(form) or None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status < 400, text
        return answer.headers, text

    def views(self) -> Iterator[Any]:
        """As the stream tells them."""
        connection = self._connect()
        connection.request("GET", self._events, headers={"Cookie": self._cookie})
        answer = connection.getresponse()
        try:
            while line := answer.readline():
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
        finally:
            connection.close()

    def until(self, good: Callable[[Any], Any]) -> Any:
        end = time.monotonic() + WAIT_SECONDS
        for view in self.views():
            if good(view):
                return view
            assert time.monotonic() < end, view
        raise AssertionError("the stream has ended")

    def fault(self, finding: str) -> str:
        view = self.until(lambda one: one["fault"] and one["fault"]["finding"] == finding)
        return str(view["fault"]["words"])

    def greens(self, number: int) -> None:
        def lit(view: Any) -> Any:
            return [one["state"] for one in view["lights"]].count("green") == number

        self.until(lit)


@pytest.fixture
def page(demo: Demo) -> Page:
    return Page(demo)


def swaks(demo: Demo, tls: str, *options: str, password: str = "") -> "subprocess.Popen[bytes]":
    port = demo.ports["submission", tls]
    command = ["swaks", "--server", "localhost", "--port", str(port), "--to", demo.ada]
    command += ["--from", demo.ada, "--timeout", "15", *options]
    if password:
        command += ["--auth", "PLAIN", "--auth-user", demo.ada, "--auth-password", password]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_starttls_on_an_encrypted_port_is_named_while_it_hangs(demo: Demo, page: Page) -> None:
    with swaks(demo, "implicit", "--tls", password=page.letters) as program:
        words = page.fault("MODE-201")
        assert program.poll() is None
        program.kill()
    assert str(demo.ports["submission", "implicit"]) in words
    assert "**STARTTLS**" in words
    assert "**SSL/TLS**" in words


def test_tls_on_a_port_that_begins_without(demo: Demo, page: Page) -> None:
    with swaks(demo, "starttls", "--tls-on-connect", password=page.letters) as program:
        program.wait(30)
    assert str(demo.ports["submission", "starttls"]) in page.fault("MODE-202")


def test_a_password_sent_readable_is_cancelled(demo: Demo, page: Page) -> None:
    """Python's imaplib signs in without encryption where nobody tells it otherwise."""
    with (
        imaplib.IMAP4("localhost", demo.ports["imap", "starttls"]) as plain,
        pytest.raises(imaplib.IMAP4.error),
    ):
        plain.login(demo.ada, page.letters)
    assert "cancelled" in page.fault("AUTH-506")
    with swaks(demo, "implicit", "--tls-on-connect", password=page.letters) as program:
        output, _ = program.communicate(timeout=30)
    assert b"535" in output


def test_a_program_that_wants_to_send_without_encryption(demo: Demo, page: Page) -> None:
    """msmtp with `tls off`: it has no way to sign in, and goes on without."""
    port = str(demo.ports["submission", "starttls"])
    options = ["--host=localhost", f"--port={port}", "--tls=off", "--auth=off"]
    run("msmtp", *options, f"--from={demo.ada}", demo.ada, given="Subject: x\n\nx\n", ok=False)
    assert "without encryption" in page.fault("CLIENT-706")


@pytest.mark.parametrize("program", ["msmtp", "swaks", "curl", "fetchmail"])
def test_a_program_that_leaves_because_it_may_not_sign_in(
    demo: Demo, page: Page, program: str
) -> None:
    """They are set to no encryption, and heed that no sign-in is offered then."""
    port = demo.ports["imap" if program in {"curl", "fetchmail"} else "submission", "starttls"]
    match program:
        case "msmtp":
            options = ["--host=localhost", f"--port={port}", "--tls=off", "--auth=plain"]
            options += [f"--user={demo.ada}", f"--passwordeval=echo {page.letters}"]
            given = "Subject: x\n\nx\n"
            run("msmtp", *options, f"--from={demo.ada}", demo.ada, given=given, ok=False)
        case "swaks":
            with swaks(demo, "starttls", password=page.letters) as running:
                running.wait(30)
        case "curl":
            url = f"imap://localhost:{port}/INBOX"
            run("curl", "--silent", "--user", f"{demo.ada}:{page.letters}", url, ok=False)
        case _:
            account = f"user {demo.ada} password {page.letters} sslproto ''"
            given = f"poll localhost protocol imap port {port} {account}\n"
            once = ["--nodetach", "--nosyslog", "--pidfile", str(demo.folder / "fetchmail.pid")]
            run("fetchmail", "-f", "-", *once, given=given, ok=False)
    words = page.fault("CLIENT-706")
    assert "without encryption" in words
    assert f"port {port} " in words


def test_an_authority_that_the_program_does_not_know(demo: Demo, page: Page) -> None:
    url = f"imaps://localhost:{demo.ports['imap', 'implicit']}/INBOX"
    run("curl", "--silent", "--user", f"{demo.ada}:{page.letters}", url, ok=False)
    assert "certificate" in page.fault("CERT-305")


def test_a_program_that_is_too_old(demo: Demo, page: Page) -> None:
    place = f"localhost:{demo.ports['imap', 'implicit']}"
    old = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]
    run("openssl", "s_client", "-connect", place, *old, ok=False)
    assert "too old" in page.fault("CLIENT-701")


def curl(demo: Demo, password: str, *, ok: bool, user: str = "") -> None:
    url = f"imaps://localhost:{demo.ports['imap', 'implicit']}/INBOX"
    trust = ["--cacert", demo.ca, "--user", f"{user or demo.ada}:{password}"]
    run("curl", "--silent", *trust, url, ok=ok)


@pytest.mark.parametrize(
    ("password", "finding"), [("abcdabcdabcdabcd", "AUTH-501"), ("my birthday", "AUTH-502")]
)
def test_a_wrong_password(demo: Demo, page: Page, password: str, finding: str) -> None:
    curl(demo, password, ok=False)
    page.fault(finding)


def test_a_user_name_without_its_domain_among_two(tmp_path: Path) -> None:
    with Demo.started(tmp_path) as demo:
        config = f"--config={demo.folder}/mailclad.toml"
        run(sys.executable, "-m", "mailclad", "domain", "add", "second.localhost", config)
        page = Page(demo)
        curl(demo, page.letters, ok=False, user="ada")
        assert "whole address" in page.fault("AUTH-503")


def test_the_normal_password_works_and_is_told(demo: Demo, page: Page) -> None:
    curl(demo, demo.passwords[demo.ada], ok=True)
    assert "normal password" in page.fault("AUTH-502")


def test_curl_reads_and_msmtp_sends_and_every_light_is_green(demo: Demo) -> None:
    page = Page(demo, "other")
    page.greens(0)
    curl(demo, page.letters, ok=True)
    page.greens(2)
    port = str(demo.ports["submission", "implicit"])
    options = ["--host=localhost", f"--port={port}", "--tls=on", "--tls-starttls=off"]
    options += [f"--tls-trust-file={demo.ca}", "--auth=on", f"--user={demo.ada}"]
    secret = f"--passwordeval=echo {page.letters}"
    run("msmtp", *options, secret, f"--from={demo.ada}", demo.ada, given="Subject: x\n\nx\n")
    page.greens(3)


def test_starttls_on_its_own_port_is_as_good(demo: Demo) -> None:
    """Python's poplib and smtplib."""
    page = Page(demo, "other")
    with contextlib.closing(poplib.POP3("localhost", demo.ports["pop3", "starttls"])) as reading:
        reading.stls(demo.context())
        page.greens(1)
        reading.user(demo.ada)
        reading.pass_(page.letters)
        page.greens(2)
    with smtplib.SMTP("localhost", demo.ports["submission", "starttls"]) as sending:
        sending.starttls(context=demo.context())
        sending.login(demo.ada, page.letters)
        sending.sendmail(demo.ada, [demo.ada], "Subject: x\n\nx\n")
    page.greens(3)


def test_another_persons_programs_are_not_told(demo: Demo, page: Page) -> None:
    """From the same address: Grace's own sign-ins, right and wrong."""
    url = f"imaps://localhost:{demo.ports['imap', 'implicit']}/INBOX"
    for password in (demo.passwords[demo.grace], "wrong"):
        user = f"{demo.grace}:{password}"
        run("curl", "--silent", "--cacert", demo.ca, "--user", user, url, ok=password != "wrong")
    curl(demo, "abcdabcdabcdabcd", ok=False)
    page.fault("AUTH-501")
    shown = [one for one in page.until(lambda _: True)["lights"] if one["state"] == "green"]
    assert [one["title"] for one in shown] == ["Connected securely"]

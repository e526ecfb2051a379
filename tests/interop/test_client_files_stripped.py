"""Files for terminal programs: where STARTTLS is taken away on the line, no password is said.

RFC 8314 §3, RFC 3207 §6: the servers here offer everything but encryption.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.settings import ClientSettings
from tests.interop.demo import Demo
from tests.interop.set_up import demo_settings, home
from tests.interop.terminal import in_terminal
from tests.interop.test_client_files import FETCHERS, ONLY_IMPLICIT, SENDERS, SERVICES, aerc

pytestmark = pytest.mark.slow

GREETINGS = {
    MailProtocol.IMAP: "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN] ready",
    MailProtocol.POP3: "+OK ready",
    MailProtocol.SUBMISSION: "220 mail.example.net ESMTP",
}


@dataclass
class Stripped:
    """``said``: the lines of the program; ``ended``: it has gone, or tries once more."""

    port: int
    said: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


ANSWERS = {
    MailProtocol.IMAP: {
        "CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN\r\n{tag} OK done",
        "STARTTLS": "{tag} BAD what?",
        "": "{tag} OK done",
    },
    MailProtocol.POP3: {
        "CAPA": "+OK\r\nUSER\r\nSASL PLAIN\r\nUIDL\r\n.",
        "STLS": "-ERR what?",
        "AUTH": "-ERR what?",
        "": "+OK",
    },
    MailProtocol.SUBMISSION: {
        "EHLO": "250-mail.example.net\r\n250 AUTH PLAIN LOGIN",
        "STARTTLS": "502 what?",
        "": "250 done",
    },
}
"""By the first word of the line, behind its tag; "" for all others."""


def _answer(protocol: MailProtocol, line: str) -> str:
    tag, _, rest = line.partition(" ")
    verb = (rest if protocol is MailProtocol.IMAP else line).partition(" ")[0].upper()
    return ANSWERS[protocol].get(verb, ANSWERS[protocol][""]).format(tag=tag)


@contextmanager
def _stripped(protocol: MailProtocol) -> Iterator[Stripped]:
    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if there.said:
                there.ended.set()  # it comes again
            self._say(GREETINGS[protocol])
            for line in self.rfile:
                there.said.append(line.decode("latin-1").strip())
                self._say(_answer(protocol, there.said[-1]))
            there.ended.set()

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
        server.daemon_threads = True
        there = Stripped(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield there
        server.shutdown()


def _settings(demo: Demo, there: Stripped, protocol: MailProtocol) -> ClientSettings:
    """The other way, where a program wants both, leads nowhere."""
    both = {MailProtocol.IMAP: 1, MailProtocol.SUBMISSION: 1} | {protocol: there.port}
    endpoints = tuple(
        Endpoint(one, "localhost", port, TlsMode.STARTTLS) for one, port in both.items()
    )
    if protocol is MailProtocol.POP3:
        endpoints = endpoints[-1:]
    return ClientSettings(demo.ada, "example.net", endpoints, "Ada", demo.ca)


def _kept_silent(there: Stripped) -> None:
    assert there.ended.wait(30)  # it came
    verbs = " ".join(there.said).upper().split()
    assert not {"AUTH", "AUTHENTICATE", "LOGIN", "USER", "PASS", "APOP"} & set(verbs), there.said


@pytest.mark.parametrize(
    ("client", "service"),
    [
        pytest.param(client, service, marks=pytest.mark.interop(client))
        for client in sorted(FETCHERS.keys() - ONLY_IMPLICIT)
        for service in SERVICES.get(client, ("imap", "pop3"))
    ],
)
def test_no_password_is_said_to_fetch(
    demo: Demo, client: str, service: str, tmp_path: Path
) -> None:
    protocol = MailProtocol(service)
    with _stripped(protocol) as there:
        place = home(demo, client, _settings(demo, there, protocol), tmp_path)
        done = FETCHERS[client](place, demo.ada)
        _kept_silent(there)

    assert done.returncode != 0


@pytest.mark.parametrize(
    "client", [pytest.param(one, marks=pytest.mark.interop(one)) for one in SENDERS]
)
def test_no_password_is_said_to_send(demo: Demo, client: str, tmp_path: Path) -> None:
    with _stripped(MailProtocol.SUBMISSION) as there:
        place = home(demo, client, _settings(demo, there, MailProtocol.SUBMISSION), tmp_path)
        done = SENDERS[client](place, demo.grace, "hello")
        _kept_silent(there)

    assert done.returncode != 0


@pytest.mark.parametrize(
    "client",
    [pytest.param(one, marks=pytest.mark.interop(one)) for one in ("aerc", "mutt", "neomutt")],
)
def test_no_password_is_said_to_read(demo: Demo, client: str, tmp_path: Path) -> None:
    with _stripped(MailProtocol.IMAP) as there:
        place = home(demo, client, _settings(demo, there, MailProtocol.IMAP), tmp_path)
        with in_terminal(client, environment=place.environment, folder=tmp_path):
            assert there.ended.wait(30)
        _kept_silent(there)


@pytest.mark.interop("aerc")
def test_aerc_says_no_password_to_send(demo: Demo, tmp_path: Path) -> None:
    with _stripped(MailProtocol.SUBMISSION) as there:
        settings = demo_settings(demo, "starttls")
        imap = settings.best(MailProtocol.IMAP)
        smtp = Endpoint(MailProtocol.SUBMISSION, "localhost", there.port, TlsMode.STARTTLS)
        assert imap is not None
        with aerc(demo, replace(settings, endpoints=(imap, smtp)), demo.ca, tmp_path) as screen:
            screen.until(b"onnected")
            screen.press(f":compose -H 'To: {demo.grace}' -H 'Subject: hello'\r")
            screen.until(b"Send this email?")
            screen.press(":send\r")
            assert there.ended.wait(30)
        _kept_silent(there)

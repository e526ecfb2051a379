"""Thunderbird, as a person meets it: name, address and password, and mail is read and sent.

It stands in an island with our whole server at its public address and real ports; it finds the
settings in the DNS and the web of that island, where none but ours are.  What it does by itself
is written down in docs/quirks.md.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import LogCapture

from mailclad.app import web
from mailclad.app.config import Config
from mailclad.app.settings.deliver import DeliverConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import TlsConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.channel import Shell
from mailclad.servers.http import http_shell
from mailclad.testing import MailServer
from tests.dns.server import StubDns, in_thread
from tests.interop.island import island, needs_root
from tests.interop.wire import Wire
from tests.interop.thunderbird import MAIN, Thunderbird, screen

pytestmark = [
    pytest.mark.interop("thunderbird", "Xvfb", "unshare", "ip"),
    pytest.mark.xdist_group("thunderbird"),
    pytest.mark.slow,
    needs_root,
]

DOMAIN, HOST, ADDRESS = "home.test", "mail.home.test", "45.0.2.1"
AUTOCONFIG = f"autoconfig.{DOMAIN}"
ADA, GRACE = f"ada@{DOMAIN}", f"grace@{DOMAIN}"
PASSWORD = "correct horse"
LETTER = (
    f"From: Grace <{GRACE}>\r\nTo: {ADA}\r\nSubject: tea\r\n"
    "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@home.test>\r\n\r\n"
    "At four, in the garden.\r\n"
).encode()
PORTS = (
    (Service.IMAP, TlsMode.IMPLICIT, 993),
    (Service.IMAP, TlsMode.STARTTLS, 143),
    (Service.POP3, TlsMode.IMPLICIT, 995),
    (Service.SUBMISSION, TlsMode.IMPLICIT, 465),
    (Service.SUBMISSION, TlsMode.STARTTLS, 587),
    (Service.HTTPS, TlsMode.IMPLICIT, 443),
)


class Provider(MailServer):
    """At real ports, those with STARTTLS too: that they are not used is seen."""

    def __init__(self, *names: str) -> None:
        """``names`` are in its certificate, beside its own."""
        super().__init__()
        self._names = names

    def _config(self) -> Config:
        return Config(
            server=ServerConfig(hostname=HOST, data=self._directory),
            tls=TlsConfig(private_ca=True, names=self._names),
            deliver=DeliverConfig(enabled=False),
            listen=tuple(
                ListenConfig(service=service, tls=tls, port=port, addresses=(ADDRESS,))
                for service, tls, port in PORTS
            ),
        )


XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="{DOMAIN}"><domain>{DOMAIN}</domain>
<displayName>Home</displayName>
<incomingServer type="imap"><hostname>{HOST}</hostname><port>993</port><socketType>SSL</socketType>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>
<incomingServer type="pop3"><hostname>{HOST}</hostname><port>995</port><socketType>SSL</socketType>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>
<outgoingServer type="smtp"><hostname>{HOST}</hostname><port>465</port><socketType>SSL</socketType>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></outgoingServer>
</emailProvider></clientConfig>
"""


@dataclass
class Seen:
    """What came to our server: requests as (method, host, path, status), and its log."""

    requests: list[tuple[str, str, str, int]] = field(default_factory=list)
    log: LogCapture = field(default_factory=LogCapture)

    def events(self, name: str) -> list[Any]:
        return [each for each in self.log.entries if each["event"] == name]

    def recording(self, pages: ASGIApp) -> Shell:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            host = dict(scope.get("headers", ())).get(b"host", b"").decode()

            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    request = (scope["method"], host, scope["path"], message["status"])
                    self.requests.append(request)
                await send(message)

            if scope["type"] == "http" and scope["path"] == "/mail/config-v1.1.xml":
                from starlette.responses import Response
                await Response(XML, media_type="text/xml")(scope, receive, note)
            else:
                await pages(scope, receive, note)

        return http_shell(application)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen = Seen()
    structlog.configure(processors=[seen.log])
    monkeypatch.setattr(web, "http_shell", seen.recording)
    return seen


@pytest.fixture(scope="module")
def dns() -> Iterator[StubDns]:
    stub = StubDns(address=("127.0.0.1", 53))
    with island(), in_thread(stub):
        yield stub


@pytest.fixture(scope="module")
def display(dns: StubDns) -> Iterator[str]:
    with screen() as name:
        yield name


@pytest.fixture
def wire(dns: StubDns) -> Iterator[Wire]:
    with Wire() as listening:
        yield listening


FOUND = {
    "incomingType": "imap",
    "incomingHost": HOST,
    "incomingPort": "993",
    "outgoingType": "smtp",
    "outgoingHost": HOST,
    "outgoingPort": "465",
    "sharedUsername": ADA,
    "sharedSocketType": "SSL/TLS",
    "sharedAuthenticationType": "Normal Password",
    "says": "Account settings found automatically. Configuration found at email provider. You can read about how automated email setup works.",
}
ASKING = "chrome://pippki/content/exceptionDialog.xhtml"


@contextmanager
def served(dns, *names, certified=None):
    """names: those in the DNS"""
    dns.zones = {name: {"A": [ADDRESS]} for name in names}
    dns.asked.clear()
    with Provider(*(names if certified is None else certified)) as server:
        for address in (ADA, GRACE):
            server.add_account(address, password=PASSWORD)
        server.deliver(LETTER, ADA)
        yield server


@pytest.fixture
def tb(tmp_path):
    folder = tmp_path / "tb"
    folder.mkdir()
    return folder


import time
def dump(bird, seen, name):
    print("SAID", bird.said()); print(bird.window.windows()); bird.window.picture(Path(f"/tmp/tb-{name}.png"))
    print(*seen.requests, sep="\n")
    print(*[ {k: v for k, v in e.items() if k in ("event", "service", "tls", "port", "end", "reason", "problem", "account", "address")} for e in seen.log.entries], sep="\n")

def test_all(dns, display, seen, tb, wire):
    with served(dns, HOST, AUTOCONFIG, DOMAIN) as server:
        with Thunderbird.started(tb, display, server.ca) as bird:
            bird.look_for_settings("Ada Lovelace", ADA)
            assert bird.settings() == FOUND
            bird.go_on()
            bird.sign_in(PASSWORD)
            bird.finish()
            assert bird.read("tea").strip() == "At four, in the garden."
            bird.send(GRACE, "cake", "And cake.")
            assert bird.window.windows() == [MAIN]
        (sent,) = server.messages(GRACE)
        assert sent["Received"], sent["Received"]
        print(sent["Received"])
        print(server.messages(ADA, "Sent"))
    assert ("GET", AUTOCONFIG, "/mail/config-v1.1.xml", 200) in seen.requests
    print(wire.look().ports)
    assert not wire.shows(PASSWORD)

def test_guess(dns, display, seen, tb, wire):
    with served(dns, HOST) as server, Thunderbird.started(tb, display, server.ca) as bird:
        bird.look_for_settings("Ada Lovelace", ADA)
        try:
            print(bird.settings())
            bird.go_on()
            bird.sign_in(PASSWORD)
            bird.finish()
        finally: dump(bird, seen, "guess")
    print(wire.look().ports)

def test_unknown_ca(dns, display, seen, tb, wire):
    with served(dns, HOST, AUTOCONFIG, DOMAIN) as server, Thunderbird.started(tb, display) as bird:
        bird.look_for_settings("Ada Lovelace", ADA)
        try:
            print(bird.settings())
            bird.go_on()
            bird.sign_in(PASSWORD)
            print(bird.turn_away())
            time.sleep(1)
        finally: dump(bird, seen, "unknown")
    print(wire.look().ports, wire.shows(PASSWORD))

def test_name(dns, display, seen, tb, wire):
    with served(dns, HOST, AUTOCONFIG, "mail2.home.test", certified=(AUTOCONFIG,)) as server, Thunderbird.started(tb, display, server.ca) as bird:
        global XML
        old = XML; XML = XML.replace(HOST, "mail2.home.test")
        bird.look_for_settings("Ada Lovelace", ADA)
        try:
            print(bird.settings())
            bird.go_on()
            bird.sign_in(PASSWORD)
            print(bird.turn_away())
            time.sleep(1)
        finally: dump(bird, seen, "name"); XML=old

def test_pop3(dns, display, seen, tb, wire):
    with served(dns, HOST, AUTOCONFIG) as server, Thunderbird.started(tb, display, server.ca) as bird:
        bird.look_for_settings("Ada Lovelace", ADA)
        try:
            print(bird.settings())
            bird.window.click("#emailConfigFoundSubview #pop3")
            bird.go_on()
            bird.sign_in(PASSWORD)
            bird.finish()
            print(bird.read("tea"))
            bird.send(GRACE, "cake", "and cake")
        finally: dump(bird, seen, "pop")

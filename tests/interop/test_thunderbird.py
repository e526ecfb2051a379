"""Thunderbird, as a person meets it: name, address, app password; then mail is read and sent.

It stands in an island with our whole server at its public address and real ports, and finds the
settings in the DNS and the web of that island, where nobody's are but ours.  What it does by
itself is written down in docs/quirks.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import LogCapture

from mailclad.app import web
from mailclad.app.config import Config
from mailclad.app.settings.deliver import DeliverConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import CertificateFiles, TlsConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.channel import Shell
from mailclad.servers.http import http_shell
from mailclad.services.auth.app_password import in_fours
from mailclad.services.client_setup.clients import PortFollows, clients
from mailclad.testing import MailServer
from tests.certificates import make
from tests.dns.server import StubDns, in_thread
from tests.interop.island import island, needs_root
from tests.interop.mtas import Pki
from tests.interop.thunderbird import MAIN, Choice, Thunderbird, screen
from tests.interop.wire import Wire

pytestmark = [
    pytest.mark.interop("thunderbird", "Xvfb", "unshare", "ip"),
    pytest.mark.xdist_group("thunderbird"),
    pytest.mark.slow,
    needs_root,
]

DOMAIN, HOST, ADDRESS = "home.test", "mail.home.test", "45.0.2.1"
AUTOCONFIG = f"autoconfig.{DOMAIN}"
ALL = (HOST, AUTOCONFIG, DOMAIN)
ADA, GRACE = f"ada@{DOMAIN}", f"grace@{DOMAIN}"
LETTER = (
    f"From: Grace <{GRACE}>\r\nTo: {ADA}\r\nSubject: tea\r\n"
    "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@home.test>\r\n\r\n"
    "At four, in the garden.\r\n"
).encode()
PORTS = (
    (Service.IMAP, TlsMode.IMPLICIT, 993),
    (Service.IMAP, TlsMode.STARTTLS, 143),
    (Service.POP3, TlsMode.IMPLICIT, 995),
    (Service.POP3, TlsMode.STARTTLS, 110),
    (Service.SUBMISSION, TlsMode.IMPLICIT, 465),
    (Service.SUBMISSION, TlsMode.STARTTLS, 587),
    (Service.HTTPS, TlsMode.IMPLICIT, 443),
    (Service.HTTP, TlsMode.NONE, 80),
)
MAIL_PORTS = {port for service, _, port in PORTS if service not in {Service.HTTPS, Service.HTTP}}

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
}
AT_THE_PROVIDER = "Configuration found at email provider."
BY_TRYING = "Configuration found by trying common server names."


class Provider(MailServer):
    """At the real ports, those with STARTTLS too: that they are not used is seen."""

    def __init__(self, files: Pki) -> None:
        super().__init__()
        self._files = files

    def _config(self) -> Config:
        return Config(
            server=ServerConfig(hostname=HOST, data=self._directory),
            tls=TlsConfig(certificates=(CertificateFiles(**vars(self._files)),)),
            deliver=DeliverConfig(enabled=False),
            listen=tuple(
                ListenConfig(service=service, tls=tls, port=port, addresses=(ADDRESS,))
                for service, tls, port in PORTS
            ),
        )

    def app_password(self, address: str) -> str:
        """As it is shown to its owner."""
        making = self._running.app.provision().add_app_password(address, "Thunderbird")
        return in_fours(self._do(making))


XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="{DOMAIN}"><domain>{DOMAIN}</domain>
<displayName>Home</displayName>
<incomingServer type="imap"><hostname>HOST</hostname><port>993</port><socketType>SSL</socketType>
<authentication system="sasl">SCRAM-SHA-256-PLUS</authentication>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>
<incomingServer type="pop3"><hostname>HOST</hostname><port>995</port><socketType>SSL</socketType>
<authentication system="sasl">SCRAM-SHA-256-PLUS</authentication>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>
<outgoingServer type="smtp"><hostname>HOST</hostname><port>465</port><socketType>SSL</socketType>
<authentication system="sasl">SCRAM-SHA-256-PLUS</authentication>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></outgoingServer>
</emailProvider></clientConfig>
"""


@dataclass
class Seen:
    """What came to our server: requests as (method, host, path, status), and its log."""

    requests: list[tuple[str, str, str, int]] = field(default_factory=list)
    log: LogCapture = field(default_factory=LogCapture)

    def events(self, *names: str) -> list[Any]:
        return [each for each in self.log.entries if each["event"] in names]

    def recording(self, pages: ASGIApp) -> Shell:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            host = dict(scope.get("headers", ())).get(b"host", b"").decode()

            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self.requests.append((scope["method"], host, scope["path"], message["status"]))
                await send(message)

            if scope["scheme"] == "https" and host == AUTOCONFIG:
                await Response(XML.replace("HOST", HOST), media_type="text/xml")(
                    scope, receive, note
                )
            else:
                await pages(scope, receive, note)

        return http_shell(application)


@dataclass
class Scene:
    """An island with our server in it; ``wire`` hears all that is said in it.

    ``authority`` is the PEM file of who has signed its certificate.
    """

    server: Provider
    seen: Seen
    wire: Wire
    display: str
    folder: Path
    authority: Path
    password: str

    @contextmanager
    def thunderbird(self, *authorities: Path) -> Iterator[Thunderbird]:
        with Thunderbird.started(self.folder, self.display, *authorities) as program:
            program.look_for_settings("Ada Lovelace", ADA)
            yield program


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
def scene(
    request: pytest.FixtureRequest,
    dns: StubDns,
    display: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scene]:
    """Its parameter: the names in the DNS, and those in the certificate."""
    published, certified = getattr(request, "param", (ALL, ALL))
    dns.zones = {name: {"A": [ADDRESS]} for name in published}
    seen = Seen()
    structlog.configure(processors=[seen.log])
    monkeypatch.setattr(web, "http_shell", seen.recording)
    authority = make("a test's CA", authority=True)
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    files = Pki.written(tmp_path, "server", make(certified[0], certified, authority))
    with Wire() as wire, Provider(files) as server:
        server.add_account(ADA)
        server.add_account(GRACE)
        server.deliver(LETTER, ADA)
        authority_file = tmp_path / "authority.pem"
        yield Scene(
            server, seen, wire, display, tmp_path, authority_file, server.app_password(ADA)
        )


def test_it_finds_the_settings_reads_and_sends(scene: Scene) -> None:
    with scene.thunderbird(scene.authority) as program:
        assert program.settings() == FOUND
        assert AT_THE_PROVIDER in program.said()
        program.go_on()
        program.sign_in(scene.password)
        program.finish()
        assert program.read("tea").strip() == "At four, in the garden."
        program.send(GRACE, "cake", "And there will be cake.")
        assert program.window.windows() == [MAIN]  # it has asked nothing

    (arrived,) = scene.server.messages(GRACE)
    assert arrived.get_content().strip() == "And there will be cake."
    assert " with ESMTPSA " in arrived["Received"]
    assert [each["Subject"] for each in scene.server.messages(ADA, "Sent")] == ["cake"]
    assert ("GET", AUTOCONFIG, "/mail/config-v1.1.xml", 200) in scene.seen.requests
    assert scene.wire.look().ports & MAIL_PORTS == {993, 465}
    assert {each["version"] for each in scene.seen.events("signed in")} == {"TLSv1.3"}


def test_pop3_is_there_to_be_chosen(scene: Scene) -> None:
    with scene.thunderbird(scene.authority) as program:
        program.choose("pop3")
        assert program.settings() == {**FOUND, "incomingType": "pop3", "incomingPort": "995"}
        program.go_on()
        program.sign_in(scene.password)
        program.finish()
        assert program.read("tea").strip() == "At four, in the garden."
        program.send(GRACE, "cake", "And there will be cake.")

    assert [each["Subject"] for each in scene.server.messages(GRACE)] == ["cake"]
    assert scene.wire.look().ports & MAIL_PORTS == {995, 465}


@pytest.mark.parametrize("scene", [([HOST], [HOST])], ids=[""], indirect=True)
def test_without_autoconfig_it_guesses_the_same(scene: Scene) -> None:
    scene.server.add_account("bob@elsewhere.test")  # so that "ada" could be anybody's
    with scene.thunderbird(scene.authority) as program:
        assert program.settings() == {**FOUND, "sharedUsername": "ada"}
        assert BY_TRYING in program.said()
        program.go_on()
        program.sign_in(scene.password)
        program.finish()
        assert program.read("tea").strip() == "At four, in the garden."
        program.send(GRACE, "cake", "And there will be cake.")

    assert [each["Subject"] for each in scene.server.messages(GRACE)] == ["cake"]
    used = {(each["service"], each["tls"]) for each in scene.seen.events("signed in")}
    assert used == {("imap", "implicit"), ("submission", "implicit")}
    assert scene.seen.events("login failed") != []  # as "ada"; then with the whole address


def test_of_an_unknown_authority_it_takes_nothing(scene: Scene) -> None:
    with scene.thunderbird() as program:
        assert BY_TRYING in program.said()
        program.go_on()
        program.sign_in(scene.password)
        assert "The certificate is not trusted" in program.turn_away()
        program.has_said("Authentication error.")

    assert {status for *_, status in scene.seen.requests} == {301}  # over HTTP: to HTTPS
    assert_nobody_signed_in(scene)


@pytest.mark.parametrize("scene", [(ALL, [AUTOCONFIG])], ids=[""], indirect=True)
def test_a_certificate_for_another_name_is_not_taken(scene: Scene) -> None:
    with scene.thunderbird(scene.authority) as program:
        assert program.settings() == FOUND
        program.go_on()
        program.sign_in(scene.password)
        assert "belongs to a different site" in program.turn_away()
        program.has_said("Authentication error.")

    assert_nobody_signed_in(scene)


@pytest.mark.parametrize("scene", [(ALL, [HOST, AUTOCONFIG])], ids=[""], indirect=True)
def test_it_asks_where_the_web_site_of_the_domain_has_no_certificate(scene: Scene) -> None:
    """It looks there for address books, once the account is made: see docs/quirks.md."""
    with scene.thunderbird(scene.authority) as program:
        program.settings()
        program.go_on()
        program.sign_in(scene.password)
        assert "belongs to a different site" in program.turn_away()
        program.finish()
        assert program.read("tea").strip() == "At four, in the garden."


def test_by_hand_it_speaks_the_words_that_we_print(scene: Scene) -> None:
    """And puts right what cannot be: see docs/quirks.md."""
    words = clients()["thunderbird"].words
    with scene.thunderbird(scene.authority) as program:
        program.settings()
        choice = program.by_hand()
        assert choice == Choice(words.field, choice.words, words.implicit, "993")
        assert {words.implicit, words.starttls, words.none} < set(choice.words)
        assert words.port_follows is PortFollows.DEFAULT
        assert program.encrypt(words.starttls) == replace(
            choice, chosen=words.starttls, port="143"
        )
        program.window.type("#incomingPort", "993")
        assert program.test_by_hand() == choice


def assert_nobody_signed_in(scene: Scene) -> None:
    assert scene.seen.events("signed in", "login failed") == []
    assert "handshake failed" in {each["event"] for each in scene.seen.log.entries}
    assert not scene.wire.look().shows(scene.password)

"""Thunderbird, as a person meets it: name, address, app password; then mail is read and sent.

It stands in an island with our whole server at its public address and real ports, and finds the
settings in the DNS and the web of that island, where nobody's are but ours.  What it does by
itself is written down in docs/quirks.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mailclad.services.client_setup.clients import PortFollows, clients
from tests.certificates import make
from tests.dns.server import StubDns, in_thread
from tests.interop.island import island, needs_root
from tests.interop.mtas import Pki
from tests.interop.provider import (
    ADDRESS,
    AUTOCONFIG,
    DOMAIN,
    HOST,
    MAIL_PORTS,
    Provider,
    Seen,
    watched,
)
from tests.interop.thunderbird import MAIN, Choice, Thunderbird, screen
from tests.interop.wire import Wire

pytestmark = [
    pytest.mark.interop("thunderbird", "Xvfb", "unshare", "ip"),
    pytest.mark.xdist_group("thunderbird"),
    pytest.mark.slow,
    needs_root,
]

ALL = (HOST, AUTOCONFIG, DOMAIN)
ADA, GRACE = f"ada@{DOMAIN}", f"grace@{DOMAIN}"
LETTER = (
    f"From: Grace <{GRACE}>\r\nTo: {ADA}\r\nSubject: tea\r\n"
    "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@home.test>\r\n\r\n"
    "At four, in the garden.\r\n"
).encode()

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
) -> Iterator[Scene]:
    """Its parameter: the names in the DNS, and those in the certificate."""
    published, certified = getattr(request, "param", (ALL, ALL))
    dns.zones = {name: {"A": [ADDRESS]} for name in published}
    authority = make("a test's CA", authority=True)
    trusted = tmp_path / "authority.pem"
    trusted.write_bytes(authority.pem)
    files = Pki.written(tmp_path, "server", make(certified[0], certified, authority))
    with watched() as seen, Wire() as wire, Provider(files) as server:
        server.add_account(ADA)
        server.add_account(GRACE)
        server.deliver(LETTER, ADA)
        yield Scene(server, seen, wire, display, tmp_path, trusted, server.app_password(ADA))


def test_it_finds_the_settings_reads_and_sends(scene: Scene) -> None:
    with scene.thunderbird(scene.authority) as program:
        assert program.settings() == FOUND
        assert AT_THE_PROVIDER in program.said()
        sign_in_read_and_send(program, scene.password)
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
        sign_in_read_and_send(program, scene.password)

    assert [each["Subject"] for each in scene.server.messages(GRACE)] == ["cake"]
    assert scene.wire.look().ports & MAIL_PORTS == {995, 465}


@pytest.mark.parametrize("scene", [([HOST], [HOST])], ids=[""], indirect=True)
def test_without_autoconfig_it_guesses_the_same(scene: Scene) -> None:
    scene.server.add_account("bob@elsewhere.test")  # so that "ada" could be anybody's
    with scene.thunderbird(scene.authority) as program:
        assert program.settings() == {**FOUND, "sharedUsername": "ada"}
        assert BY_TRYING in program.said()
        sign_in_read_and_send(program, scene.password)

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

    assert {status for *_, status in scene.seen.requests} <= {301}  # over HTTP: to HTTPS
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


def test_our_own_autodiscover_keeps_it_from_asking_elsewhere(scene: Scene, dns: StubDns) -> None:
    """Where nothing of ours answers, it asks about that other domain: see docs/quirks.md."""
    elsewhere = "mail.elsewhere.test"
    service = {f"_autodiscover._tcp.{DOMAIN}": {"SRV": [f"0 0 443 {elsewhere}."]}}
    dns.zones = {**dns.zones, elsewhere: {"A": [ADDRESS]}, **service}
    with scene.thunderbird(scene.authority) as program:
        assert program.settings() == FOUND
        assert AT_THE_PROVIDER in program.said()
    asked = {(host, status) for _, host, path, status in scene.seen.requests if "autodisc" in path}
    assert (DOMAIN, 200) in asked


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


def sign_in_read_and_send(program: Thunderbird, password: str) -> None:
    program.go_on()
    program.sign_in(password)
    program.finish()
    assert program.read("tea").strip() == "At four, in the garden."
    program.send(GRACE, "cake", "And there will be cake.")


def assert_nobody_signed_in(scene: Scene) -> None:
    assert scene.seen.events("signed in", "login failed") == []
    assert "handshake failed" in {each["event"] for each in scene.seen.log.entries}
    assert not scene.wire.look().shows(scene.password)

"""The way out as the configuration describes it, and a message that goes from server to server."""

import asyncio
import smtplib
import ssl
from pathlib import Path

import pytest

from mailclad.app.build import App, build, prepare
from mailclad.app.certificates import Certificates, ensure_ca
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config, ConfigProblem, parse_config
from mailclad.app.delivering import check_password_files, make_routes, make_terms
from mailclad.app.settings.deliver import DeliverConfig, RouteConfig
from mailclad.app.settings.dns import DnsConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import TlsConfig
from mailclad.app.sockets import open_sockets
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.services.auth.password import Argon2id
from mailclad.store.model import ALL_UIDS, Column
from mailclad.store.queue import Change, QueueFilter
from mailclad.testing import MailServer
from tests.dns.server import StubDns

SERVER = '[server]\nhostname = "mail.here.test"\n'
SUBMISSION = ListenConfig(
    service=Service.SUBMISSION, tls=TlsMode.IMPLICIT, port=0, addresses=("127.0.0.1",)
)
ADA, ANN = "ada@example.test", "ann@here.test"
LETTER = b"From: ann@here.test\r\nSubject: hello\r\n\r\nhello\r\n"


def parse(text: str) -> Config:
    return parse_config(SERVER + text, Path("/etc/mailclad/mailclad.toml"))


def test_routes_and_limits(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    config = parse(
        f"""
[deliver]
connections = 8
[[deliver.route]]
domain = "*"
host = "smtp.provider.test"
port = 465
tls = "implicit"
login = "me"
password_file = "{tmp_path}/password"
[[deliver.route]]
domain = "Bücher.test"
policy = "encrypt"
connections = 2
"""
    )
    check_password_files(config)
    routes = make_routes(config.deliver, 4)
    found = routes.find("anything.test")
    assert found.level is TlsLevel.VERIFY
    assert found.relay is not None
    assert (found.relay.host, found.relay.port) == ("smtp.provider.test", 465)
    assert found.relay.tls is TlsMode.IMPLICIT
    assert found.relay.login is not None
    assert found.relay.login.password.reveal() == b"geheim"
    assert routes.find("xn--bcher-kva.test").level is TlsLevel.ENCRYPT
    terms = make_terms(config.deliver, "me", 4)
    assert (terms.connections, terms.leases.of("x.test")) == (2, 80)
    assert routes.find("xn--bcher-kva.test").connections == 1
    assert terms.leases.of("xn--bcher-kva.test") == 20


ROUTE = '[[deliver.route]]\ndomain = "x.test"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[deliver]\nsource = ["x"]', "deliver.source: line 4: “x” is not an IP address of th"),
        ('[deliver]\nsocks = "tor"', "deliver.socks: line 4: “tor” is not an IP address and a"),
        ('[[deliver.route]]\ndomain = "a b"', "deliver.route.domain: line 4: “a b” is not a dom"),
        (ROUTE + 'host = "a b"', "deliver.route.host: line 5: “a b” is not a host name or an"),
        (ROUTE + 'login = "me"', "deliver.route.login: line 5: needs a host beside it"),
        (
            ROUTE + 'host = "y.test"\nlogin = "me"',
            "deliver.route.login: line 6: needs password_file beside it",
        ),
        (
            ROUTE + 'host = "y.test"\ntls = "none"',
            'deliver.route.tls: line 6: use "starttls" or "implicit"',
        ),
        (
            ROUTE + 'host = "y"\nlogin = "m"\npassword_file = "p"\npolicy = "may"',
            "deliver.route.policy: line 8: a password is only given to a server that was verif",
        ),
        (
            '[[deliver.route]]\ndomain = "*"\nconnections = 3',
            "deliver.route.connections: line 5: is for one domain; for all of them: connect",
        ),
        (ROUTE + 'policy = "strict"', "deliver.route.policy: line 5: “strict” is none of: none"),
        (ROUTE + "connections = 0", "deliver.route.connections: line 5: expected a whole numb"),
    ],
)
def test_mistakes_are_named(text: str, said: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        parse(text)
    assert said in str(caught.value)


def test_a_password_file_that_is_not_there_is_named_before_the_start(tmp_path: Path) -> None:
    config = parse(ROUTE + 'host = "y.test"\nlogin = "m"\npassword_file = "/nowhere/p"')
    with pytest.raises(ConfigProblem, match=r"/nowhere/p: the password for y.test cannot be read"):
        check_password_files(config)


def submit(port: int, ca: Path, *recipients: str, options: tuple[str, ...] = ()) -> None:
    context = ssl.create_default_context(cafile=str(ca))
    with smtplib.SMTP_SSL("127.0.0.1", port, context=context) as client:
        client.login(ANN, "correct horse")
        client.sendmail(ANN, recipients, LETTER, options)


async def inbox(app: App, address: str = ANN) -> list[bytes]:
    owner = await app.store.find_account(address)
    stat = await app.store.stat(owner.id, "INBOX")
    found: list[bytes] = []
    async for rows in app.store.fetch(stat.id, ALL_UIDS, (Column.CONTENT,)):
        for (content,) in rows:
            body = await app.store.body(content)
            found.append(body.read(0, body.octets))
    return found


def test_from_server_to_server(
    tmp_path: Path, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ann submits; Ada has it on another server, which was verified; Ann hears of the others."""
    mail.add_account(ADA)
    monkeypatch.setenv("SSL_CERT_FILE", str(mail.ca))

    async def scenario(dns: StubDns) -> None:
        route = RouteConfig(
            domain="example.test", host="localhost", port=mail.port("smtp", "starttls")
        )
        host, port = dns.address
        config = Config(
            server=ServerConfig(hostname="mail.here.test", data=tmp_path),
            listen=(SUBMISSION,),
            tls=TlsConfig(private_ca=True, names=("127.0.0.1",)),
            dns=DnsConfig(servers=(f"{host}:{port}",)),
            deliver=DeliverConfig(route=(route,)),
        )
        chains = Certificates().start(config, SystemClock().now()).chains
        bound = open_sockets(config.listen, {})
        shared = prepare(config, bound, chains)
        app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
        await app.start()
        await app.provision().add_domain("here.test")
        await app.provision().add_account(ANN, Secret(b"correct horse"))
        to = (ADA, "nobody@example.test", "bob@null.test")
        await asyncio.to_thread(submit, bound[0].port, ensure_ca(config), *to)
        async with asyncio.timeout(20):
            while (await app.store.queue_counts()).messages:
                await asyncio.sleep(0.01)
        notices = await inbox(app)
        app.stop_accepting()
        await app.drain(1)
        await app.close()
        shared.throttle.close()
        assert len(notices) == 2
        assert any(b"Status: 5.1.10\r\n" in one for one in notices)
        assert any(b"nobody@example.test" in one for one in notices)

    async def main() -> None:
        zones = {"localhost": {"A": ["127.0.0.1"]}, "null.test": {"MX": ["0 ."]}}
        async with StubDns(zones) as dns:
            await scenario(dns)

    asyncio.run(main())
    (octets,) = mail.octets(ADA)
    assert b"\r\nSubject: hello\r\n" in octets
    assert b"by mail.here.test with ESMTPSA" in octets


class TurnedClock(SystemClock):
    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


@pytest.mark.rfc("4865", "4")
def test_held_mail_for_a_colleague(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes when its time has come; what was dropped before never does."""
    clock = TurnedClock()
    monkeypatch.setattr("mailclad.app.build.SystemClock", lambda: clock)
    monkeypatch.setattr("mailclad.services.deliver.departures.LOOK_SECONDS", 0.01)
    eve = "eve@here.test"

    async def main() -> None:
        config = Config(
            server=ServerConfig(hostname="mail.here.test", data=tmp_path),
            listen=(SUBMISSION,),
            tls=TlsConfig(private_ca=True, names=("127.0.0.1",)),
        )
        bound = open_sockets(config.listen, {})
        shared = prepare(config, bound, Certificates().start(config, clock.now()).chains)
        app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
        await app.start()
        await app.provision().add_domain("here.test")
        for address in (ANN, eve):
            await app.provision().add_account(address, Secret(b"correct horse"))

        def send() -> None:
            submit(bound[0].port, ensure_ca(config), eve, options=("HOLDFOR=3600",))

        await asyncio.to_thread(send)
        (dropped,) = (await app.store.queue_page()).messages
        which = QueueFilter(message=dropped.message.id)
        await app.store.change(Change.DROP, which, clock.now())
        await asyncio.to_thread(send)
        assert await inbox(app, eve) == []
        clock.ahead = 3601
        async with asyncio.timeout(20):
            while (await app.store.queue_counts()).messages:
                await asyncio.sleep(0.01)
        (octets,) = await inbox(app, eve)
        assert octets.count(b"Delivered-To: eve@here.test") == 1
        assert b"\r\nSubject: hello\r\n" in octets
        await app.drain(1)
        await app.close()
        shared.throttle.close()

    asyncio.run(main())

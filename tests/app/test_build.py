"""Without a certificate nothing promises TLS, and nobody can sign in (RFC 8314 §4)."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from mailclad.app.build import build, duties, prepare
from mailclad.app.client_endpoints import alpn_port, client_endpoints, doors_in
from mailclad.app.config import Config
from mailclad.app.settings.listen import DEFAULT_LISTEN, ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.sockets import open_sockets
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.auth.password import Argon2id
from mailclad.store.trace import Happening


def listen(service: Service) -> ListenConfig:
    return ListenConfig(service=service, tls=TlsMode.STARTTLS, port=0, addresses=("127.0.0.1",))


async def says(port: int, *lines: bytes) -> bytes:
    """All that the server answers until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(line + b"\r\n" for line in lines))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.rfc("8314", "4")
def test_starttls_is_not_offered_without_a_certificate(tmp_path: Path) -> None:
    config = Config(
        server=ServerConfig(hostname="localhost", data=tmp_path),
        listen=tuple(map(listen, (Service.SMTP, Service.IMAP, Service.POP3))),
    )

    async def scenario() -> list[bytes]:
        bound = open_sockets(config.listen, {})
        shared = prepare(config, bound, ())
        app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
        await app.start()
        smtp, imap, pop3 = (each.port for each in bound)
        answers = [
            await says(smtp, b"EHLO x", b"STARTTLS", b"QUIT"),
            await says(imap, b"a CAPABILITY", b"b LOGIN x y", b"c STARTTLS", b"d LOGOUT"),
            await says(pop3, b"CAPA", b"USER x", b"STLS", b"QUIT"),
        ]
        await app.drain(0)
        await app.close()
        shared.throttle.close()
        return answers

    smtp, imap, pop3 = asyncio.run(scenario())
    assert b"STARTTLS" not in smtp.partition(b"250 ")[0]
    assert b"250-STARTTLS" not in smtp
    assert b"220 2.0.0" not in smtp
    assert b"STARTTLS" not in imap.partition(b"a OK")[0]
    assert b"LOGINDISABLED" in imap
    assert b"b NO" in imap
    assert b"c OK" not in imap
    assert b"\r\nSTLS" not in pop3
    assert b"\r\nUSER" not in pop3


def test_programs_are_told_the_encrypted_ports_first_and_never_port_25() -> None:
    config = Config(server=ServerConfig(hostname="x.test"), listen=DEFAULT_LISTEN)
    told = client_endpoints("Mail.example.org", doors_in(config))
    assert [(one.protocol, one.host, one.port, one.tls) for one in told] == [
        (MailProtocol.IMAP, "mail.example.org", 993, TlsMode.IMPLICIT),
        (MailProtocol.POP3, "mail.example.org", 995, TlsMode.IMPLICIT),
        (MailProtocol.SUBMISSION, "mail.example.org", 465, TlsMode.IMPLICIT),
        (MailProtocol.SUBMISSION, "mail.example.org", 587, TlsMode.STARTTLS),
    ]


def test_the_port_where_mail_is_had_by_alpn() -> None:
    def port(lines: tuple[ListenConfig, ...]) -> int:
        return alpn_port(doors_in(Config(server=ServerConfig(hostname="x.test"), listen=lines)))

    pages = ListenConfig(service=Service.HTTPS, tls=TlsMode.IMPLICIT, port=443)
    others = tuple(line for line in DEFAULT_LISTEN if line.service is not Service.HTTPS)
    assert port((*others, pages)) == 443
    assert port(others) == 0
    assert port((*others, msgspec.structs.replace(pages, mail=False))) == 0
    no_imap = tuple(line for line in others if line.service is not Service.IMAP)
    assert port((*no_imap, pages)) == 0


@pytest.mark.slow
def test_domains_that_are_there_already_get_their_keys(tmp_path: Path) -> None:
    config = Config(server=ServerConfig(hostname="localhost", data=tmp_path), listen=())

    async def scenario() -> list[str]:
        shared = prepare(config, (), ())
        app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
        await app.store.add_domain("example.org")
        for _ in range(2):
            for duty in duties(app.parts):
                await duty.run()
        keys = await app.store.signing_keys()
        await app.close()
        shared.throttle.close()
        return [f"{key.domain} {key.kind} {key.state}" for key in keys]

    assert asyncio.run(scenario()) == ["example.org ed25519 active", "example.org rsa active"]


def test_what_comes_and_what_is_refused_is_in_the_trace(tmp_path: Path) -> None:
    config = Config(
        server=ServerConfig(hostname="localhost", data=tmp_path), listen=(listen(Service.SMTP),)
    )
    envelope = (b"EHLO x.example", b"MAIL FROM:<bob@x.example>", b"RCPT TO:<ada@example.org>")

    async def scenario() -> list[str]:
        bound = open_sockets(config.listen, {})
        shared = prepare(config, bound, ())
        app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
        await app.start()
        await says(bound[0].port, *envelope, b"QUIT")
        await app.provision().add_domain("example.org")
        await app.provision().add_account("ada@example.org")
        await says(bound[0].port, *envelope, b"DATA", b"Subject: x", b"", b"hello", b".", b"QUIT")
        lives = await app.store.trace("bob@x.example")
        await app.drain(0)
        await app.close()
        shared.throttle.close()
        return [event.happening for life in lives for event in life.events]

    assert asyncio.run(scenario()) == [Happening.REFUSED, Happening.RECEIVED]

"""IMAP and submission on the HTTPS port, for who asks by ALPN; browsers beside notice nothing."""

import email.message
import http.client
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from mailclad.app.config import Config
from mailclad.app.settings.listen import ListenConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.testing import MailServer

ADA, PASSWORD = "ada@example.test", "correct horse"
SERVICES = (Service.IMAP, Service.SUBMISSION, Service.HTTPS)


class Server(MailServer):
    def __init__(self, *, mail: bool = True, services: tuple[Service, ...] = SERVICES) -> None:
        super().__init__()
        self._mail, self._services = mail, services

    def _config(self) -> Config:
        usual = super()._config()
        lines = tuple(
            ListenConfig(
                service=one,
                tls=TlsMode.IMPLICIT,
                port=0,
                addresses=("127.0.0.1",),
                mail=self._mail or one is not Service.HTTPS,
            )
            for one in self._services
        )
        return Config(server=usual.server, tls=usual.tls, deliver=usual.deliver, listen=lines)


@dataclass(frozen=True)
class Door:
    server: Server

    def tls(self, *alpn: str, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.server.ca))
        context.set_alpn_protocols(list(alpn))
        return self.wrap(context, session)

    def wrap(
        self, context: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.server.port("https")), timeout=10)
        return context.wrap_socket(plain, server_hostname="localhost", session=session)


class Imap(imaplib.IMAP4):
    """imaplib on a socket that is there already."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._given = sock
        super().__init__()

    def open(self, *_: object) -> None:
        self.sock = self._given
        self.file = self.sock.makefile("rb")


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with Server() as server:
        server.add_account(ADA, password=PASSWORD)
        yield Door(server)


def test_mail_is_sent_and_read_through_it(door: Door) -> None:
    letter = email.message.EmailMessage()
    letter["From"] = letter["To"] = ADA
    letter["Subject"] = "through the wall"
    letter.set_content("Hello.")
    smtp = smtplib.SMTP()
    smtp.sock = door.tls("smtp")
    assert smtp.sock.selected_alpn_protocol() == "smtp"
    assert smtp.getreply()[0] == 220
    smtp.ehlo()
    smtp.login(ADA, PASSWORD)
    smtp.send_message(letter)
    smtp.quit()
    with Imap(door.tls("imap")) as imap:
        imap.login(ADA, PASSWORD)
        imap.select("INBOX")
        _, found = imap.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")
    assert b"through the wall" in b"".join(part[1] for part in found if isinstance(part, tuple))


def get(door: Door) -> int:
    with door.tls("h2", "http/1.1") as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"
        connection = http.client.HTTPConnection("localhost", door.server.port("https"))
        connection.sock = tls
        connection.request("GET", "/setup")
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_browsers_beside_it_get_pages(door: Door) -> None:
    with Imap(door.tls("imap")) as imap, ThreadPoolExecutor(8) as browsers:
        imap.login(ADA, PASSWORD)
        assert list(browsers.map(lambda _: get(door), range(40))) == [200] * 40
        assert imap.noop()[0] == "OK"


@pytest.mark.parametrize("alpn", ["pop3", "managesieve", "acme-tls/1", "ftp"])
def test_what_is_not_spoken_is_refused(door: Door, alpn: str) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        door.tls(alpn)


def test_who_asks_for_nothing_gets_pages(door: Door) -> None:
    with door.wrap(ssl.create_default_context(cafile=str(door.server.ca))) as tls:
        tls.sendall(b"GET /setup HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert tls.recv(12) == b"HTTP/1.1 200"


def test_a_page_does_not_come_out_of_the_mail_server(door: Door) -> None:
    """ALPACA: what a browser sends is not repeated to it."""
    with door.tls("imap") as tls:
        tls.recv(1000)
        tls.sendall(b"POST /<script>alert(1)</script> HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = tls.recv(1000)
    assert b"script" not in answer


def test_no_session_crosses_from_mail_to_pages(door: Door) -> None:
    context = ssl.create_default_context(cafile=str(door.server.ca))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["imap"])
    with door.wrap(context) as first:
        first.recv(1000)
        session = first.session
    with door.wrap(context, session) as again:
        assert again.session_reused
    context.set_alpn_protocols(["http/1.1"])
    with door.wrap(context, session) as other:
        assert not other.session_reused


@pytest.mark.parametrize(
    "server",
    [Server(mail=False), Server(services=(Service.SUBMISSION, Service.HTTPS))],
    ids=["switched off", "not offered at all"],
)
def test_only_what_is_offered(server: Server) -> None:
    with server, pytest.raises(ssl.SSLError):
        Door(server).tls("imap")

"""Ports with STARTTLS that, where it is switched on, understand who begins with TLS at once."""

import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator

import pytest

from mailclad.app.config import Config
from mailclad.app.settings.listen import ListenConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.testing import MailServer

ADA, PASSWORD = "ada@example.test", "correct horse"


class Forgiving(MailServer):
    def _config(self) -> Config:
        usual = super()._config()
        lines = tuple(
            ListenConfig(
                service=one,
                tls=TlsMode.STARTTLS,
                port=0,
                addresses=("127.0.0.1",),
                forgiving=True,
            )
            for one in (Service.IMAP, Service.SUBMISSION)
        )
        return Config(server=usual.server, tls=usual.tls, deliver=usual.deliver, listen=lines)


@pytest.fixture(scope="module")
def server() -> Iterator[Forgiving]:
    with Forgiving() as running:
        running.add_account(ADA, password=PASSWORD)
        yield running


def port(server: MailServer, service: str) -> int:
    return server.port(service, "starttls")


def test_tls_at_once(server: Forgiving) -> None:
    context = ssl.create_default_context(cafile=str(server.ca))
    with imaplib.IMAP4_SSL("localhost", port(server, "imap"), ssl_context=context) as imap:
        assert imap.login(ADA, PASSWORD)[0] == "OK"
        assert "STARTTLS" not in imap.capabilities
    with smtplib.SMTP_SSL("localhost", port(server, "submission"), context=context) as smtp:
        smtp.login(ADA, PASSWORD)
        assert not smtp.has_extn("starttls")


def test_starttls_as_ever(server: Forgiving) -> None:
    context = ssl.create_default_context(cafile=str(server.ca))
    with imaplib.IMAP4("localhost", port(server, "imap")) as imap:
        imap.starttls(context)
        assert imap.login(ADA, PASSWORD)[0] == "OK"
    with smtplib.SMTP("localhost", port(server, "submission")) as smtp:
        smtp.starttls(context=context)
        smtp.login(ADA, PASSWORD)


def test_a_password_in_the_clear_is_refused_as_ever(server: Forgiving) -> None:
    imap = imaplib.IMAP4("localhost", port(server, "imap"))
    with imap, pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
        imap.login(ADA, PASSWORD)


def test_who_leaves_or_talks_at_once_is_forgotten(server: Forgiving) -> None:
    for said in (b"", b"\x16", b"a NOOP\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port(server, "imap")), timeout=10) as sock:
            sock.sendall(said)
    test_tls_at_once(server)

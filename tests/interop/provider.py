"""A provider of an island: our whole server at its public address and real ports, with its web.

The ports with STARTTLS are open too, so that whoever does not use them does so by choice.  What
came is noted where it came in: requests before the pages, the rest in the log.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from mailclad.app.settings.tls import CertificateFiles, TlsConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.channel import Shell
from mailclad.servers.http import http_shell
from mailclad.services.auth.app_password import in_fours
from mailclad.testing import MailServer
from tests.interop.mtas import Pki

DOMAIN, HOST, ADDRESS = "home.test", "mail.home.test", "45.0.2.1"
AUTOCONFIG = f"autoconfig.{DOMAIN}"
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


class Provider(MailServer):
    """With a certificate of the test's choosing; nothing is sent to other servers."""

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
        making = self._running.app.provision().add_app_password(address, "a test's device")
        return in_fours(self._do(making).letters)


@dataclass
class Seen:
    """``requests`` are (method, host, path, status)."""

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

            await pages(scope, receive, note)

        return http_shell(application)


@contextmanager
def watched() -> Iterator[Seen]:
    """Servers that start meanwhile."""
    seen = Seen()
    structlog.configure(processors=[seen.log])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web, "http_shell", seen.recording)
        yield seen

"""Thunderbird finds our settings by itself, reads and sends."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailclad.app.config import Config
from mailclad.app.settings.deliver import DeliverConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import TlsConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.testing import MailServer
from tests.dns.server import StubDns, in_thread
from tests.interop.island import island, needs_root
from tests.interop.thunderbird import Thunderbird, screen

DOMAIN, HOST, ADDRESS = "home.test", "mail.home.test", "45.0.2.1"
ADA = f"ada@{DOMAIN}"
PORTS = (
    (Service.IMAP, TlsMode.IMPLICIT, 993),
    (Service.IMAP, TlsMode.STARTTLS, 143),
    (Service.POP3, TlsMode.IMPLICIT, 995),
    (Service.SUBMISSION, TlsMode.IMPLICIT, 465),
    (Service.SUBMISSION, TlsMode.STARTTLS, 587),
    (Service.HTTPS, TlsMode.IMPLICIT, 443),
)


class Provider(MailServer):
    def _config(self) -> Config:
        return Config(
            server=ServerConfig(hostname=HOST, data=self._directory),
            tls=TlsConfig(private_ca=True, names=(f"autoconfig.{DOMAIN}", DOMAIN)),
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


def test_x(tmp_path: Path, monkeypatch) -> None:
    asked = []

    from mailclad.app import web as app_web
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route
    from structlog.testing import LogCapture
    import structlog

    async def xml(request):
        return Response(XML, media_type="text/xml")

    def fake(facts):
        inner = real(facts)
        inner.routes.append(Route("/mail/config-v1.1.xml", xml))
        async def wrapped(scope, receive, send):
            if scope["type"] == "http":
                asked.append((scope["method"], dict(scope["headers"]).get(b"host"), scope["path"], scope["query_string"]))
            await inner(scope, receive, send)
        return wrapped
    real = app_web.start_application
    monkeypatch.setattr(app_web, "start_application", fake)
    log = LogCapture()
    structlog.configure(processors=[log])
    dns = StubDns({n: {"A": [ADDRESS]} for n in (DOMAIN, HOST, f"autoconfig.{DOMAIN}")})
    dns.address = ("127.0.0.1", 53)
    with ExitStack() as stack:
        stack.enter_context(island())
        stack.enter_context(in_thread(dns))
        server = stack.enter_context(Provider())
        server.add_account(ADA)
        server.add_account(f'grace@{DOMAIN}')
        server.deliver(b"From: bob@else.test\r\nTo: ada@home.test\r\nSubject: come to tea\r\n\r\nat four, in the garden\r\n", ADA)
        display = stack.enter_context(screen())
        folder = tmp_path / "tb"
        folder.mkdir()
        bird = stack.enter_context(Thunderbird.started(folder, display, server.ca))
        try:
            bird.look_for_settings("Ada Lovelace", ADA)
            print(bird.settings())
            bird.go_on()
            bird.sign_in("correct horse")
            bird.finish()
            print(bird.read("come to tea"))
            bird.send(f"grace@{DOMAIN}", "tea", "with pleasure")
            print(server.messages(f"grace@{DOMAIN}"))
        finally:
            print(asked)
            print(*log.entries, sep='\n')

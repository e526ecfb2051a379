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
    (Service.HTTPS, TlsMode.IMPLICIT, 8443),
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


def test_x(tmp_path: Path) -> None:
    asked = []

    class H(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.headers["Host"], self.path, dict(self.headers)))
            body = XML.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            asked.append((self.headers["Host"], self.path, dict(self.headers)))
            self.send_error(404)

    dns = StubDns({n: {"A": [ADDRESS]} for n in (DOMAIN, HOST, f"autoconfig.{DOMAIN}")})
    dns.address = ("127.0.0.1", 53)
    with ExitStack() as stack:
        stack.enter_context(island())
        stack.enter_context(in_thread(dns))
        server = stack.enter_context(Provider())
        server.add_account(ADA)
        server.deliver(b"From: bob@else.test\r\nTo: ada@home.test\r\nSubject: come to tea\r\n\r\nat four, in the garden\r\n", ADA)
        web = http.server.ThreadingHTTPServer((ADDRESS, 443), H)
        import glob
        print(list(Path(server._directory).rglob("*.pem")))
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        import subprocess
        pem = sorted(Path(server._directory).rglob("*.pem"))
        from tests.certificates import make
        ca = make("another CA", authority=True)
        from tests.interop.mtas import Pki
        pki = Pki.made(tmp_path, f"autoconfig.{DOMAIN}", ca)
        cafile = tmp_path / "webca.pem"
        cafile.write_bytes(ca.pem)
        c.load_cert_chain(pki.certificate, pki.key)
        web.socket = c.wrap_socket(web.socket, server_side=True)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        display = stack.enter_context(screen())
        folder = tmp_path / "tb"
        folder.mkdir()
        bird = stack.enter_context(Thunderbird.started(folder, display, server.ca, cafile))
        try:
            bird.look_for_settings("Ada Lovelace", ADA)
            print(bird.found())
            print(bird.said())
            bird.go_on()
            bird.window.type("#emailPasswordSubview #password", "correct horse")
            bird.go_on()
            import time
            time.sleep(5)
            print(bird.said())
            bird.window.picture(Path("/tmp/tb2.png"))
        finally:
            print(asked)
            print(dns.asked)
            web.shutdown()

"""A submission server as someone on the way shows it: STARTTLS is gone, sign-in is offered."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.settings import ClientSettings


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    heard: list[bytes]


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        self.wfile.write(b"220 localhost ESMTP\r\n")
        while line := self.rfile.readline(2000):
            self.server.heard.append(line)
            self.wfile.write(_REPLIES.get(line[:4].upper(), b"250 OK\r\n"))
            if line[:4].upper() == b"QUIT":
                break


_REPLIES = {
    b"EHLO": b"250-localhost\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n",
    b"STAR": b"502 5.5.1 no such command\r\n",
    b"AUTH": b"235 2.7.0 welcome\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}


@contextmanager
def stripped(settings: ClientSettings) -> Iterator[tuple[ClientSettings, list[bytes]]]:
    """The settings that lead there, and the lines that were sent."""
    with _Server(("127.0.0.1", 0), _Connection) as server:
        server.heard = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoints = tuple(
            replace(one, port=server.server_address[1])
            if one.protocol is MailProtocol.SUBMISSION
            else one
            for one in settings.endpoints
        )
        yield replace(settings, endpoints=endpoints), server.heard
        server.shutdown()

"""What a person does with the files written for a program: puts them into a fresh home."""

import contextlib
import os
import shlex
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files import FILES
from mailclad.services.client_setup.settings import ClientSettings
from tests.interop.demo import Demo

SERVICES = {
    "imap": MailProtocol.IMAP,
    "pop3": MailProtocol.POP3,
    "submission": MailProtocol.SUBMISSION,
}

WRONG_NAME = "127.0.0.2"
"""Not in the demo's certificate."""


@dataclass(frozen=True)
class Home:
    """The files of one program, unchanged, and the environment that it starts with."""

    folder: Path
    pieces: tuple[Path, ...]
    environment: dict[str, str]


def demo_settings(demo: Demo, *tls: str) -> ClientSettings:
    """Of Ada, with only these ways to TLS."""
    endpoints = tuple(
        Endpoint(SERVICES[service], "localhost", port, TlsMode(way))
        for (service, way), port in demo.ports.items()
        if service in SERVICES and way in tls
    )
    domain = demo.ada.rpartition("@")[2]
    return ClientSettings(demo.ada, domain, endpoints, "Ada Lovelace", demo.ca)


def home(demo: Demo, client: str, settings: ClientSettings, folder: Path) -> Home:
    """The password comes by the command or by the variable, whatever the program asks."""
    password = demo.passwords[demo.ada]
    secret = folder / 'the "password" 100%s #$;'
    secret.write_text(password)
    pieces = []
    for number, file in enumerate(FILES[client](settings, f"cat {shlex.quote(str(secret))}")):
        path = folder / (file.path or f"piece-{number}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
        path.chmod(0o600)
        pieces.append(path)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MAIL_PASSWORD": password,
        "LC_ALL": "C.UTF-8",
    }
    return Home(folder, tuple(pieces), environment)


def unknown_ca(settings: ClientSettings) -> ClientSettings:
    """The demo's own authority is known to no system."""
    return replace(settings, trust_file="")


@contextlib.contextmanager
def wrong_name(settings: ClientSettings) -> Iterator[ClientSettings]:
    """The same server by an address that its certificate does not name; the program reaches it."""
    with contextlib.ExitStack() as stack:
        relays = {one: stack.enter_context(_Relay(one.port)) for one in settings.endpoints}
        for relay in relays.values():
            threading.Thread(target=relay.serve_forever, daemon=True).start()
            stack.callback(relay.shutdown)
        yield replace(
            settings,
            endpoints=tuple(
                replace(one, host=WRONG_NAME, port=relay.server_address[1])
                for one, relay in relays.items()
            ),
        )
        assert any(relay.answered.is_set() for relay in relays.values())


class _Relay(socketserver.ThreadingTCPServer):
    """Passes octets on, from a port of ``WRONG_NAME`` to one of localhost."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = threading.Event()
        super().__init__((WRONG_NAME, 0), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    server: _Relay  # type: ignore[mutable-override]

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.port)) as far:
            back = threading.Thread(target=_copy, args=(far, self.request, self.server.answered))
            back.start()
            _copy(self.request, far, threading.Event())
            back.join()


def _copy(source: socket.socket, target: socket.socket, came: threading.Event) -> None:
    """Until the source ends."""
    with contextlib.suppress(OSError):
        while octets := source.recv(65_536):
            came.set()
            target.sendall(octets)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)

"""``Zoo``: all broken servers at once, on a thread and ports of their own."""

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.mail.address import normalise_domain
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.testing.zoo.certificates import CertificateZoo, make_zoo
from mailclad.testing.zoo.faults import FAULTS, HEALTHY, Door, Fault
from mailclad.testing.zoo.naming import Names
from mailclad.testing.zoo.oddities import meet
from mailclad.testing.zoo.peer import Peer
from mailclad.testing.zoo.ports import BEGIN, NUMBERS, Section, section_of
from mailclad.testing.zoo.publisher import publish
from mailclad.testing.zoo.server import Server, converse
from mailclad.testing.zoo.terms import Terms

ADDRESS = "127.0.0.1"
HOST = "localhost"

START_SECONDS = 30.0
"""Longer than any machine needs; a test must not wait for ever."""

LATE_SECONDS = 7.0
"""How long the server waits that greets late; postscreen lets strangers wait for six."""

T = TypeVar("T")
Serve = Callable[[Peer], Coroutine[Any, Any, None]]


class PortTaken(Exception):
    """One of the zoo's ports is somebody else's."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One port.  ``endpoint`` is what a program is told: localhost, or a name below it.
    ``finds``: the catalogue's entries that a check must find."""

    name: str
    about: str
    endpoint: Endpoint
    finds: tuple[str, ...] = ()

    @property
    def port(self) -> int:
        return self.endpoint.port

    @property
    def host(self) -> str:
        return self.endpoint.host

    @property
    def section(self) -> Section:
        return section_of(self.name)


class Zoo(Mapping[str, Exhibit]):
    """Open between ``start`` and ``stop``, or in a ``with`` statement.

    ``names`` limits it to some exhibits; ``address`` is where it listens, ``begin`` what is added
    to the exhibits' numbers to get their ports; without it they are any that are free.
    """

    def __init__(
        self,
        *names: str,
        now: datetime | None = None,
        address: str = ADDRESS,
        begin: int | None = None,
        late_seconds: float = LATE_SECONDS,
    ) -> None:
        unknown = set(names) - set(NUMBERS)
        if unknown:
            raise KeyError(f"The zoo has no exhibit {', '.join(sorted(unknown))}.")
        self._names = names or tuple(NUMBERS)
        self._now = now
        self._address = address
        self._begin = begin
        self._late_seconds = late_seconds
        self._exhibits: dict[str, Exhibit] = {}
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._directory = Path(tempfile.mkdtemp(prefix="mailclad-zoo-"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="zoo", daemon=True)

    @property
    def ca(self) -> Path:
        """The file (PEM) of the only authority that is trusted in the zoo's world."""
        return self._directory / "ca.pem"

    @property
    def healthy(self) -> tuple[Exhibit, ...]:
        """A server of each kind that has no fault."""
        return tuple(self[name] for name in HEALTHY if name in self)

    def __getitem__(self, name: str) -> Exhibit:
        return self._exhibits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._exhibits)

    def __len__(self) -> int:
        return len(self._exhibits)

    @cached_property
    def certificates(self) -> CertificateZoo:
        host, port = self._publisher.getsockname()
        names = Names(HOST, HOST, f"http://{host}:{port}")
        return make_zoo(self._now or datetime.now(UTC), names)

    def start(self) -> Self:
        """Returns when every port accepts; raises PortTaken."""
        self._thread.start()
        try:
            self._do(self._open())
        except BaseException:
            self.stop()
            raise
        self.ca.write_bytes(
            b"".join(
                x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM)
                for one in self.certificates.store
            )
        )
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._do(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        for sock in self._sockets:
            sock.close()
        self._loop.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _bind(self, number: int) -> socket.socket:
        """Raises PortTaken."""
        port = 0 if self._begin is None else self._begin + number
        sock = socket.socket()
        self._sockets.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self._address, port))
        except OSError as problem:
            raise PortTaken(f"Port {port} cannot be had: {problem.strerror}.") from None
        return sock

    @cached_property
    def _publisher(self) -> socket.socket:
        return self._bind(0)

    # --- on the zoo's own thread ---

    async def _open(self) -> None:
        await self._listen(self._publisher, partial(publish, self.certificates.published))
        faults = _faults(self.certificates)
        for name in self._names:
            fault, host = faults[name]
            sock = self._bind(NUMBERS[name])
            port = sock.getsockname()[1]
            self._exhibits[name] = _exhibit(name, fault, host, port)
            if fault.door is Door.OPEN:
                await self._listen(sock, self._serve(fault))
            elif fault.door is Door.FULL:
                self._fill(sock)

    async def _listen(self, sock: socket.socket, serve: Serve) -> None:
        self._servers.append(await asyncio.start_server(partial(_accept, serve), sock=sock))

    def _fill(self, sock: socket.socket) -> None:
        """One connection waits to be taken for ever, and there is room for no more."""
        sock.listen(0)
        waiting = socket.socket()
        self._sockets.append(waiting)
        waiting.connect(sock.getsockname())

    def _serve(self, fault: Fault) -> Serve:
        if fault.oddity is not None:
            return partial(meet, fault.oddity)
        server = Server(
            fault.speaks or fault.protocol,
            fault.begins or fault.tls,
            fault.terms,
            fault.habits,
            self.certificates,
            self._late_seconds,
        )
        return partial(converse, server)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)


def all_exhibits(begin: int = BEGIN) -> tuple[Exhibit, ...]:
    """As they are when the zoo begins there; nothing is opened."""
    faults = _faults(make_zoo(datetime.now(UTC), Names(HOST, HOST)))
    return tuple(_exhibit(name, *faults[name], begin + NUMBERS[name]) for name in NUMBERS)


def _exhibit(name: str, fault: Fault, host: str, port: int) -> Exhibit:
    return Exhibit(name, fault.about, Endpoint(fault.protocol, host, port, fault.tls), fault.finds)


async def _accept(
    serve: Serve, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await serve(Peer(reader, writer))


def _faults(certificates: CertificateZoo) -> Mapping[str, tuple[Fault, str]]:
    """All exhibits, with the host that a program asks for."""
    known = {name: (fault, HOST) for name, fault in FAULTS.items()}
    for name, one in certificates.certificates.items():
        entries = tuple(entry for _, entry in one.finds)
        host = normalise_domain(one.host.removesuffix("."))
        protocol = MailProtocol.HTTPS if host.startswith("autoconfig.") else MailProtocol.IMAP
        known[name] = (Fault(one.about, entries, protocol, terms=Terms(name)), host)
    return MappingProxyType(known)

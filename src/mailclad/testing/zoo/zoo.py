"""``Zoo``: all broken servers at once, on a thread and ports of their own."""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.mail.address import normalise_domain
from mailclad.mail.endpoint import Endpoint
from mailclad.testing.zoo.certificates import HOST, CertificateZoo, make_zoo
from mailclad.testing.zoo.faults import FAULTS, HEALTHY, Fault
from mailclad.testing.zoo.oddities import meet
from mailclad.testing.zoo.peer import Peer
from mailclad.testing.zoo.server import Server, converse
from mailclad.testing.zoo.terms import Terms

ADDRESS = "127.0.0.1"

START_SECONDS = 30.0
"""Longer than any machine needs; a test must not wait for ever."""

LATE_SECONDS = 10.0
"""How long the server waits that greets late."""

T = TypeVar("T")
Serve = Callable[[Peer], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One port.  ``endpoint`` is what a program is told: its host is a name that leads to the
    zoo's address in its world.  ``finds``: the catalogue's entries that a check must find."""

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


class Zoo(Mapping[str, Exhibit]):
    """Open between ``start`` and ``stop``, or in a ``with`` statement.

    ``names`` limits it to some exhibits; ``address`` is where it listens.
    """

    def __init__(
        self,
        *names: str,
        now: datetime | None = None,
        address: str = ADDRESS,
        late_seconds: float = LATE_SECONDS,
    ) -> None:
        self.certificates: CertificateZoo = make_zoo(now or datetime.now(UTC))
        self._faults = _faults(self.certificates)
        self._names = names or tuple(self._faults)
        unknown = set(self._names) - set(self._faults)
        if unknown:
            raise KeyError(f"The zoo has no exhibit {', '.join(sorted(unknown))}.")
        self._address = address
        self._late_seconds = late_seconds
        self._exhibits: dict[str, Exhibit] = {}
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

    def start(self) -> Self:
        """Returns when every port accepts."""
        self.ca.write_bytes(
            b"".join(
                x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM)
                for one in self.certificates.store
            )
        )
        self._thread.start()
        self._do(self._open())
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._do(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
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

    # --- on the zoo's own thread ---

    async def _open(self) -> None:
        for name in self._names:
            fault, host = self._faults[name]
            serve = self._serve(fault)
            server = await asyncio.start_server(partial(_accept, serve), self._address, 0)
            self._servers.append(server)
            port = server.sockets[0].getsockname()[1]
            endpoint = Endpoint(fault.protocol, host, port, fault.tls)
            self._exhibits[name] = Exhibit(name, fault.about, endpoint, fault.finds)

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
        known[name] = (Fault(one.about, entries, terms=Terms(name)), host)
    return MappingProxyType(known)

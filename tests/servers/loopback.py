"""A listener on loopback in a thread of its own, so that foreign blocking clients can be peers."""

import asyncio
import concurrent.futures
import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import uvloop

from mailclad.base.in_clear import InClear
from mailclad.base.tls_policy import Service, TlsFacts, TlsMode
from mailclad.servers.admission import Admission, Limits
from mailclad.servers.channel import Channel, Shell
from mailclad.servers.listener import Listener, Listening, Spoken, Witness, listen
from mailclad.servers.recorder import Recorder
from mailclad.servers.tls import ContextTable
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.servers.tls_transport import TlsTransport
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.private_ca import PrivateCa, ensure_private_ca, issue_leaf
from mailclad.services.receive.networks import Networks

T = TypeVar("T")

WAIT_SECONDS = 20.0
"""No test waits longer for anything; none comes near it."""

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}

NAME = "mail.test"


def run_on(loop: str, work: Callable[[], Awaitable[Any]]) -> Any:
    """Run it on an event loop of this kind, for no longer than any test waits."""

    async def limited() -> Any:
        async with asyncio.timeout(WAIT_SECONDS):
            return await work()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(limited())


def make_ca(directory: Path) -> PrivateCa:
    return ensure_private_ca(directory, ["test", "127.0.0.1", "::1"], datetime.now(UTC))


def leaf(ca: PrivateCa, *names: str) -> CertificateChain:
    return issue_leaf(ca, names or (NAME, "127.0.0.1"), datetime.now(UTC))


class _Witness(Witness):
    """Keeps failures, and hands all on."""

    def __init__(
        self, failures: "queue.Queue[HandshakeFailed]", recorder: Recorder | None
    ) -> None:
        self._failures, self._recorder = failures, recorder

    def arrived(self, channel: Channel, transport: TlsTransport) -> None:
        if self._recorder is not None:
            self._recorder.arrived(channel, transport)

    def encrypted(self, channel: Channel) -> None:
        if self._recorder is not None:
            self._recorder.encrypted(channel)

    def tried_in_clear(self, channel: Channel, what: InClear) -> None:
        if self._recorder is not None:
            self._recorder.tried_in_clear(channel, what)

    def failed(self, channel: Channel, failure: HandshakeFailed) -> None:
        if self._recorder is not None:
            self._recorder.failed(channel, failure)
        self._failures.put(failure)

    def ended(self, channel: Channel) -> None:
        if self._recorder is not None:
            self._recorder.ended(channel)


class Server:
    """One listener; ``facts`` and ``failures`` are queues of what happened in it."""

    def __init__(
        self,
        loop: str,
        shell: Shell,
        contexts: ContextTable | None,
        *,
        service: Service = Service.IMAP,
        mode: TlsMode = TlsMode.IMPLICIT,
        limits: Limits | None = None,
        sock: socket.socket | None = None,
        proxies: Networks = Networks(),
        recorder: Recorder | None = None,
        by_alpn: Mapping[bytes, Spoken] = MappingProxyType({}),
    ) -> None:
        self.admission = Admission(limits or Limits())
        self.facts: queue.Queue[TlsFacts] = queue.Queue()
        self.failures: queue.Queue[HandshakeFailed] = queue.Queue()
        self._recorder = recorder
        self._by_alpn = by_alpn
        self._new_loop = LOOPS[loop]
        self._shell = shell
        self._contexts = contexts
        self._listening = Listening(service, mode, (sock or listening_socket(),), proxies)
        self.address = self._listening.sockets[0].getsockname()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: Listener | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._started = threading.Event()

    @property
    def port(self) -> int:
        return int(self.address[1])

    @property
    def listener(self) -> Listener:
        assert self._listener is not None
        return self._listener

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something inside the server's loop."""
        assert self._loop is not None
        future: concurrent.futures.Future[T] = asyncio.run_coroutine_threadsafe(
            coroutine, self._loop
        )
        return future.result(WAIT_SECONDS)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait, turn by turn of the server's loop, until something is so."""

        async def turns() -> None:
            async with asyncio.timeout(WAIT_SECONDS):
                while not condition():
                    await asyncio.sleep(0.001)

        self.run(turns())

    def connect(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def failure(self) -> HandshakeFailed:
        return self.failures.get(timeout=WAIT_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(WAIT_SECONDS)
        return self

    def __exit__(self, *exc: object) -> None:
        self.run(self.listener.drain(1))
        self.until(lambda: self.admission.connections == 0)
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_SECONDS)
        assert self.admission.handshakes == 0
        assert self.admission.not_signed_in == 0

    async def _watched(self, channel: Channel) -> None:
        if channel.tls is not None:
            self.facts.put(channel.tls)
        await self._shell(channel)

    def _work(self) -> None:
        self._loop = loop = self._new_loop()
        asyncio.set_event_loop(loop)
        self._listener = loop.run_until_complete(
            listen(
                self._listening,
                self._contexts,
                self._watched,
                self.admission,
                witness=_Witness(self.failures, self._recorder),
                by_alpn=self._by_alpn,
            )
        )
        loop.call_soon(self._started.set)
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def listening_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(1024)
    sock.setblocking(False)
    return sock


async def echo(channel: Channel) -> None:
    """Send everything back."""
    channel.set_deadline(WAIT_SECONDS)
    while data := await channel.receive():
        channel.write(data)
        await channel.drain()


async def starttls_lines(channel: Channel) -> None:
    """Speak a protocol of lines: STARTTLS begins TLS, anything else is answered by itself."""
    channel.set_deadline(WAIT_SECONDS)
    held = b""
    while data := await channel.receive():
        held += data
        while b"\n" in held:
            line, _, held = held.partition(b"\n")
            if line.strip() == b"STARTTLS":
                # as an engine does: octets behind the line are not handed back to the channel
                if held:
                    return
                await channel.start_tls(b"220 go\r\n")
            else:
                channel.write(b"you said " + line.strip() + b"\r\n")
                await channel.drain()


def client_context(
    ca: PrivateCa | None,
    version: ssl.TLSVersion | None = None,
    alpn: Sequence[str] = (),
) -> ssl.SSLContext:
    """Make a strict foreign client; without a CA it trusts nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if ca is not None:
        context.load_verify_locations(ca.certificate_file)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@contextlib.contextmanager
def tls_client(
    server: Server,
    context: ssl.SSLContext,
    name: str | None = NAME,
    session: ssl.SSLSession | None = None,
) -> Iterator[ssl.SSLSocket]:
    with (
        server.connect() as sock,
        context.wrap_socket(sock, server_hostname=name, session=session) as tls,
    ):
        yield tls


def read_exactly(sock: socket.socket, octets: int) -> bytes:
    gathered = bytearray()
    while len(gathered) < octets:
        piece = sock.recv(octets - len(gathered))
        if not piece:
            break
        gathered += piece
    return bytes(gathered)


def read_to_end(sock: socket.socket) -> bytes:
    """Read until the peer closes; a reset counts as the end."""
    gathered = bytearray()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := sock.recv(65536):
            gathered += piece
    return bytes(gathered)

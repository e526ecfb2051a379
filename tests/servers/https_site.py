"""An HTTPS server on loopback that says what it is told, octet for octet.

    async with Site(certificate) as site:
        site.answer = plain(b"hello")
        ... site.port ...
        assert site.requests[0].startswith(b"GET /")

It runs in the event loop of the test, on the standard library's TLS: a foreign peer.
Without a certificate it speaks HTTP in the clear.
"""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from tests.certificates import Made


def plain(body: bytes, *, media_type: str = "text/plain", status: str = "200 OK") -> list[bytes]:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return [head.encode() + body]


class Site:
    """``answer`` are the pieces of what is sent, each behind a pause.

    ``hang`` keeps the connection open behind the last one; ``rude`` ends it without a goodbye.
    """

    def __init__(
        self, certificate: Made | None, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.answer: Iterable[bytes] = plain(b"hello")
        self.hang = False
        self.rude = False
        self.pause_seconds = 0.0
        self.requests: list[bytes] = []
        self.server_names: list[str | None] = []
        self.port = port
        self._address = address
        self._context = self._tls(certificate) if certificate is not None else None
        self._tasks: set[asyncio.Task[None]] = set()

    def _tls(self, certificate: Made) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served = certificate.served()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pair.pem"
            file.write_bytes(served.chain_pem + served.key_pem.reveal())
            context.load_cert_chain(file)
        context.sni_callback = lambda _, name, __: self.server_names.append(name)
        return context

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve,
            self._address,
            self.port,
            ssl=self._context,
            ssl_handshake_timeout=20 if self._context is not None else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        if self.rude:
            writer.transport.abort()
        writer.close()
        self._tasks.discard(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        octets = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        self.requests.append(head + await reader.readexactly(int(octets or b"0")))
        for piece in self.answer:
            await asyncio.sleep(self.pause_seconds)
            writer.write(piece)
            await writer.drain()
        if self.hang:
            await reader.read()

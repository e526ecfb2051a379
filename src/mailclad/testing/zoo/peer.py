"""A client of the zoo's: lines in clear and under TLS."""

import asyncio
import contextlib
import socket
import struct

from OpenSSL import SSL

from mailclad.protocols.tls.client_hello import ClientHello, NeedMore, read_client_hello
from mailclad.testing.zoo.certificates import CertificateZoo
from mailclad.testing.zoo.terms import AlpnRefused, Terms

_PIECE = 16 * 1024
_LINE_OCTETS = 8 * 1024


class Gone(Exception):
    """The client closed, or TLS came to nothing."""


class Peer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._held = bytearray()
        self._tls: SSL.Connection | None = None

    @property
    def is_encrypted(self) -> bool:
        return self._tls is not None

    async def say(self, octets: bytes) -> None:
        if self._tls is None:
            await self._send(octets)
        else:
            self._tls.sendall(octets)
            await self._flush(self._tls)

    async def line(self) -> bytes:
        """Return the next line without its end; raises Gone."""
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > _LINE_OCTETS:
                raise Gone
            self._held += await self._more()
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        return line.removesuffix(b"\r")

    async def hear_anything(self) -> bytes:
        return await self._more()

    def forget(self) -> None:
        """What was sent in clear behind STARTTLS."""
        self._held.clear()

    async def begin_tls(self, terms: Terms, zoo: CertificateZoo) -> None:
        """Raises Gone."""
        flight = b""
        while isinstance(hello := read_client_hello(flight), NeedMore):
            flight += await self._raw()
        if not isinstance(hello, ClientHello):
            raise Gone
        named = hello.server_name is not None
        alert = terms.alert(named=named)
        if alert is not None:
            await self._send(bytes((21, 3, 3, 0, 2, 2, alert)))
            raise Gone
        connection = SSL.Connection(terms.context(zoo, named=named))
        connection.set_accept_state()
        connection.bio_write(flight)
        await self._shake(connection)
        self._tls = connection

    async def linger(self) -> None:
        """Wait until the client closes."""
        with contextlib.suppress(Gone):
            while True:
                await self._more()

    def close(self) -> None:
        if self._tls is not None:
            with contextlib.suppress(SSL.Error):
                self._tls.shutdown()
                self._writer.write(self._tls.bio_read(_PIECE))
        self._writer.close()

    def reset(self) -> None:
        """End the connection by RST."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _shake(self, connection: SSL.Connection) -> None:
        while True:
            try:
                connection.do_handshake()
            except SSL.WantReadError:
                await self._flush(connection)
                connection.bio_write(await self._raw())
            except (SSL.Error, AlpnRefused):
                await self._flush(connection)
                raise Gone from None
            else:
                await self._flush(connection)
                return

    async def _more(self) -> bytes:
        if self._tls is None:
            return await self._raw()
        while True:
            try:
                return self._tls.recv(_PIECE)
            except SSL.WantReadError:
                await self._flush(self._tls)
                self._tls.bio_write(await self._raw())
            except SSL.Error:
                await self._flush(self._tls)
                raise Gone from None

    async def _flush(self, connection: SSL.Connection) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while True:
                await self._send(connection.bio_read(_PIECE))

    async def _raw(self) -> bytes:
        try:
            octets = await self._reader.read(_PIECE)
        except OSError:
            raise Gone from None
        if not octets:
            raise Gone
        return octets

    async def _send(self, octets: bytes) -> None:
        try:
            self._writer.write(octets)
            await self._writer.drain()
        except OSError:
            raise Gone from None

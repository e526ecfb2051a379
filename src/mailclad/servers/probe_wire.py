"""A connection to look at a server with: octets in clear, then under TLS; what became of it.

Comes in: an IP address and a port; octets of an untrusted server.  Goes out: octets, or
``Unreached`` and ``Ended`` that say what the network did.  Limits: octets that one connection may
bring; time is its caller's to keep.
"""

import asyncio
import errno
import ipaddress
import os
from dataclasses import dataclass

from mailclad.servers.tls_failure import StreamBroken
from mailclad.servers.tls_probe import Attempt
from mailclad.services.diagnose.facts import Reach

CONNECTION_OCTETS = 512 * 1024
"""Of all that a server says on one connection: a handshake of 128 KB and three answers of 64."""

_PIECE = 16 * 1024

_REACHES = {
    errno.ECONNREFUSED: Reach.REFUSED,
    errno.ECONNRESET: Reach.RESET,
    errno.ETIMEDOUT: Reach.SILENT,
}


class Unreached(Exception):
    """No connection; ``reach`` is how."""

    def __init__(self, reach: Reach, detail: str) -> None:
        super().__init__(detail)
        self.reach = reach
        self.detail = detail


class Ended(Exception):
    """The server closed, reset, or said too much; the text says which."""


@dataclass(slots=True)
class Wire:
    """One TCP connection; under TLS once ``handshake`` has succeeded."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _left: int = CONNECTION_OCTETS
    _tls: Attempt | None = None

    @classmethod
    async def open(cls, address: str, port: int, seconds: float) -> "Wire":
        """Raises Unreached."""
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_connection(address, port, limit=_PIECE)
        except TimeoutError:
            raise Unreached(Reach.SILENT, f"no answer in {seconds:g} seconds") from None
        except OSError as problem:
            reach = _REACHES.get(problem.errno or 0, Reach.UNREACHABLE)
            raise Unreached(reach, _words(problem)) from None
        return cls(reader, writer)

    @property
    def own_literal(self) -> str:
        """Our side's address, as clients without a name greet (RFC 5321 §4.1.3)."""
        address = ipaddress.ip_address(self._writer.get_extra_info("sockname")[0])
        return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"

    async def send(self, octets: bytes) -> None:
        """Raises Ended."""
        try:
            if octets and self._tls is not None:
                octets = self._tls.encrypt(octets)
            self._writer.write(octets)
            await self._writer.drain()
        except OSError as problem:
            raise Ended(_words(problem)) from None

    async def receive(self) -> bytes:
        """Return some octets; raises Ended."""
        if self._tls is None:
            return await self._raw()
        while (plaintext := self._decrypt(self._tls)) is None:
            self._tls.session.feed(await self._raw())
        if not plaintext:
            raise Ended("the server closed the connection")
        return plaintext

    async def handshake(self, attempt: Attempt, seconds: float) -> None:
        """Come to TLS, or to a reason why not, which is in ``attempt.seen``; never raises."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(seconds):
                await self.send(attempt.begin())
                while not attempt.is_over:
                    await self.send(attempt.take(await self._raw()))
        except TimeoutError:
            attempt.give_up(f"no answer in {seconds:g} seconds", silent=True)
        except Ended as ended:
            attempt.give_up(str(ended))
        attempt.seconds = loop.time() - began
        if attempt.seen.done:
            self._tls = attempt

    def close(self) -> None:
        """Say goodbye, as far as anybody listens; does not wait."""
        if self._tls is not None and not self._writer.is_closing():
            self._writer.write(self._tls.session.goodbye())
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def _raw(self) -> bytes:
        try:
            octets = await self._reader.read(_PIECE)
        except OSError as problem:
            raise Ended(_words(problem)) from None
        self._left -= len(octets)
        if self._left < 0:
            raise Ended(f"more than {CONNECTION_OCTETS} octets")
        if not octets:
            raise Ended("the server closed the connection")
        return octets

    @staticmethod
    def _decrypt(tls: Attempt) -> bytes | None:
        try:
            return tls.session.decrypt()
        except StreamBroken as broken:
            tls.read_failed(broken)
            raise Ended(str(broken)) from None


def _words(problem: OSError) -> str:
    """The system's, without asyncio's."""
    return os.strerror(problem.errno).lower() if problem.errno else str(problem)

"""Connections to filters that the administrator named: ``unix:/path`` and ``inet:host:port``.

Comes in: the name of a place, from the configuration.  Goes out: an open stream.  Without TLS:
a filter is on this machine, or on a network that is trusted with the mail anyway.  Keeps no
time: the caller does.
"""

import asyncio
import re
from dataclasses import dataclass

READ_OCTETS = 64 * 1024
FAREWELL_SECONDS = 5.0
"""How long a filter that does not read keeps the last words waiting."""
_INET = re.compile(r"inet6?:(?:\[([0-9a-fA-F:]+)\]|([^:\[\]@]+)):(\d{1,5})")
_PORTS = 65_536


@dataclass(frozen=True, slots=True)
class Place:
    """A Unix socket's ``path``, or host and port."""

    path: str = ""
    host: str = ""
    port: int = 0


def parse_place(text: str) -> Place:
    """Raises ValueError."""
    if text.startswith("unix:/"):
        return Place(path=text.removeprefix("unix:"))
    match = _INET.fullmatch(text)
    if match is None or not 0 < int(match[3]) < _PORTS:
        raise ValueError("it is neither unix:/path nor inet:host:port")
    return Place(host=match[1] or match[2], port=int(match[3]))


class FilterStream:
    """One open connection."""

    __slots__ = ("_reader", "_writer")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def write(self, octets: bytes) -> None:
        """Send, or keep until the filter takes it; await drain() after each large piece."""
        self._writer.write(octets)

    async def drain(self) -> None:
        """Raises OSError when the filter is gone."""
        await self._writer.drain()

    async def read(self) -> bytes:
        """What has come, b"" at the end; raises OSError when the filter is gone."""
        return await self._reader.read(READ_OCTETS)

    def close(self) -> None:
        """What was written is still sent, if the filter takes it soon."""
        self._writer.close()
        asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self.abort)

    def abort(self) -> None:
        """End it at once."""
        self._writer.transport.abort()


@dataclass(frozen=True, slots=True)
class FilterSocket:
    """A place to connect to, as often as is needed."""

    place: Place

    async def __call__(self) -> FilterStream:
        """Raises OSError where nobody is there."""
        place = self.place
        if place.path:
            reader, writer = await asyncio.open_unix_connection(place.path)
        else:
            reader, writer = await asyncio.open_connection(place.host, place.port)
        return FilterStream(reader, writer)

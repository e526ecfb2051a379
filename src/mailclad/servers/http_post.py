"""One HTTP POST to a filter of the administrator's, in the clear (RFC 9112).

Comes in: where, fields and a message.  Goes out: the body of a 200 response.  Each request has a
connection of its own.  Keeps no time: the caller does.  Raises OSError where nobody is there,
``BadResponse`` for what is no answer.  Limit: ``RESPONSE_OCTETS``.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

from mailclad.base.octets import Octets
from mailclad.servers.filter_socket import FilterSocket, FilterStream, Place

RESPONSE_OCTETS = 1024 * 1024
"""Head and body; a verdict on a message is a few KB."""

_PIECE_OCTETS = 64 * 1024
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


class BadResponse(OSError):
    """It came, but is not the answer to a request."""


@dataclass(frozen=True, slots=True)
class HttpPost:
    """Posts to one address."""

    place: Place
    host: str
    path: str

    async def __call__(
        self, fields: Iterable[tuple[str, str]], parts: Sequence[Octets], start: int
    ) -> bytes:
        """``parts`` one behind the other are the body, the last from ``start`` on."""
        octets = sum(len(part) for part in parts) - start
        head = [f"POST {self.path} HTTP/1.1", f"Host: {self.host}", "Connection: close"]
        head += [f"{name}: {_UNSAFE.sub('?', value)}" for name, value in fields]
        head += [f"Content-Length: {octets}", "", ""]
        stream = await FilterSocket(self.place)()
        try:
            stream.write("\r\n".join(head).encode())
            for part in parts:
                first = start if part is parts[-1] else 0
                await _send(stream, part, first)
            return await _response(stream)
        finally:
            stream.abort()


def parse_url(text: str, port: int, path: str) -> HttpPost:
    """``http://host``, ``http://host:port``, ``unix:/path``; raises ValueError."""
    if text.startswith("unix:/"):
        return HttpPost(Place(path=text.removeprefix("unix:")), "localhost", path)
    parts = urlsplit(text)
    more = parts.path.strip("/") or parts.query or parts.username
    if parts.scheme != "http" or not parts.hostname or more:
        raise ValueError("it is neither http://host:port nor unix:/path")
    place = Place(host=parts.hostname, port=parts.port or port)
    return HttpPost(place, parts.netloc, path)


async def _send(stream: FilterStream, octets: Octets, start: int) -> None:
    for at in range(start, len(octets), _PIECE_OCTETS):
        stream.write(octets[at : at + _PIECE_OCTETS])
        await stream.drain()


async def _response(stream: FilterStream) -> bytes:
    gathered = _Gathered()
    parser = httptools.HttpResponseParser(gathered)
    read = 0
    while not gathered.whole:
        octets = await stream.read()
        read += len(octets)
        if not octets:
            raise BadResponse("the connection was closed before the response was whole")
        if read > RESPONSE_OCTETS:
            raise BadResponse(f"a response of more than {RESPONSE_OCTETS} octets")
        try:
            parser.feed_data(octets)
        except httptools.HttpParserError as problem:
            raise BadResponse(f"the response is not HTTP: {problem}") from None
    if parser.get_status_code() != 200:
        raise BadResponse(f"the response has the status {parser.get_status_code()}")
    return b"".join(gathered.pieces)


class _Gathered:
    """What the parser calls."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.whole = False

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.whole = True

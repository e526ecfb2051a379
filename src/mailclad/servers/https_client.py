"""HTTPS as a client: one request on one connection (implements ``base.https.Https``).

RFC 9110, RFC 9112 (``Connection: close``), RFC 6066 §3 (SNI), RFC 9525 (the name in the
certificate).

Comes in: URLs, also of strangers, and what their servers answer.  Goes out: a response or
``HttpsProblem``.  Nothing is said before the certificate has proved the host; addresses that
``permits`` refuses are not connected to.  A body that does not say how long it is counts as whole
only if the server says goodbye (RFC 9112 §9.8): else it may have been cut.  Who asks for it may
use http:// too, where nobody proves anything.
Limits: seconds for everything, octets of head, body and framing, addresses tried.
"""

import asyncio
import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urlsplit

import httptools

from mailclad.base.https import (
    Https,
    HttpsCertificateRefused,
    HttpsProblem,
    Request,
    Response,
)
from mailclad.base.resolver import DnsProblem, Resolver
from mailclad.mail.address import check_domain, normalise_domain
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.servers.channel import Channel, ConnectionLost
from mailclad.servers.dial import dial
from mailclad.servers.tls import ClientTrust
from mailclad.servers.tls_client import TlsClient
from mailclad.servers.tls_failure import HandshakeFailed

HEAD_OCTETS = 16 * 1024
"""Status line and headers; real ones have one or two, large cookies are not for us."""

MAX_ADDRESSES = 4
"""Of one host: two of each family; whoever has more is reached by one of these or is down."""

CONNECT_SECONDS = 10.0
"""For one address with its handshake: there may be another that answers."""

MAX_TARGET_OCTETS = 2048
"""Path and query; RFC 9110 §4.1 asks for 8000 of servers, no URL that we are given has 200."""

_PORTS = {"https": 443, "http": 80}
_USER_AGENT = f"mailclad/{version('mailclad')}"
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
_TARGET = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart; ``host`` is a name in A-labels or an IP address."""

    host: str
    port: int
    target: str
    scheme: str = "https"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str, *, plain: bool = False) -> Place:
    """Raises HttpsProblem; ``plain`` allows http://."""
    try:
        parts = urlsplit(url)
        host, port = normalise_domain((parts.hostname or "").removesuffix(".")), parts.port
        if not _is_address(host):
            check_domain(host)
    except ValueError:  # AddressProblem is one
        raise HttpsProblem(f"“{url[:100]}” is not a URL") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme not in (_PORTS if plain else ("https",)) or parts.username is not None:
        raise HttpsProblem(f"“{url[:100]}” is not the URL of an HTTPS server")
    if len(target) > MAX_TARGET_OCTETS or _TARGET.fullmatch(target) is None:
        raise HttpsProblem(f"“{url[:100]}” has a path that is too long or not in ASCII")
    return Place(host, port or _PORTS[parts.scheme], target, parts.scheme)


class HttpsClient(Https):
    """For one event loop; ``permits`` says whether an IP address may be connected to."""

    def __init__(
        self, resolver: Resolver, trust: ClientTrust, *, permits: Callable[[str], bool]
    ) -> None:
        self._resolver = resolver
        self._trust = trust
        self._permits = permits

    async def fetch(self, request: Request) -> Response:
        place = parse_url(request.url, plain=request.plain)
        try:
            async with asyncio.timeout(request.seconds):
                return await self._fetch(request, place)
        except TimeoutError:
            text = f"{place.host} took more than {request.seconds:g} seconds"
            raise HttpsProblem(text) from None

    async def _fetch(self, request: Request, place: Place) -> Response:
        addresses = await self._addresses(request.address or place.host)
        channel = await self._connect(place, addresses)
        try:
            channel.write(write_request(request, place))
            await channel.drain()
            return await _read(channel, request, place)
        except ConnectionLost as lost:
            raise HttpsProblem(f"{place.host}: the connection broke: {lost}") from None
        finally:
            channel.abort()

    async def _connect(self, place: Place, addresses: list[str]) -> Channel:
        """The first address where somebody proves to be the host, or in the clear answers."""
        secure = place.scheme == "https"
        troubles: list[str] = []
        problem_kind = HttpsProblem
        for address in addresses:
            tls = TlsClient(self._trust, TlsDemand(TlsLevel.VERIFY, (place.host,)))
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    channel = await dial(address, place.port, tls, implicit=secure)
            except TimeoutError:
                troubles.append(f"{address} did not answer within {CONNECT_SECONDS:g} seconds")
                continue
            except (HandshakeFailed, ConnectionLost, OSError) as problem:
                troubles.append(f"{address}: {_words(problem)}")
                continue
            if not secure:
                return channel
            verdict = tls.verdict()
            if verdict.failure is None:
                return channel
            channel.abort()
            troubles.append(f"{address}: {verdict.reason}")
            problem_kind = HttpsCertificateRefused
        raise problem_kind(f"{place.host} cannot be reached: {'; '.join(troubles)}")

    async def _addresses(self, host: str) -> list[str]:
        found = [host] if _is_address(host) else await self._look_up(host)
        if not found:
            raise HttpsProblem(f"{host} has no address in the DNS")
        permitted = [address for address in found if self._permits(address)]
        if not permitted:
            where = host if host == found[0] else f"{host}, at {found[0]},"
            raise HttpsProblem(f"{where} is not on the open Internet")
        return permitted[:MAX_ADDRESSES]

    async def _look_up(self, host: str) -> list[str]:
        """IPv6 and IPv4 by turns."""
        answers = await asyncio.gather(
            self._resolver.addresses(host, 6),
            self._resolver.addresses(host, 4),
            return_exceptions=True,
        )
        found: list[list[str]] = []
        for answer in answers:
            if isinstance(answer, DnsProblem):
                continue
            if isinstance(answer, BaseException):
                raise answer
            found.append(list(answer.records))
        if not found:
            raise HttpsProblem(f"{host} cannot be looked up: {answers[0]}")
        longest = max(map(len, found))
        return [one[at] for at in range(longest) for one in found if at < len(one)]


def write_request(request: Request, place: Place) -> bytes:
    method = "HEAD" if request.head else "GET" if request.body is None else "POST"
    lines = [
        f"{method} {place.target} HTTP/1.1",
        f"Host: {place.authority}",
        f"User-Agent: {_USER_AGENT}",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    if request.body is not None:
        lines.append(f"Content-Type: {request.media_type}")
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join((*lines, "", "")).encode("ascii") + (request.body or b"")


async def _read(channel: Channel, request: Request, place: Place) -> Response:
    reading = _Reading(request)
    while not reading.done:
        received = await channel.receive()
        if received is not None:
            reading.feed(received)
        elif reading.ends_with_stream and (channel.said_goodbye or place.scheme == "http"):
            break
        else:
            raise HttpsProblem("the server closed before its answer was whole")
    return Response(
        reading.status, dict(reversed(reading.fields)), bytes(reading.body), tuple(reading.fields)
    )


class _Reading:
    """What httptools finds in the octets; it calls the ``on_`` methods."""

    def __init__(self, request: Request) -> None:
        self._octets = request.octets
        self._bodiless = request.head
        # a chunk has its size, and there may be trailers
        self._left = HEAD_OCTETS + 2 * request.octets
        self._parser = httptools.HttpResponseParser(self)
        self._in_head = True
        self.status = 0
        self.fields: list[tuple[str, str]] = []
        self.body = bytearray()
        self.done = False

    def feed(self, received: bytes) -> None:
        """Raises HttpsProblem."""
        try:
            self._parser.feed_data(received)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            raise HttpsProblem(f"what the server says is not HTTP: {problem}") from None
        self._left -= len(received)
        if len(self.body) > self._octets or self._left < 0:
            raise HttpsProblem(f"the answer is longer than {self._octets} octets")

    @property
    def ends_with_stream(self) -> bool:
        """Whether nothing says how long the body is (RFC 9112 §6.3)."""
        return not self._in_head and not any(name in _LENGTHS for name, _ in self.fields)

    def on_message_begin(self) -> None:
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.done and self._in_head:
            key = name.decode("latin-1").lower()
            self.fields.append((key, value.decode("latin-1").strip()))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if not self.done:
            self.status = self._parser.get_status_code()
            self.done = self._bodiless and self.status >= 200

    def on_body(self, piece: bytes) -> None:
        if not self.done:
            self.body += piece

    def on_message_complete(self) -> None:
        if self.status < 200:  # RFC 9110 §15.2: an interim answer, the real one follows
            self.fields.clear()
            self._in_head = True
        else:
            self.done = True


def _words(problem: Exception) -> str:
    """Without Python's numbers and tuples."""
    number = problem.errno if isinstance(problem, OSError) else None
    return os.strerror(number).lower() if number else str(problem)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

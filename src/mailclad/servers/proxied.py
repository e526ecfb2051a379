"""A connection from a load balancer, until it has said for whom it speaks (PROXY protocol).

Comes in: a TCP transport whose peer is trusted to tell the truth.  Goes out: the transport, the
client's address ("" where the balancer speaks for itself) and the octets behind the header; or
the connection is dropped, since nobody could say whose it is.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from mailclad.protocols.proxy.header import ProxyProblem, read_header

HEADER_SECONDS = 5.0
"""A balancer sends its header with the first packet."""

Arrived = Callable[[asyncio.Transport, str, bytes], None]

_log = structlog.get_logger()


class Proxied(asyncio.Protocol):
    """``lost`` is called where the connection ends before it has arrived."""

    __slots__ = ("_arrived", "_lost", "_received", "_timer", "_transport")

    def __init__(
        self, transport: asyncio.Transport, arrived: Arrived, lost: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._arrived, self._lost = arrived, lost
        self._received = b""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(HEADER_SECONDS, self._drop, "no PROXY header came")

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            header = read_header(self._received)
        except ProxyProblem as problem:
            self._drop(str(problem))
            return
        if header is not None:
            self._timer.cancel()
            self._arrived(self._transport, header.source, self._received[header.octets :])

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._lost()

    def _drop(self, reason: str) -> None:
        self._timer.cancel()
        peer = cast("object", self._transport.get_extra_info("peername"))
        _log.warning("proxied connection dropped", peer=str(peer), reason=reason)
        self._transport.abort()

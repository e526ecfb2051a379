"""A connection that has not shown yet whether it begins with TLS: for forgiving ports.

Comes in: the first octets of a client, or none within ``PATIENCE_SECONDS``.  Goes out: those
octets, to whoever decides.  Who waits for a greeting gets it after that time, no sooner: in the
clear it would break the handshake of a client that speaks TLS at once.
"""

import asyncio
from collections.abc import Callable

PATIENCE_SECONDS = 0.3
"""A ClientHello comes at most a round trip after we know of the connection: below 300 ms to the
other side of the earth."""


class FirstOctets(asyncio.Protocol):
    __slots__ = ("_decide", "_gone", "_timer")

    def __init__(self, decide: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        self._decide, self._gone = decide, gone
        loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = loop.call_later(
            PATIENCE_SECONDS, self._settle, b""
        )

    def data_received(self, data: bytes) -> None:
        self._settle(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._gone()

    def _settle(self, data: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._decide(data)

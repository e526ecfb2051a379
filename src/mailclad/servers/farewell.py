"""The end of a TCP connection: what was written arrives, and the socket does not stay for ever.

Closing a socket that holds unread octets sends a reset, and a reset can overtake the last
reply.  So the write side is closed first, whatever still comes is thrown away, and the socket
goes when the peer closes too or stops making progress.
"""

import asyncio

LINGER_SECONDS = 3.0
"""How long a peer may take none of what is left, or keep its side open, before a reset."""


class Farewell(asyncio.Protocol):
    """Takes over a TCP transport from the protocol that has said everything it wanted."""

    __slots__ = ("_left", "_protocol", "_tcp", "_timer")

    def __init__(self, tcp: asyncio.Transport, protocol: asyncio.BaseProtocol) -> None:
        self._tcp = tcp
        self._protocol: asyncio.BaseProtocol | None = protocol
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, *, peer_ended: bool) -> None:
        self._tcp.set_protocol(self)
        if self._tcp.is_closing():
            return
        if peer_ended:
            self._tcp.close()
        else:
            try:
                self._tcp.write_eof()
                self._tcp.resume_reading()
            except OSError:  # the peer has reset the connection: nobody is there to wait for
                self._tcp.abort()
                return
        self._watch()

    def _watch(self) -> None:
        self._left = self._tcp.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._look)

    def _look(self) -> None:
        if 0 < self._tcp.get_write_buffer_size() < self._left:
            self._watch()
        else:
            self._tcp.abort()

    def data_received(self, data: bytes) -> None:
        """What comes after our last word is not read."""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connection_lost(exc)

"""Which connections are our own checks of our own ports, across all worker processes.

Comes in: the port that a check connects from.  Goes out: whether a connection is one.  It is one
when its other end is this machine, as the kernel tells, and has a port that was noted; nobody
elsewhere can be taken for one.  A process that dies in a check leaves its ports behind until the
next check: until then another program of this machine may pass for one, and is not logged.
"""

import asyncio
import mmap
from collections.abc import Iterator
from contextlib import contextmanager

_PORTS = 65536


class OwnChecks:
    """A bit for each port, in memory that is shared with every process forked later."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = mmap.mmap(-1, _PORTS // 8)

    def forget(self) -> None:
        """What earlier checks left behind; one process checks at a time."""
        self._bits[:] = bytes(_PORTS // 8)

    @contextmanager
    def noted(self, port: int) -> Iterator[None]:
        """Before it connects, until it is closed."""
        self._bits[port // 8] |= 1 << port % 8
        try:
            yield
        finally:
            self._bits[port // 8] &= ~(1 << port % 8)

    def has(self, tcp: asyncio.BaseTransport) -> bool:
        peer, own = tcp.get_extra_info("peername"), tcp.get_extra_info("sockname")
        if not isinstance(peer, tuple) or not isinstance(own, tuple) or peer[0] != own[0]:
            return False
        port = int(peer[1])
        return bool(self._bits[port // 8] & 1 << port % 8)

    def close(self) -> None:
        self._bits.close()

"""IMAP responses on their way out: gathered, sent in large pieces, never piled up.

In: responses and octets from the handlers; out: writes to the channel.  Waits while the
client is slow (TimeoutError after ``STALL_SECONDS``, ConnectionLost when it is gone), and
lets others on the loop have their turn between the pieces of a long answer.
"""

import asyncio

from mailclad.protocols.imap.connection import ServerConnection
from mailclad.protocols.imap.responses import Untagged
from mailclad.servers.channel import Channel

FLUSH_OCTETS = 96 * 1024
"""About the size of a piece: as much as TLS encrypts at a time, and nobody waits long for it."""

STALL_SECONDS = 300
"""How long a client may leave an answer unread; phones lose the network for minutes."""

_RESPONSE_OCTETS = 256  # few are longer; those that can be go through raw()


class Answers:
    """What handlers call ``emit``."""

    __slots__ = ("_channel", "_connection", "_held")

    def __init__(self, channel: Channel, connection: ServerConnection) -> None:
        self._channel = channel
        self._connection = connection
        self._held = 0

    async def __call__(self, response: Untagged) -> None:
        self._connection.send(response)
        await self._count(_RESPONSE_OCTETS)

    async def raw(self, octets: bytes) -> None:
        self._connection.send_raw(octets)
        await self._count(len(octets))

    async def _count(self, octets: int) -> None:
        self._held += octets
        if self._held >= FLUSH_OCTETS:
            await self.flush()
            await asyncio.sleep(0)

    async def flush(self) -> None:
        self._held = 0
        data = self._connection.data_to_send()
        if data:
            self._channel.write(data)
            self._channel.set_deadline(STALL_SECONDS)
            await self._channel.drain()

"""A connection to another server: from an IP address to a channel, under TLS or for STARTTLS.

Comes in: an address that was looked up and permitted.  Goes out: a ``Channel`` that its caller
closes, or the network's exception.  With TLS from the first octet the handshake is done when it
returns; what the certificate is worth is for the caller to ask.
"""

import asyncio

from mailclad.base.in_clear import InClear
from mailclad.servers.channel import Channel, ConnectionLost
from mailclad.servers.socks import connect_through
from mailclad.servers.tls_client import TlsClient
from mailclad.servers.tls_transport import TlsTransport, start_tls


async def dial(
    address: str,
    port: int,
    tls: TlsClient,
    *,
    implicit: bool,
    source: str | None = None,
    socks: tuple[str, int] | None = None,
) -> Channel:
    """Raises HandshakeFailed, ConnectionLost or OSError; waits as long as its caller lets it.

    ``source`` is an address of ours to begin at; ``socks`` a proxy that connects for us.
    """
    loop = asyncio.get_running_loop()
    owner = _Owner(tls, loop.create_future())
    channel = Channel(owner, address, 0)

    def new() -> asyncio.Protocol:
        return TlsTransport(tls, channel) if implicit else channel

    tcp: asyncio.Transport | None = None
    try:
        if socks is not None:
            sock = await connect_through(socks, address, port)
            tcp, _ = await loop.create_connection(new, sock=sock)
        else:
            local = (source, 0) if source is not None else None
            tcp, _ = await loop.create_connection(new, address, port, local_addr=local)
        await owner.ready_or_lost
    except BaseException:
        owner.ready_or_lost.cancel()  # nobody waits any more for what becomes of it
        if tcp is not None:
            tcp.abort()
        raise
    return channel


class _Owner:
    """The channel's owner: there is one connection, and one who waits for it."""

    __slots__ = ("_tls", "ready_or_lost")

    def __init__(self, tls: TlsClient, ready_or_lost: asyncio.Future[None]) -> None:
        self._tls = tls
        self.ready_or_lost = ready_or_lost

    def ready(self, channel: Channel) -> None:
        if not self.ready_or_lost.done():
            self.ready_or_lost.set_result(None)

    def signed_in(self, channel: Channel) -> None:
        raise AssertionError("nobody signs in on a connection of ours")

    def ended(self, channel: Channel, problem: Exception | None) -> None:
        if not self.ready_or_lost.done():
            self.ready_or_lost.set_exception(problem or ConnectionLost("the server closed"))

    def encrypted(self, channel: Channel) -> None: ...

    def tried_in_clear(self, channel: Channel, what: InClear) -> None: ...

    def met_tls(self, channel: Channel, data: bytes) -> None: ...

    def begin_tls(self, channel: Channel, tcp: asyncio.Transport) -> asyncio.Transport:
        return start_tls(self._tls, channel, tcp)

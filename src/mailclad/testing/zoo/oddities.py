"""What may sit on a mail port in the place of a mail server."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from mailclad.testing.zoo.peer import Gone, Peer

Oddity = Callable[[Peer], Awaitable[None]]


async def silence(peer: Peer) -> None:
    await peer.linger()


async def closing(peer: Peer) -> None:
    """Close before a word."""


async def resetting(peer: Peer) -> None:
    peer.reset()


async def closing_on_hello(peer: Peer) -> None:
    await peer.hear_anything()


async def garbage(peer: Peer) -> None:
    """Answer a ClientHello with what is neither TLS nor words."""
    await peer.hear_anything()
    await peer.say(bytes(range(0x80, 0xC0)))
    await peer.linger()


async def web(peer: Peer) -> None:
    await peer.hear_anything()
    await peer.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


async def shell(peer: Peer) -> None:
    await peer.say(b"SSH-2.0-OpenSSH_9.6\r\n")
    await peer.linger()


async def endless_line(peer: Peer) -> None:
    await peer.say(b"220 " + b"x" * 64 * 1024)
    await peer.linger()


async def dripping(peer: Peer) -> None:
    """A greeting that comes octet by octet, and never ends."""
    with contextlib.suppress(Gone):
        await peer.say(b"220 ")
        while True:
            await peer.say(b"x")
            await asyncio.sleep(0.1)


async def meet(oddity: Oddity, peer: Peer) -> None:
    try:
        await oddity(peer)
    except Gone:
        pass
    finally:
        peer.close()

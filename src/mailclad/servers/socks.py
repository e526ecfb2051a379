"""A TCP connection made by a SOCKS5 proxy (RFC 1928), without a password.

Comes in: where the proxy is, and the IP address and port to reach: names were looked up before.
Goes out: a connected socket on which nothing but the proxy's answers was read, or OSError.
The proxy is trusted to connect where it was asked to; TLS runs through it to the server.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping

_VERSION, _CONNECT, _NO_LOGIN = 5, 1, 0
_KIND = {4: 1, 6: 4}
"""Address types (§4); a name, 3, is one that we never send."""
_ADDRESS_OCTETS = {1: 4, 4: 16}
_NAME = 3

_REPLIES: Mapping[int, str] = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


class SocksProblem(OSError):
    """The proxy did not make the connection, or is none."""


async def connect_through(proxy: tuple[str, int], address: str, port: int) -> socket.socket:
    """The caller closes the socket.  Waits for ever: time is the caller's."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in proxy[0] else socket.AF_INET
    # With the protocol's number asyncio switches on TCP_NODELAY.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, proxy)
        await _ask(sock, address, port)
    except BaseException:
        sock.close()
        raise
    return sock


async def _ask(sock: socket.socket, address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, bytes((_VERSION, 1, _NO_LOGIN)))
    if await _read(sock, 2) != bytes((_VERSION, _NO_LOGIN)):
        raise SocksProblem("the SOCKS proxy wants a password, or is no SOCKS5 proxy")
    ip = ipaddress.ip_address(address)
    head = bytes((_VERSION, _CONNECT, 0, _KIND[ip.version]))
    await loop.sock_sendall(sock, head + ip.packed + port.to_bytes(2, "big"))
    await _read_reply(sock)


async def _read_reply(sock: socket.socket) -> None:
    version, reply, _, kind = await _read(sock, 4)
    if version != _VERSION:
        raise SocksProblem("the SOCKS proxy answers something else")
    if reply:
        why = _REPLIES.get(reply, f"reply {reply}")
        raise SocksProblem(f"the SOCKS proxy could not connect: {why}")
    octets = (await _read(sock, 1))[0] if kind == _NAME else _ADDRESS_OCTETS.get(kind)
    if octets is None:
        raise SocksProblem("the SOCKS proxy answers something else")
    await _read(sock, octets + 2)  # where it connected from: nobody asks


async def _read(sock: socket.socket, octets: int) -> bytes:
    """Exactly so many: what comes behind is the server's."""
    loop = asyncio.get_running_loop()
    gathered = b""
    while len(gathered) < octets:
        piece = await loop.sock_recv(sock, octets - len(gathered))
        if not piece:
            raise SocksProblem("the SOCKS proxy closed the connection")
        gathered += piece
    return gathered

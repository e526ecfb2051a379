"""One question to one server: UDP, TCP where the reply was cut (RFC 1035 §4.2, RFC 7766).

Comes in: a server and a question.  Goes out: its reply, read and fitting.  Each question has a
socket of its own, connected, so the system picks a port at random and lets only that server's
datagrams in; those with another number or question are passed over (RFC 5452 §9).  Keeps no
time: the caller does.  Raises OSError where nobody is there, Unusable for a bad reply.
"""

import asyncio

from mailclad.engines.dns.message import Reply, Unusable, belongs, is_truncated, read_reply


async def exchange(server: tuple[str, int], question: bytes) -> Reply:
    """The server's reply to the question."""
    octets = await _over_udp(server, question)
    if is_truncated(octets):
        octets = await _over_tcp(server, question)
    return read_reply(octets, question)


async def _over_udp(server: tuple[str, int], question: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    waiting = _Waiting(question, loop.create_future())
    transport, _ = await loop.create_datagram_endpoint(lambda: waiting, remote_addr=server)
    try:
        transport.sendto(question)
        return await waiting.reply
    finally:
        transport.close()


async def _over_tcp(server: tuple[str, int], question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(len(question).to_bytes(2, "big") + question)
        octets = int.from_bytes(await reader.readexactly(2), "big")
        reply = await reader.readexactly(octets)
    except asyncio.IncompleteReadError as problem:
        raise Unusable("closed the connection without a whole reply") from problem
    finally:
        writer.close()
    if not belongs(reply, question):
        raise Unusable("answered another question")
    return reply


class _Waiting(asyncio.DatagramProtocol):
    """Keeps the first datagram that belongs to the question, and nothing of any other."""

    def __init__(self, question: bytes, reply: asyncio.Future[bytes]) -> None:
        self._question = question
        self.reply = reply

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.reply.done() and belongs(data, self._question):
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc or ConnectionAbortedError("the socket was closed"))

"""A connection through a SOCKS5 proxy (RFC 1928), and proxies that are none."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.protocols.smtp.client.outcome import Fate
from mailclad.protocols.smtp.client.report import Delivery
from mailclad.servers.outbound import HeldBody, Route, connect, deliver
from mailclad.servers.socks import SocksProblem, connect_through
from mailclad.servers.tls import ClientTrust
from mailclad.testing import MailServer
from tests.servers.loopback import run_on
from tests.servers.test_outbound import ADA, anywhere, to_ada

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy as RFC 1928 has it, for IP addresses."""
    assert await reader.readexactly(3) == b"\x05\x01\x00"
    writer.write(b"\x05\x00")
    head = await reader.readexactly(4)
    assert head[:3] == b"\x05\x01\x00"
    octets = {1: 4, 4: 16}[head[3]]
    address = str(ipaddress.ip_address(await reader.readexactly(octets)))
    port = int.from_bytes(await reader.readexactly(2), "big")
    there, out = await asyncio.open_connection(address, port)
    # The answer comes in pieces, and the server's greeting at once behind it.
    for piece in (b"\x05\x00\x00", b"\x01\x7f\x00\x00\x01", b"\x00\x01"):
        writer.write(piece)
        await writer.drain()
    await asyncio.gather(pipe(reader, out), pipe(there, writer))


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def with_proxy(serve: Serve, use: Callable[[tuple[str, int]], Awaitable[object]]) -> object:
    talks: list[asyncio.Task[None]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.append(task)
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        try:
            return await use(server.sockets[0].getsockname())
        finally:
            await asyncio.wait_for(asyncio.gather(*talks, return_exceptions=True), 5)
            await asyncio.sleep(0)


@pytest.mark.rfc("1928", "4")
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_mail_goes_through_a_proxy(loop: str, mail: MailServer, mode: str) -> None:
    mail.add_account(ADA)
    demand = TlsDemand(TlsLevel.VERIFY, ("localhost",))
    service = "smtp" if mode == "starttls" else "submission"

    async def use(address: tuple[str, int]) -> Delivery:
        route = Route("127.0.0.1", mail.port(service, mode), tls=TlsMode(mode), socks=address)
        trust = ClientTrust(Path(mail.ca))
        made = await connect(route, "client.test", demand, trust, permits=anywhere)
        return await deliver(made, [(to_ada(), HeldBody(b"Subject: x\r\n\r\nhi\r\n"))])

    found = run_on(loop, lambda: with_proxy(proxy, use))
    assert found.report.verdict.failure is None
    if mode == "starttls":
        assert found.outcomes[0].recipients[0].fate is Fate.DELIVERED
        assert len(mail.octets(ADA)) == 1


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([b"\x05\xff"], "wants a password"),
        ([b"HT"], "is no SOCKS5 proxy"),
        ([b"\x05\x00", b"\x05\x05\x00\x01"], "connection refused"),
        ([b"\x05\x00", b"\x05\x63\x00\x01"], "reply 99"),
        ([b"\x05\x00", b"\x04\x00\x00\x01"], "something else"),
        ([b"\x05\x00", b"\x05\x00\x00\x09"], "something else"),
        ([b"\x05\x00", b"\x05\x00"], "closed the connection"),
        ([], "closed the connection"),
    ],
)
def test_what_a_proxy_may_say_instead(loop: str, answers: list[bytes], words: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octets, answer in zip((3, 10), answers, strict=False):
            await reader.readexactly(octets)
            writer.write(answer)
        await writer.drain()
        writer.close()

    async def use(address: tuple[str, int]) -> object:
        return await connect_through(address, "192.0.2.1", 25)

    with pytest.raises((SocksProblem, ConnectionError)) as caught:
        run_on(loop, lambda: with_proxy(serve, use))
    assert words in str(caught.value) or isinstance(caught.value, ConnectionError)


def test_a_name_in_the_answer_is_passed_over(loop: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        await reader.readexactly(4 + 16 + 2)
        writer.write(b"\x05\x00\x00\x03\x04host\x00\x19220 hi\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async def use(address: tuple[str, int]) -> object:
        sock = await connect_through(address, "2001:db8::1", 25)
        with sock:
            return await asyncio.get_running_loop().sock_recv(sock, 100)

    assert run_on(loop, lambda: with_proxy(serve, use)) == b"220 hi\r\n"

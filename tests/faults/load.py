"""Deliveries from 64 clients at once: SMTP after STARTTLS, submission on 465, LMTP.

What a message is can be computed from its number, so whoever reads it later compares it byte
for byte.  Numbers are never sent twice, so nothing may be there twice either.
"""

import asyncio
import base64
import contextlib
import itertools
import random
import ssl
from collections.abc import AsyncIterator
from functools import cache

from tests.faults.serving import PASSWORD, House, address

PEOPLE = tuple(f"reader{number}" for number in range(8))
CLIENTS = (
    *[("smtp", "starttls")] * 24,
    *[("submission", "implicit")] * 16,
    *[("lmtp", "none")] * 24,
)
LARGEST = 60_000
EACH_CONNECTION = 20  # messages, so that connections and handshakes come and go


@cache
def _text() -> bytes:
    """Lines of every kind that DATA has to keep: dots ahead, 8-bit, empty, long."""
    some = random.Random(0)
    lines: list[bytes] = []
    while len(lines) < 4_000:
        line = base64.b64encode(some.randbytes(some.choice([0, 3, 30, 51, 700])))
        lines.append(some.choice([b"", b"", b"", b".", b"..", "grün ".encode()]) + line)
    return b"\r\n".join(lines)


def octets_of(number: int) -> bytes:
    """The message of that number."""
    some = random.Random(number)
    size = some.choice([1_000, 2_000, 4_000, 8_000, 20_000, LARGEST])
    start = _text().index(b"\r\n", some.randrange(len(_text()) - LARGEST - 2_000))
    end = _text().index(b"\r\n", start + size)
    return (
        b"From: <%b>\r\nTo: somebody\r\nSubject: letter %d\r\nMessage-ID: <%d@there.test>\r\n"
        b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n%b\r\nthe end of %d\r\n"
        % (address(PEOPLE[0]).encode(), number, number, _text()[start:end], number)
    )


def readers_of(number: int) -> list[str]:
    some = random.Random(-number)
    return some.sample(PEOPLE, some.choice([1, 1, 1, 2, 3]))


class Load:
    """``acknowledged``: number and reader of everything that the server took upon itself."""

    def __init__(self, house: House, first: int) -> None:
        self.acknowledged: set[tuple[int, str]] = set()
        self.refused: list[str] = []
        self.cut_off = 0
        self._house = house
        self._tls = house.context()
        self._numbers = itertools.count(first)
        self._news = asyncio.Event()
        self._over = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        async with asyncio.TaskGroup() as clients:
            for service, tls in CLIENTS:
                clients.create_task(self._deliver(service, tls))
            try:
                yield self
            finally:
                self._over = True

    async def more(self, count: int) -> None:
        """Return when so many more were acknowledged."""
        goal = len(self.acknowledged) + count
        async with asyncio.timeout(30):
            while len(self.acknowledged) < goal:
                self._news.clear()
                await self._news.wait()

    async def _deliver(self, service: str, tls: str) -> None:
        while not self._over:
            try:
                await self._one_connection(service, tls)
            except Unexpected as reply:
                self.refused.append(str(reply))
            except (OSError, EOFError):
                self.cut_off += 1
                await asyncio.sleep(0.01)  # the server is gone: do not spin until it is over

    async def _one_connection(self, service: str, tls: str) -> None:
        port = self._house.ports[service, tls]
        context = self._tls if tls == "implicit" else None
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        try:
            wire = Wire(reader, writer)
            await wire.hello(self._tls if tls == "starttls" else None, lmtp=service == "lmtp")
            if service == "submission":
                await wire.login(address(PEOPLE[0]))
            for number in itertools.islice(self._numbers, EACH_CONNECTION):
                if self._over:
                    break
                await self._one_message(wire, number, each=service == "lmtp")
        finally:
            writer.transport.abort()

    async def _one_message(self, wire: "Wire", number: int, *, each: bool) -> None:
        readers = readers_of(number)
        replies = await wire.send(number, list(map(address, readers)), each=each)
        groups = [[reader] for reader in readers] if each else [readers]
        for reply, told in zip(replies, groups, strict=True):
            if reply.startswith("250"):
                self.acknowledged.update((number, reader) for reader in told)
            else:
                self.refused.append(reply)
        self._news.set()


class Unexpected(Exception):
    """A reply that no client of this load deserves."""


class Wire:
    """The client's side of SMTP and LMTP, as far as this load needs it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def hello(self, starttls: ssl.SSLContext | None, *, lmtp: bool) -> None:
        await self._expect("220")
        hello = b"LHLO there.test\r\n" if lmtp else b"EHLO there.test\r\n"
        await self._say(hello, "250")
        if starttls is not None:
            await self._say(b"STARTTLS\r\n", "220")
            await self._writer.start_tls(starttls, server_hostname="localhost")
            await self._say(hello, "250")

    async def login(self, login: str) -> None:
        plain = base64.b64encode(f"\0{login}\0{PASSWORD}".encode())
        await self._say(b"AUTH PLAIN " + plain + b"\r\n", "235")

    async def send(self, number: int, addresses: list[str], *, each: bool) -> list[str]:
        """The replies to the message: one, or one for each address."""
        recipients = [f"RCPT TO:<{one}>\r\n" for one in addresses]
        sender = address(PEOPLE[0])
        envelope = [f"MAIL FROM:<{sender}> BODY=8BITMIME\r\n", *recipients, "DATA\r\n"]
        self._writer.write("".join(envelope).encode())
        for _ in envelope[:-1]:
            await self._expect("250")
        await self._expect("354")
        octets = octets_of(number).replace(b"\r\n.", b"\r\n..")
        self._writer.write(octets + b".\r\n")
        await self._writer.drain()
        return [await self._reply() for _ in (addresses if each else "1")]

    async def _say(self, command: bytes, code: str) -> None:
        self._writer.write(command)
        await self._expect(code)

    async def _expect(self, code: str) -> None:
        reply = await self._reply()
        if not reply.startswith(code):
            raise Unexpected(reply)

    async def _reply(self) -> str:
        while True:
            line = await self._reader.readuntil(b"\n")
            if line[3:4] == b" ":
                return line.decode().strip()

"""A whole server on a real port, its DNS a stub, its clients strangers behind a load balancer."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from mailclad.app.build import App, build, prepare
from mailclad.app.config import Config
from mailclad.app.settings.dns import DnsConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.receive import ReceiveConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.sockets import open_sockets
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.services.auth.password import Argon2id
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import ALL_UIDS, Column
from tests.dns.server import StubDns

HOST = "mx.ours.test"
LOOPBACK = ("127.0.0.1",)


@dataclass
class Receiving:
    app: App
    port: int

    async def connect(self, source: str = "") -> "Line":
        """``source``: told by a PROXY header."""
        line = Line(*await asyncio.open_connection("127.0.0.1", self.port))
        if source:
            family = "TCP4" if ipaddress.ip_address(source).version == 4 else "TCP6"
            line.write(f"PROXY {family} {source} {source} 1 25\r\n".encode())
        return line

    async def send(
        self,
        octets: bytes,
        *,
        source: str = "192.0.2.1",
        sender: str = "bob@good.test",
        recipients: tuple[str, ...] = ("ada@ours.test",),
    ) -> str:
        """The last answer: to the message, or to whatever was refused before."""
        line = await self.connect(source)
        try:
            commands = ["EHLO mx.good.test", f"MAIL FROM:<{sender}>"]
            commands += [f"RCPT TO:<{to}>" for to in recipients]
            said = await line.answer()
            for command in [*commands, "DATA"]:
                if said[0] not in "23":
                    return said
                line.write(f"{command}\r\n".encode())
                said = await line.answer()
            if said[0] == "3":
                line.write(octets + b".\r\n")
                said = await line.answer()
            return said
        finally:
            await line.close()

    async def messages(self, mailbox: str = "INBOX", to: str = "ada@ours.test") -> list[Message]:
        store = self.app.store
        owner = await store.find_account(to)
        try:
            stat = await store.stat(owner.id, mailbox)
        except MailboxNotFound:
            return []
        found = []
        async for rows in store.fetch(stat.id, ALL_UIDS, (Column.CONTENT,)):
            for (content,) in rows:
                body = await store.body(content)
                found.append(message_from_bytes(body.read(0, body.octets)))
                body.close()
        return found


@dataclass
class Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def write(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def answer(self) -> str:
        """One whole reply; "" at the end of the connection."""
        said = ""
        async with asyncio.timeout(20):
            while True:
                line = (await self.reader.readline()).decode()
                said += line
                if line[3:4] != "-":
                    return said

    async def rest(self) -> bytes:
        async with asyncio.timeout(20):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def receiving(
    directory: Path,
    dns: StubDns,
    receive: ReceiveConfig = ReceiveConfig(),
    *,
    proxy_from: tuple[str, ...] = LOOPBACK,
) -> AsyncIterator[Receiving]:
    host, port = dns.address
    config = Config(
        server=ServerConfig(hostname=HOST, data=directory),
        listen=(
            ListenConfig(
                service=Service.SMTP,
                tls=TlsMode.STARTTLS,
                port=0,
                addresses=LOOPBACK,
                proxy_from=proxy_from,
            ),
        ),
        dns=DnsConfig(servers=(f"{host}:{port}",)),
        receive=receive,
    )
    bound = open_sockets(config.listen, {})
    shared = prepare(config, bound, ())
    app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
    await app.start()
    try:
        for domain in ("ours.test", "lenient.test"):
            await app.provision().add_domain(domain)
            await app.provision().add_account(f"ada@{domain}", Secret(b"correct horse"), "")
        yield Receiving(app, bound[0].port)
    finally:
        await app.drain(0)
        await app.close()
        shared.throttle.close()
        shared.rates.counts.close()

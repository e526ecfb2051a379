"""A whole server that receives on 25, is submitted to on 465 and sends, its DNS a stub.

async with posting(tmp_path, dns, routes=[route("there.test", sink.port)]) as post:
    await post.submit(octets, "bob@there.test")
    await post.sent()
"""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailclad.app.build import build, prepare
from mailclad.app.certificates import Certificates, ensure_ca
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config
from mailclad.app.settings.deliver import DeliverConfig, RouteConfig
from mailclad.app.settings.dns import DnsConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import TlsConfig
from mailclad.app.sockets import open_sockets
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.services.auth.password import Argon2id
from tests.app.receiving import LOOPBACK, Line, Receiving
from tests.dns.server import StubDns

SECONDS = 20.0
PASSWORD = "correct horse"


@dataclass
class Posting(Receiving):
    """``port`` is 25's."""

    submission: int
    context: ssl.SSLContext
    domain: str
    config: Config

    async def log_in(self, name: str = "ada") -> Line:
        """On 465, up to the reply to AUTH."""
        made = await asyncio.open_connection(
            "127.0.0.1", self.submission, ssl=self.context, limit=1 << 20
        )
        line = Line(*made)
        await line.answer()
        login = base64.b64encode(f"\0{name}@{self.domain}\0{PASSWORD}".encode()).decode()
        for command in ("EHLO there.test", f"AUTH PLAIN {login}"):
            line.write(f"{command}\r\n".encode())
            assert (await line.answer())[0] == "2"
        return line

    async def submit(self, octets: bytes, *to: str, **said: Any) -> str:
        """The last answer on 465; ``said`` is for ``say``."""
        said.setdefault("sender", f"ada@{self.domain}")
        line = await self.log_in()
        try:
            return await say(line, octets, to, **said)
        finally:
            await line.close()

    async def deliver(self, octets: bytes, *to: str, **said: Any) -> str:
        """The last answer on 25, said from loopback."""
        line = await self.connect()
        try:
            await line.answer()
            line.write(b"EHLO there.test\r\n")
            await line.answer()
            return await say(line, octets, to, **said)
        finally:
            await line.close()

    async def sent(self) -> None:
        """Nothing is left in the queue."""
        async with asyncio.timeout(SECONDS):
            while (await self.app.store.queue_counts()).messages:
                await asyncio.sleep(0.005)

    async def attempted(self, count: int = 1) -> list[Any]:
        """What the newest message in the queue has met, when it was tried so often."""
        async with asyncio.timeout(SECONDS):
            while True:
                for each in (await self.app.store.queue_page()).messages:
                    attempts = list(await self.app.store.queue_attempts(each.message.id))
                    if len(attempts) >= count:
                        return attempts
                await asyncio.sleep(0.005)


async def say(
    line: Line,
    octets: bytes,
    to: Iterable[str],
    *,
    sender: str = "bob@there.test",
    chunked: bool = False,
    mail: str = "",
    rcpt: str = "",
) -> str:
    """One transaction; the answer to the message, or to what was refused before.

    ``octets`` as they are meant, ``chunked``: by BDAT; ``mail`` and ``rcpt`` are parameters.
    """
    for command in [f"MAIL FROM:<{sender}>{mail}", *(f"RCPT TO:<{one}>{rcpt}" for one in to)]:
        line.write(f"{command}\r\n".encode())
        said = await line.answer()
        if said[0] != "2":
            return said
    if chunked:
        line.write(b"BDAT %d LAST\r\n" % len(octets) + octets)
        return await line.answer()
    line.write(b"DATA\r\n")
    assert (await line.answer())[0] == "3"
    line.write((b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
    return await line.answer()


def route(domain: str, port: int, **facts: Any) -> RouteConfig:
    """To a server on this computer; without TLS unless ``policy`` says otherwise."""
    facts.setdefault("policy", TlsLevel.NONE)
    return RouteConfig(domain=domain, host=facts.pop("host", "127.0.0.1"), port=port, **facts)


@contextlib.asynccontextmanager
async def posting(
    directory: Path,
    dns: StubDns,
    routes: Iterable[RouteConfig] = (),
    *,
    domain: str = "ours.test",
    proxied: bool = False,
    port: int = 0,
    **facts: Any,
) -> AsyncIterator[Posting]:
    """``proxied``: clients of 25 say by a PROXY header who they are; ``facts`` for Config."""
    host, dns_port = dns.address
    config = Config(
        server=ServerConfig(hostname=f"mail.{domain}", data=directory / "data"),
        tls=TlsConfig(private_ca=True, names=("127.0.0.1",)),
        listen=(
            ListenConfig(
                service=Service.SMTP,
                tls=TlsMode.STARTTLS,
                port=port,
                addresses=LOOPBACK,
                proxy_from=LOOPBACK if proxied else (),
            ),
            ListenConfig(
                service=Service.SUBMISSION, tls=TlsMode.IMPLICIT, port=0, addresses=LOOPBACK
            ),
        ),
        dns=DnsConfig(servers=(f"{host}:{dns_port}",)),
        deliver=facts.pop("deliver", DeliverConfig(route=tuple(routes))),
        **facts,
    )
    (directory / "data").mkdir(parents=True, exist_ok=True)
    chains = Certificates().start(config, SystemClock().now()).chains
    bound = open_sockets(config.listen, {})
    shared = prepare(config, bound, chains)
    app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
    await app.start()
    try:
        await app.provision().add_domain(domain)
        await app.provision().add_account(f"ada@{domain}", Secret(PASSWORD.encode()), "")
        context = ssl.create_default_context(cafile=str(ensure_ca(config)))
        yield Posting(app, bound[0].port, bound[1].port, context, domain, config)
    finally:
        app.stop_accepting()
        await app.drain(0)
        await app.close()
        shared.throttle.close()
        shared.rates.counts.close()

"""What tests of the probe share: short patience, and servers of a few lines to look at."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.servers.probe import Prober
from mailclad.servers.probe_visit import Patience
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.diagnose.facts import PortSeen
from tests.dns.fake import FakeResolver

HOST = "localhost"
SHORT = Patience(connect=2, banner=0.3, mx_banner=0.5, handshake=1, answer=2, leave=0.5, visit=3)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def prober(trust: ProbeTrust, *addresses: str, patience: Patience = SHORT) -> Prober:
    known = {(HOST, "A"): addresses or ("127.0.0.1",)}
    return Prober(FakeResolver(known), trust, patience=patience)


def looked_at(
    serve: Serve,
    protocol: MailProtocol,
    tls: TlsMode,
    trust: ProbeTrust,
    *,
    ports: int = 1,
    patience: Patience = SHORT,
    **options: Any,
) -> tuple[PortSeen, ...]:
    """Serve on some ports, and look at them."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await serve(reader, writer)
        finally:
            writer.close()

    async def go() -> tuple[PortSeen, ...]:
        async with contextlib.AsyncExitStack() as stack:
            endpoints = []
            for _ in range(ports):
                server = await asyncio.start_server(once, "127.0.0.1", 0)
                stack.callback(server.close)
                port = server.sockets[0].getsockname()[1]
                endpoints.append(Endpoint(protocol, HOST, port, tls))
            looking = prober(trust, patience=patience).look_at(HOST, endpoints, **options)
            return (await looking).ports

    return asyncio.run(go())

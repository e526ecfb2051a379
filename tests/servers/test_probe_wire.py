"""A probe's connection: what it takes at most, and how it ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.servers.probe_visit import Approach, Patience, visit
from mailclad.servers.probe_wire import CONNECTION_OCTETS, Ended, Wire
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.diagnose.facts import PortSeen, Way

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(bytes(65536))
        await writer.drain()


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def test_one_connection_brings_so_much_and_no_more() -> None:
    taken = 0

    async def go() -> None:
        nonlocal taken
        async with serving(flood) as port:
            wire = await Wire.open("127.0.0.1", port, 2)
            try:
                while taken <= 2 * CONNECTION_OCTETS:
                    taken += len(await wire.receive())
            finally:
                wire.abort()

    with pytest.raises(Ended, match=str(CONNECTION_OCTETS)):
        asyncio.run(go())
    assert 0 < taken <= CONNECTION_OCTETS


@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_a_visit_ends_in_time_whatever_happens(tls: TlsMode) -> None:
    async def go() -> PortSeen:
        async with serving(silence) as port:
            endpoint = Endpoint(MailProtocol.IMAP, "mail.test", port, tls)
            patience = replace(Patience(), visit=0.1)
            approach = Approach(Way.MODERN, "mail.test")
            return await visit(endpoint, "127.0.0.1", approach, ProbeTrust(), patience)

    seen = asyncio.run(go())
    assert seen.detail == "no answer in time"
    assert all(one.silent for one in seen.handshakes)

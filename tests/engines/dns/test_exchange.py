"""One question over a real socket; what a resolver makes of it is in test_resolver."""

import asyncio

import pytest

from mailclad.engines.dns.exchange import exchange
from mailclad.engines.dns.message import Kind, make_question
from mailclad.engines.dns.name import read_name
from tests.dns.server import StubDns


def test_each_question_has_a_number_and_a_port_of_its_own() -> None:
    clients: set[tuple[str, int]] = set()

    class Noting(StubDns):
        async def serve_datagram(self, octets: bytes, client: tuple[str, int]) -> None:
            clients.add(client)
            await super().serve_datagram(octets, client)

    async def run() -> None:
        async with Noting({"a.test": {"A": ["192.0.2.1"]}}) as dns:
            name = read_name("a.test")
            assert name is not None
            for _ in range(10):
                reply = await exchange(dns.address, make_question(name, Kind.A))
                assert reply.answers
        with pytest.raises(OSError):
            await exchange(dns.address, make_question(name, Kind.A))

    asyncio.run(run())
    assert len(clients) == 10

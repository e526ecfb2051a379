"""A policy of ours, fetched from the whole server by our own client: they agree."""

import asyncio
from pathlib import Path

from mailclad.base.https import Request
from mailclad.mail.mta_sts import parse_policy
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.tls import ClientTrust
from tests.app.sts_served import HOSTS, OURS, served
from tests.dns.fake import FakeResolver


def test_the_server_serves_the_policy_of_each_of_its_domains(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as server:
            names = FakeResolver({(host, "A"): ["127.0.0.1"] for host in HOSTS})
            client = HttpsClient(names, ClientTrust(server.authority), permits=lambda _: True)
            ours, other = [
                await client.fetch(
                    Request(f"https://{host}:{server.port}/.well-known/mta-sts.txt")
                )
                for host in HOSTS
            ]
            policy = server.config.mta_sts.policy(OURS, server.config.server.hostname)
            assert parse_policy(ours.body, OURS, policy.id) == policy
            assert ours.headers["content-type"].startswith("text/plain")
            assert other.status == 421

    asyncio.run(scenario())

"""A policy of ours, fetched from the whole server by our own client: they agree."""

import asyncio
import time
from pathlib import Path

from mailclad.app.build import build, prepare
from mailclad.app.certificates import Certificates, ensure_ca
from mailclad.app.config import Config, ListenConfig, ServerConfig, TlsConfig
from mailclad.app.sockets import open_sockets
from mailclad.base.https import Request, Response
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.mta_sts import parse_policy, policy_host
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.tls import ClientTrust
from mailclad.services.auth.password import Argon2id
from tests.dns.fake import FakeResolver

OURS, OTHER = "example.test", "other.test"
HOSTS = tuple(map(policy_host, (OURS, OTHER)))


def test_the_server_serves_the_policy_of_each_of_its_domains(tmp_path: Path) -> None:
    config = Config(
        server=ServerConfig(hostname="mail.example.test", data=tmp_path),
        tls=TlsConfig(private_ca=True, names=HOSTS),
        listen=(
            ListenConfig(
                service=Service.HTTPS, tls=TlsMode.IMPLICIT, port=0, addresses=("127.0.0.1",)
            ),
        ),
    )

    async def scenario() -> list[Response]:
        chains = Certificates().load(config, int(time.time()))
        shared = prepare(config, open_sockets(config.listen, {}), chains)
        app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
        await app.start()
        await app.provision().add_domain(OURS)
        client = HttpsClient(
            FakeResolver({(host, "A"): ["127.0.0.1"] for host in HOSTS}),
            ClientTrust(ensure_ca(config)),
            permits=lambda _: True,
        )
        port = shared.bound[0].port
        found = [
            await client.fetch(Request(f"https://{host}:{port}/.well-known/mta-sts.txt"))
            for host in HOSTS
        ]
        await app.drain(0)
        await app.close()
        shared.throttle.close()
        return found

    ours, other = asyncio.run(scenario())
    policy = config.mta_sts.policy(OURS, config.server.hostname)
    assert parse_policy(ours.body, OURS, policy.id) == policy
    assert ours.headers["content-type"].startswith("text/plain")
    assert other.status == 421

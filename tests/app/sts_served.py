"""The whole server with an HTTPS listener on loopback, and policies for one domain."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mailclad.app.build import build, prepare
from mailclad.app.certificates import Certificates, ensure_ca
from mailclad.app.config import Config
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import TlsConfig
from mailclad.app.sockets import open_sockets
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.mta_sts import policy_host
from mailclad.services.auth.password import Argon2id

OURS, OTHER = "example.test", "other.test"
HOSTS = tuple(map(policy_host, (OURS, OTHER)))
"""Both are in the certificate, one is a domain of ours."""


@dataclass(frozen=True)
class Served:
    config: Config
    port: int
    authority: Path


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    config = Config(
        server=ServerConfig(hostname="mail.example.test", data=folder),
        tls=TlsConfig(private_ca=True, names=HOSTS),
        listen=(
            ListenConfig(
                service=Service.HTTPS, tls=TlsMode.IMPLICIT, port=0, addresses=("127.0.0.1",)
            ),
        ),
    )
    chains = Certificates().start(config, int(time.time())).chains
    shared = prepare(config, open_sockets(config.listen, {}), chains)
    app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
    await app.start()
    try:
        await app.provision().add_domain(OURS)
        yield Served(config, shared.bound[0].port, ensure_ca(config))
    finally:
        await app.drain(0)
        await app.close()
        shared.throttle.close()

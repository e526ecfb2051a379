"""Whose names lead to our pages."""

import asyncio

import pytest

from mailclad.app.config import Config
from mailclad.app.settings.acme import AcmeConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import TlsConfig
from mailclad.app.web_hosts import our_hosts


async def domains() -> list[str]:
    return ["example.org"]


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("mx.example.net", True),
        ("example.org", True),
        ("mta-sts.example.org", True),
        ("autoconfig.example.org", True),
        ("more.localhost", True),
        ("a.more.localhost", False),
        ("imap.example.net", True),
        ("www.example.org", False),
        ("mta-sts.example.com", False),
        ("mta-sts.mta-sts.example.org", False),
        ("192.0.2.1", False),
        ("", False),
    ],
)
def test_our_hosts_are_the_servers_and_those_of_its_domains(host: str, ours: bool) -> None:
    config = Config(
        server=ServerConfig(hostname="MX.example.net"),
        tls=TlsConfig(private_ca=True, names=("*.localhost",)),
        acme=AcmeConfig(names=("IMAP.example.net",)),
    )
    assert asyncio.run(our_hosts(config, domains)(host)) is ours

"""``check`` from an address to the right finding: broken servers of the zoo behind the DNS."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.app.check import Asking, world
from mailclad.mail.discovery.srv import SERVICES
from mailclad.services.diagnose.check import Checked, check
from mailclad.services.diagnose.target import parse_target
from mailclad.testing.zoo import Exhibit, Zoo
from tests.dns.server import StubDns
from tests.services.diagnose.web import FakeWeb

EXHIBITS = (
    "ok",
    "expired",
    "hostname-mismatch",
    "missing-intermediate",
    "self-signed-leaf",
    "intercepted",
    "clear-on-imaps",
    "tls-on-submission",
    "smtp-on-imaps",
    "starttls-refused",
    "client-certificate",
)


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with Zoo(*EXHIBITS) as opened:
        yield opened


async def look(zoo: Zoo, exhibit: Exhibit, authorities: Path) -> Checked:
    """As programs are told: an SRV record names host and port."""
    label = next(
        service.label
        for service in SERVICES
        if (service.protocol, service.tls) == (exhibit.endpoint.protocol, exhibit.endpoint.tls)
    )
    zones = {
        f"{label}._tcp.zoo.test": {"SRV": [f"0 1 {exhibit.port} {exhibit.host}."]},
        exhibit.host: {"A": ["127.0.0.1"]},
    }
    target = replace(parse_target("ada@zoo.test"), port=exhibit.port)
    async with StubDns(zones) as dns, world(Asking((dns.address,), authorities)) as here:
        published = FakeWeb(zoo.certificates.published)
        return await check(target, replace(here, public=published), lambda *_: None)


@pytest.mark.parametrize("name", EXHIBITS)
def test_each_fault_has_its_own_finding(zoo: Zoo, name: str, tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    loaded = map(x509.load_der_x509_certificate, zoo.certificates.store)
    authorities.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in loaded))
    checked = asyncio.run(look(zoo, zoo[name], authorities))
    found = {told.id for told in checked.report.findings if told.found.endpoint is not None}
    assert found == set(zoo[name].finds)

"""A report by HTTPS arrives as it is, and only a 2xx says so."""

import asyncio
from pathlib import Path

import pytest

from mailclad.servers.https_client import HttpsClient
from mailclad.servers.tls import ClientTrust
from mailclad.services.reports.posting import ANSWER_OCTETS, HttpsPoster
from tests.certificates import make
from tests.dns.fake import FakeResolver
from tests.servers.https_site import Site, plain

HOST = "reports.test"
ROOT = make("root", authority=True)
LEAF = make("leaf", [HOST], ROOT)


@pytest.mark.rfc(8460, "5.4")
@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (plain(b"", status="200 OK"), True),
        (plain(b"", status="201 Created"), True),
        (plain(b"", status="302 Found"), False),
        (plain(b"", status="500 Oh"), False),
        (plain(b"x" * (ANSWER_OCTETS + 1)), False),
        ([], False),
    ],
)
def test_a_report_is_posted(tmp_path: Path, answer: list[bytes], taken: bool) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes(ROOT.pem)

    async def work() -> tuple[bool, bytes]:
        names = FakeResolver({(HOST, "A"): ["127.0.0.1"]})
        client = HttpsClient(names, ClientTrust(authorities), permits=lambda _: True)
        async with Site(LEAF) as site:
            site.answer = answer
            url = f"https://{HOST}:{site.port}/v1"
            done = await HttpsPoster(client).post(url, "application/tlsrpt+gzip", b"\x1f\x8b\0")
            return done, site.requests[0]

    done, request = asyncio.run(work())
    assert done is taken
    assert request.startswith(b"POST /v1 HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Length: 3\r\n" in request
    assert request.endswith(b"\r\n\r\n\x1f\x8b\0")

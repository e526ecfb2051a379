"""Postfix, Exim and OpenSMTPD take what we send: every octet, under TLS, verified."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailclad.base.resolver import Mx
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.servers.tls import ClientTrust
from mailclad.services.certificates.private_ca import ensure_private_ca
from mailclad.services.deliver.route import Route, Routes
from mailclad.store.queue import Notify
from tests.certificates import make
from tests.interop.mtas import NAMES, PROGRAMS, Pki, running
from tests.services.deliver.world import FakeMx, World

pytestmark = [
    pytest.mark.interop(*(Path(program).name for program in PROGRAMS.values())),
    pytest.mark.skipif(os.geteuid() != 0, reason="they run as root's children"),
    pytest.mark.slow,
]

HEAD = b"From: ann@here.test\r\nDate: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <%d@x>\r\n"
BODY = b".dots\r\n..\r\n\r\n" + "naïve café\r\n".encode() + b"x" * 900 + b"\r\nlast\r\n"
COUNT = 10
"""More on one connection Exim leaves to its next queue run (docs/quirks.md)."""


@pytest.mark.parametrize("name", NAMES)
def test_our_mail_arrives(name: str, tmp_path: Path) -> None:
    authority = make("a test's CA", authority=True)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    pki = Pki.made(tmp_path, "mx.peer.test", authority)
    with running(name, pki, 1) as mta:

        async def scenario() -> None:
            routes = Routes({"peer.test": Route(level=TlsLevel.VERIFY)})
            ca = ensure_private_ca(tmp_path / "ca", ["test"], datetime.now(UTC))
            (tmp_path / "store").mkdir()
            async with asyncio.timeout(60), World(tmp_path / "store", ca, routes) as w:
                w._trust = ClientTrust(tmp_path / "ca.pem")
                w.servers["mx.peer.test"] = FakeMx("mx.peer.test", None, port=mta.port)
                w.dns["mx.peer.test", "A"] = ["192.0.2.1"]
                w.dns["peer.test", "MX"] = [Mx(10, "mx.peer.test")]
                w.connections = 3
                w.start()
                messages = [
                    await w.queue(
                        octets=HEAD % number + b"\r\n" + BODY,
                        recipients=(w.to("bob@peer.test", Notify.FAILURE),),
                        eight_bit=True,
                        envid="id+2B1",
                    )
                    for number in range(COUNT)
                ]
                for message in messages:
                    assert await w.settled(message) == [], mta.told()
                (attempt, *_) = await w.attempts(messages[0])
                assert "verified by an authority" in attempt.verified
                assert len(w.targets) <= 6

        asyncio.run(scenario())
        for octets in mta.messages(COUNT):
            assert octets.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n"))

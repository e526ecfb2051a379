"""Certificates from an authority on loopback, over real TLS, when all goes well and when not."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailclad.services.certificates.acme.account import new_key
from mailclad.services.certificates.acme.client import AcmeClient
from mailclad.services.certificates.acme.order import (
    Issued,
    Wanted,
)
from tests.acme.authority import (
    Accounts,
    MemorySolver,
    TestAuthority,
    names_of,
)

NAMES = ("mail.example.test", "imap.example.test", "mta-sts.example.test")
KEY = new_key()


@dataclass
class Clock:
    at: int = field(default_factory=lambda: int(datetime.now(UTC).timestamp()))

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return float(self.at)


@dataclass
class World:
    authority: TestAuthority
    folder: Path
    accounts: Accounts = field(default_factory=Accounts)
    clock: Clock = field(default_factory=Clock)
    slept: list[float] = field(default_factory=list)

    def client(self, **more: Any) -> AcmeClient:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.clock.at += int(seconds)
            await asyncio.sleep(0)

        return AcmeClient(
            self.authority.configured(**more),
            self.authority.https(self.folder),
            self.authority.solvers,
            self.accounts,
            self.clock,
            sleep,
        )

    async def obtain(self, *names: str, replaces: str | None = None, **more: Any) -> Issued:
        return await self.client(**more).obtain(Wanted(names or NAMES, KEY, replaces))


Play = Callable[[Callable[[World], Awaitable[None]]], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def run(work: Callable[[World], Awaitable[None]], *solvers: MemorySolver) -> None:
        async def staged() -> None:
            async with asyncio.timeout(20), TestAuthority(*solvers) as authority:
                await work(World(authority, tmp_path))

        asyncio.run(staged())

    return run


def test_a_certificate_for_all_names(play: Play) -> None:
    async def work(world: World) -> None:
        issued = await world.obtain()
        assert issued.names == NAMES
        assert issued.authority == "the test"
        assert issued.dropped == {}
        assert names_of(issued.chain_pem) == set(NAMES)
        leaf, above = x509.load_pem_x509_certificates(issued.chain_pem)
        leaf.verify_directly_issued_by(above)
        assert leaf.public_key() == load_pem_private_key(KEY.reveal(), None).public_key()

    play(work)

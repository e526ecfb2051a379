"""Our ACME client beside the tests' authority, with time that goes by when somebody sleeps."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailclad.services.certificates.acme.account import new_key
from mailclad.services.certificates.acme.client import AcmeClient
from mailclad.services.certificates.acme.order import Issued, Wanted
from tests.acme.authority import Accounts, TestAuthority, identifier

NAMES = ("mail.example.test", "imap.example.test", "mta-sts.example.test")
IMAP = identifier("imap.example.test")
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


Play = Callable[..., None]
"""Run a coroutine function in a world of its own, with these solvers."""

Work = Callable[[World], Awaitable[None]]

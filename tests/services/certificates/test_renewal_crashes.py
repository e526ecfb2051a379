"""A process that dies anywhere in renewal: the next one goes on, and orders little twice."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.certificates.chain import KeyKind
from mailclad.services.certificates.renewal import Renewal, RenewalStore
from mailclad.store.certificates import CertificateState
from tests.engines.stores import opened
from tests.services.certificates.issuing import TestIssuer, TestWorld
from tests.services.certificates.kept import DAY, NAMES
from tests.services.clock import StandingClock

WRITES = (
    "forget_certificates",
    "keep_next_key",
    "keep_renewal_window",
    "note_attempt",
    "release_duty",
    "settle_certificate",
    "stage_certificate",
    "take_duty",
)
LOOK = 300


class Died(BaseException):
    """Nothing is written any more, as behind a kill -9."""


class Mortal:
    """A store whose process dies at its n-th write; ``after``: when it is done."""

    def __init__(self, store: SqliteStore, writes: int, *, after: bool) -> None:
        self._store, self._left, self._after = store, writes, after

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        return self._write(verb) if name in WRITES else verb

    def _write(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        async def write(*arguments: Any) -> Any:
            self._left -= 1
            if self._left < 0 or (self._left == 0 and not self._after):
                raise Died
            result = await verb(*arguments)
            if self._left == 0:
                raise Died
            return result

        return write


class House:
    """One store, and the processes that look one after the other."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.clock, self.world = store, StandingClock(), TestWorld()
        self.issuer = TestIssuer(self.clock)
        self.told = 0

    async def look(self, store: object) -> None:
        def staged() -> None:
            self.told += 1

        into = cast("RenewalStore", store)
        await Renewal(into, self.issuer, self.world, (KeyKind.EC,), self.clock, staged).run()

    async def serve(self) -> None:
        for one in await self.store.certificates():
            if one.state is CertificateState.STAGED:
                await self.store.settle_certificate(one.id, CertificateState.LIVE, "proven")

    async def grow_old(self) -> None:
        await self.look(self.store)
        await self.serve()
        self.clock.seconds += 63 * DAY
        self.issuer.asked.clear()
        self.told = 0

    async def recover(self) -> None:
        for _ in range(2 * 3600 // LOOK):
            self.clock.seconds += LOOK
            await self.look(self.store)
        assert self.told, "nobody was told to look into the store"
        await self.serve()
        (live,) = [
            one for one in await self.store.certificates() if one.state is CertificateState.LIVE
        ]
        assert live.not_after > self.clock.now() + 60 * DAY
        assert live.names == NAMES
        assert len(self.issuer.asked) <= 2


async def dies(folder: Path, writes: int, *, renews: bool, after: bool) -> bool:
    """Whether it died at all, and what comes behind it."""
    async with opened(folder) as store:
        house = House(store)
        if renews:
            await house.grow_old()
        try:
            await house.look(Mortal(store, writes, after=after))
        except Died:
            await house.recover()
            return True
        return False


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("renews", [False, True])
def test_whoever_comes_behind_a_crash_ends_with_a_certificate(
    tmp_path: Path, renews: bool, after: bool
) -> None:
    writes = 1
    while asyncio.run(dies(tmp_path / str(writes), writes, renews=renews, after=after)):
        writes += 1
    assert writes > 5

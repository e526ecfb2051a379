"""An order for the sake of new names is given up where it gains none of them."""

import asyncio
import time
from pathlib import Path

import pytest

from mailclad.services.certificates.acme.account import new_key
from mailclad.services.certificates.acme.client import AcmeClient
from mailclad.services.certificates.acme.order import Issued, OrderFailed, Wanted
from tests.acme.authority import Accounts, TestAuthority

HOST, OLD, NEW, BAD = "mail.example.test", "a.example.test", "b.example.test", "bad.example.test"
KEY = new_key()


class Clock:
    def now(self) -> int:
        return int(time.time())

    def monotonic(self) -> float:
        return time.monotonic()


def obtain(folder: Path, *gains: str) -> tuple[Issued | OrderFailed, int]:
    """And how many certificates the authority has made."""

    async def main() -> tuple[Issued | OrderFailed, int]:
        async with asyncio.timeout(20), TestAuthority() as authority:
            authority.refuse[BAD] = ("caa", "challenge")
            client = AcmeClient(
                authority.configured(), authority.https(folder), authority.solvers,
                Accounts(), Clock(), _at_once,
            )  # fmt: skip
            wanted = Wanted((HOST, OLD, *gains), KEY, gains=frozenset(gains))
            try:
                return await client.obtain(wanted), len(authority.chains)
            except OrderFailed as failed:
                return failed, len(authority.chains)

    return asyncio.run(main())


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


def test_without_a_gain_nothing_is_issued(tmp_path: Path) -> None:
    failed, made = obtain(tmp_path, BAD)
    assert isinstance(failed, OrderFailed)
    assert made == 0
    assert list(failed.names) == [BAD]


@pytest.mark.parametrize("gains", [(BAD, NEW), (NEW,)])
def test_one_of_them_is_enough(tmp_path: Path, gains: tuple[str, ...]) -> None:
    issued, made = obtain(tmp_path, *gains)
    assert isinstance(issued, Issued)
    assert made == 1
    assert set(issued.names) == {HOST, OLD, NEW}

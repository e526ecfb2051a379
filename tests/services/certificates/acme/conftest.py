"""Each test of the ACME client has a world of its own."""

import asyncio
from pathlib import Path

import pytest

from tests.acme.authority import MemorySolver, TestAuthority
from tests.acme.world import Play, Work, World


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def run(work: Work, *solvers: MemorySolver) -> None:
        async def staged() -> None:
            async with asyncio.timeout(20), TestAuthority(*solvers) as authority:
                await work(World(authority, tmp_path))

        asyncio.run(staged())

    return run

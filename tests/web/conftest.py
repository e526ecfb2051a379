import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.web.housed import Act, housed


@pytest.fixture
def at(tmp_path: Path) -> Callable[[Act], None]:
    """Does something in a house of its own."""

    def run(act: Act) -> None:
        async def go() -> None:
            async with housed(tmp_path) as house:
                await act(house)

        asyncio.run(go())

    return run

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.sessions.imap.house import House, open_house

Scene = Callable[[House], Coroutine[Any, Any, None]]


@pytest.fixture
def play() -> Callable[[Scene], None]:
    """Runs a scene in a house of its own, on a loop of its own."""

    def run(scene: Scene) -> None:
        async def main() -> None:
            async with open_house() as house:
                await scene(house)

        asyncio.run(main())

    return run

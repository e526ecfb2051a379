"""Renewal under load: nobody who is connected, and nobody who connects, sees an error.

``MAILCLAD_RENEWAL_CONNECTIONS`` and ``MAILCLAD_RENEWALS`` say how many.
"""

import asyncio
import os
from pathlib import Path

import pytest

from tests.faults.load import PEOPLE, Load
from tests.faults.renewals import holding, renew
from tests.faults.serving import House

CONNECTIONS = int(os.environ.get("MAILCLAD_RENEWAL_CONNECTIONS", "56"))
RENEWALS = int(os.environ.get("MAILCLAD_RENEWALS", "2"))

LOOPS = {
    "uvloop": ("-m", "mailclad"),
    "asyncio": (
        "-c",
        "import sys; sys.modules['uvloop'] = None; from mailclad.cli import main; main()",
    ),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.slow
@pytest.mark.timeout(60 + 20 * RENEWALS)
def test_connections_and_deliveries_do_not_notice_a_renewal(tmp_path: Path, loop: str) -> None:
    house = House(tmp_path, tmp_path / "data")
    house.prepare(PEOPLE)

    async def scenario() -> Load:
        load = Load(house, 1)
        async with load.running():
            for _ in range(RENEWALS):
                await load.more(20)
                await asyncio.to_thread(renew, house)
                for client in held:
                    await asyncio.to_thread(client.lives_on)
            await load.more(20)
        return load

    house.start(*LOOPS[loop])
    try:
        for worker in house.worker_pids():
            assert ("uvloop" in Path(f"/proc/{worker}/maps").read_text()) == (loop == "uvloop")
        with holding(house, CONNECTIONS) as held:
            load = asyncio.run(scenario())
    finally:
        house.end()
    assert load.refused == []
    assert load.cut_off == 0

"""kill -9 at random moments under 64 deliveries at once: what was acknowledged is there.

``MAILCLAD_CRASH_ROUNDS`` says how often; the default is for every day, 100 for a release.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailclad.engines.sqlite.verify import verify
from mailclad.store.model import ALL_UIDS, Column
from tests.engines.stores import add_account, opened
from tests.faults.crowd import ACCOUNTS, octets_of

ROUNDS = int(os.environ.get("MAILCLAD_CRASH_ROUNDS", "4"))
PROCESSES = 2


async def make(directory: Path) -> None:
    async with opened(directory) as store:
        for number in range(ACCOUNTS):
            await add_account(store, f"a{number}@example.org")


async def stored_in(directory: Path) -> list[bytes]:
    """Every message of every INBOX."""
    found: list[bytes] = []
    async with opened(directory) as store:
        for account in await store.accounts():
            inbox = (await store.stat(account.id, "INBOX")).id
            async for rows in store.fetch(inbox, ALL_UIDS, (Column.CONTENT,)):
                for (content,) in rows:
                    body = await store.body(content)
                    found.append(body.read(0, body.octets))
                    body.close()
    return found


def kill_while_delivering(directory: Path, first: int, acknowledgements: int) -> set[int]:
    """Start processes, wait for so many acknowledgements, kill all; the numbers acknowledged."""
    crowds = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.crowd", str(directory), str(first + n * 500_000)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": "src"},
        )
        for n in range(PROCESSES)
    ]
    numbers: set[int] = set()
    try:
        for crowd in crowds:
            assert crowd.stdout is not None
            for _ in range(acknowledgements):
                numbers.add(int(crowd.stdout.readline()))
    finally:
        for crowd in crowds:
            crowd.send_signal(signal.SIGKILL)
    for crowd in crowds:
        assert crowd.stdout is not None
        # A pipe hands over whole lines; what was cut off was not acknowledged.
        lines = crowd.stdout.read().split(b"\n")[:-1]
        numbers.update(int(line) for line in lines)
        crowd.stdout.close()
        crowd.wait()
    return numbers


@pytest.mark.slow
@pytest.mark.timeout(120 + 20 * ROUNDS)
def test_acknowledged_mail_survives_kill(tmp_path: Path) -> None:
    asyncio.run(make(tmp_path))
    moments = random.Random(os.environ.get("MAILCLAD_CRASH_SEED", "1"))
    acknowledged: set[int] = set()
    for number in range(ROUNDS):
        acknowledged |= kill_while_delivering(
            tmp_path, number * 1_000_000 + 1, moments.randint(1, 150)
        )
        assert verify(tmp_path) == []
    stored = asyncio.run(stored_in(tmp_path))
    assert len(acknowledged) >= ROUNDS * PROCESSES
    assert {octets_of(number) for number in acknowledged} <= set(stored)
    assert len(set(stored)) == len(stored), "nothing twice either: nobody tried again"

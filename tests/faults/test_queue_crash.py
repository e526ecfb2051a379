"""kill -9 of processes that fill and empty one queue: nothing acknowledged is lost or done twice.

``MAILCLAD_CRASH_ROUNDS`` says how often; the default is for every day, 100 for a release.
"""

import asyncio
import os
import random
import secrets
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailclad.engines.sqlite.verify import verify
from mailclad.store.queue import (
    OPEN_STATES,
    Change,
    Limits,
    QueueFilter,
    QueueId,
    RecipientState,
    Result,
    Settlement,
    Work,
)
from tests.engines.stores import opened
from tests.faults.queue_crowd import lines_of, octets_of

ROUNDS = int(os.environ.get("MAILCLAD_CRASH_ROUNDS", "4"))
TRIES = 10
PROCESSES = 3
LATER = 10**10
"""By then every lease has run out and everything is due."""


@dataclass
class Book:
    """What was said by all processes, over all rounds."""

    queued: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    """The other server has decided; whether we still know is the question."""
    settled: set[int] = field(default_factory=set)
    deferred: int = 0

    def write(self, output: bytes) -> None:
        for letter, number in lines_of(output):
            if letter == "q":
                self.queued.add(number)
            elif letter == "s":
                self.settled.add(number)
            elif letter == "d":
                self.deferred += 1
            else:
                self.answered.add(number)


def kill_at_work(directory: Path, round_: int, lines: int, *words: str) -> list[bytes]:
    """Start processes, wait for so many lines of each, kill all; what they said."""
    crowds = [
        subprocess.Popen(
            [
                sys.executable, "-m", "tests.faults.queue_crowd", str(directory),
                str(round_ * 10_000_000 + number * 1_000_000 + 1), f"p{round_}.{number}", *words,
            ],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": "src"},
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    said = [b"" for _ in crowds]
    try:
        for number, crowd in enumerate(crowds):
            assert crowd.stdout is not None
            for _ in range(lines):
                said[number] += crowd.stdout.readline()
    finally:
        for crowd in crowds:
            crowd.send_signal(signal.SIGKILL)
    for number, crowd in enumerate(crowds):
        assert crowd.stdout is not None
        said[number] += crowd.stdout.read()
        crowd.stdout.close()
        crowd.wait()
    return said


async def left_in(directory: Path) -> set[int]:
    """The numbers that are still in the queue, their octets compared."""
    left: set[int] = set()
    async with opened(directory) as store:
        after: QueueId | None = None
        while True:
            page = await store.queue_page(after=after)
            for each in page.messages:
                (one,) = each.recipients
                assert one.state in OPEN_STATES
                number = int(one.address.partition("@")[0])
                assert number not in left, "twice"
                left.add(number)
                body = await store.body(each.message.content)
                assert body.read(0, body.octets) == octets_of(number)
                body.close()
            if page.next is None:
                return left
            after = page.next


def delivered(work: Work) -> Settlement:
    (one,) = work.recipients
    return Settlement(work.message.id, (Result(one.number, RecipientState.DELIVERED, "250"),))


async def empty(directory: Path) -> int:
    """Whoever comes after the crash can lease all that is left; how many."""
    count = 0
    async with opened(directory) as store:
        after: QueueId | None = None
        while True:
            changed = await store.change(Change.RELEASE, QueueFilter(), 0, after)
            if changed.next is None:
                break
            after = changed.next
        while works := await store.lease_due(LATER, "heir", 2 * LATER, limits=Limits(10_000)):
            count += len(works)
            await store.settle("heir", [delivered(work) for work in works])
    return count


@pytest.mark.slow
@pytest.mark.timeout(120 + 20 * ROUNDS)
def test_a_queue_survives_the_kill_of_all_who_work_on_it(tmp_path: Path) -> None:
    seed = os.environ.get("MAILCLAD_CRASH_SEED") or secrets.token_hex(4)
    print(f"MAILCLAD_CRASH_SEED={seed}")  # noqa: T201 - shown when the test fails
    moments = random.Random(seed)
    book = Book()
    left: set[int] = set()
    for round_ in range(ROUNDS):
        for said in kill_at_work(tmp_path, round_, moments.randint(1, 600)):
            book.write(said)
        assert verify(tmp_path) == []
        left = asyncio.run(left_in(tmp_path))
        assert book.queued - book.answered <= left, "taken, not delivered, and gone"
        assert not book.settled & left, "delivered, written down, and to be sent again"
    assert asyncio.run(empty(tmp_path)) == len(left)
    assert verify(tmp_path) == []
    assert len(book.queued) >= 20 * ROUNDS
    assert book.settled
    assert book.deferred


@pytest.mark.slow
def test_who_settles_too_early_is_found_out(tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    book = Book()
    for round_ in range(TRIES):  # now and then the kill finds nothing under way
        for said in kill_at_work(tmp_path, round_, 100, "careless"):
            book.write(said)
        if book.queued - book.answered - asyncio.run(left_in(tmp_path)):
            return
    pytest.fail(f"{TRIES} rounds noticed nothing")

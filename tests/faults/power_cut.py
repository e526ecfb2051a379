"""The power fails: only what had reached the disk is left; acknowledged mail must be in it.

Run as root: ``python -m tests.faults.power_cut [ROUNDS] [--careless]``.  A store lies on a
file system in an image, mounted through a loop device.  While 64 tasks deliver, the
processes are stopped dead and the image is copied: what the kernel still held in memory is
not in the copy.  The copy is mounted, verified, and searched for every message that had
been acknowledged.  ``--careless`` syncs nothing: then mail must be lost, or this proves
nothing.
"""
# ruff: noqa: T201 - a program that tells how it goes

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mailclad.engines.sqlite.verify import verify
from tests.faults.crowd import ACCOUNTS, octets_of
from tests.faults.test_store_crash import make, stored_in

IMAGE_OCTETS = 1 << 30


def command(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    command("mount", "-o", "loop", image, place)
    try:
        yield place
    finally:
        command("umount", place)


def cut_while_delivering(mail: Path, image: Path, first: int, careless: bool) -> set[int]:
    """Deliver, stop at a random moment, copy the image; the numbers acknowledged by then."""
    words = [sys.executable, "-m", "tests.faults.crowd", str(mail), str(first)]
    if careless:
        words.append("careless")
    crowd = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert crowd.stdout is not None
    numbers = {int(crowd.stdout.readline()) for _ in range(random.randint(200, 1_500))}
    crowd.send_signal(signal.SIGSTOP)
    shutil.copyfile(image, image.with_suffix(".cut"))
    crowd.kill()
    numbers.update(int(line) for line in crowd.stdout.read().split(b"\n")[:-1])
    crowd.stdout.close()
    crowd.wait()
    return numbers


def lost_in_a_round(work: Path, number: int, careless: bool) -> int:
    """How many acknowledged messages are not in the copy, or -1 where it is not whole."""
    image, cut = work / "disk.image", work / "disk.cut"
    with image.open("wb") as file:
        file.truncate(IMAGE_OCTETS)
    command("mkfs.ext4", "-q", image)
    with mounted(image, work / "disk") as disk:
        asyncio.run(make(disk / "mail"))
        os.sync()
        acknowledged = cut_while_delivering(disk / "mail", image, number * 1_000_000, careless)
    with mounted(cut, work / "after") as disk:
        problems = verify(disk / "mail")
        for problem in problems[:5]:
            print("  ", problem.text)
        if problems:
            return -1
        stored = set(asyncio.run(stored_in(disk / "mail")))
    lost = sum(octets_of(one) not in stored for one in acknowledged)
    print(f"round {number}: {len(acknowledged)} acknowledged, {len(stored)} there, {lost} lost")
    return lost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=10)
    parser.add_argument("--careless", action="store_true")
    options = parser.parse_args()
    assert ACCOUNTS > 0
    with tempfile.TemporaryDirectory() as work:
        lost = [lost_in_a_round(Path(work), n, options.careless) for n in range(options.rounds)]
    if options.careless:
        return 0 if any(lost) else 1
    return 1 if any(lost) else 0


if __name__ == "__main__":
    sys.exit(main())

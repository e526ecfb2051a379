"""Cut the power of a server under full load: what was acknowledged is there afterwards.

    python tests/faults/power_cut_server.py [ROUNDS]

The data directory lies on an ext4 of its own, in an image file behind a loop device.  In the
middle of 64 deliveries and 8 people who change their mail the file system is shut down without
writing its journal (EXT4_IOC_SHUTDOWN, no log flush): what was not synced by then is gone, as
with the power.  Everything is killed, the image mounted again, the server started, and every
acknowledged message compared byte for byte.  Before that, two servers that do not sync as
they must show that a loss would be noticed.  Needs root, for mount(8).
"""

import array
import asyncio
import contextlib
import fcntl
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.rounds import EVERYBODY, Book, check, loaded
from tests.faults.serving import DidNotStart, House

ROUNDS = 20
ROUNDS_ON_AN_IMAGE = 5  # each reads all that is there: more of them would mostly read
CARELESS_ROUNDS = 6
"""A careless server may be lucky once or twice; never so often."""

IMAGE_OCTETS = 2 << 30  # sparse: costs what is written

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


class Image:
    """An ext4 in a file."""

    def __init__(self, folder: Path) -> None:
        self.file, self.place = folder / "image", folder / "mounted"
        self.place.mkdir()
        with self.file.open("wb") as file:
            file.truncate(IMAGE_OCTETS)
        run("mkfs.ext4", "-q", "-F", self.file)

    def mount(self) -> None:
        run("mount", "-o", "loop", self.file, self.place)

    def unmount(self) -> None:
        run("umount", self.place)

    def cut_power(self) -> None:
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, array.array("I", [NO_LOG_FLUSH]), False)
        finally:
            os.close(fd)


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


@contextlib.contextmanager
def house_on_image() -> Iterator[tuple[House, Image]]:
    """A prepared installation whose data is on the image, mounted; all is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="power-cut-") as name:
        folder = Path(name)
        image = Image(folder)
        house = House(folder, image.place / "data")
        image.mount()
        try:
            house.prepare(EVERYBODY)
            yield house, image
        finally:
            house.end()
            image.unmount()


async def load_and_cut(house: House, book: Book, image: Image, moments: random.Random) -> None:
    async with loaded(house, book) as load:
        await load.more(moments.randint(1, 600))
        await asyncio.sleep(moments.uniform(0, 0.02))
        # A sync that is under way while ext4 shuts down may report success for nothing (seen on
        # Linux 6.18 without any of our code), so at the moment of the cut none is.
        house.stand_still()
        image.cut_power()
        house.go_on()
        # Nothing can be stored any more, so nothing may be acknowledged any more either.
        await asyncio.sleep(moments.uniform(0, 0.1))
        house.kill_all()


def one_round(
    house: House, book: Book, image: Image, moments: random.Random, *careless: str
) -> list[str]:
    """What the cut has cost."""
    house.start(*careless)
    asyncio.run(load_and_cut(house, book, image, moments))
    image.unmount()
    image.mount()
    try:
        house.start()
    except DidNotStart as problem:
        return [str(problem)]
    lost = asyncio.run(check(house, book))
    house.stop()
    return lost + [f"for ever refused: {reply}" for reply in book.refused if reply[0] != "4"]


def losses_of_careless(what: str, moments: random.Random) -> int:
    """In which round the careless server was found out; 0: never."""
    for number in range(1, CARELESS_ROUNDS + 1):
        with house_on_image() as (house, image):
            program = ("-m", "tests.faults.careless", what)
            if one_round(house, Book(house), image, moments, *program):
                return number
    return 0


def survive(rounds: int, moments: random.Random) -> list[str]:
    """All that was lost in so many rounds."""
    deliveries = changes = refused = 0
    for first in range(0, rounds, ROUNDS_ON_AN_IMAGE):
        with house_on_image() as (house, image):
            book = Book(house)
            for number in range(first, min(first + ROUNDS_ON_AN_IMAGE, rounds)):
                if lost := one_round(house, book, image, moments):
                    return [f"round {number + 1}: {what}" for what in lost]
            deliveries += len(book.acknowledged)
            changes += sum(changer.done for changer in book.changers)
            refused += len(book.refused)
    say(f"{rounds} power cuts, {deliveries} deliveries and {changes} changes acknowledged,")
    say(f"{refused} refused after the cut: nothing is lost, torn or doubled.")
    return []


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program for people


def main() -> int:
    if os.geteuid() != 0:
        say("power_cut_server.py needs root to mount a file system image: run it with sudo.")
        return 0
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seed = os.environ.get("MAILCLAD_KILL_SEED") or secrets.token_hex(4)
    say(f"MAILCLAD_KILL_SEED={seed}")
    moments, began = random.Random(seed), time.monotonic()
    for what in ("pack", "index"):
        found = losses_of_careless(what, moments)
        if not found:
            say(f"✕ A server that does not sync its {what} went unnoticed: this proves nothing.")
            return 1
        say(f"A server that does not sync its {what} is found out in round {found}.")
    lost = survive(rounds, moments)
    for what in lost:
        say(f"✕ {what}")
    say(f"{time.monotonic() - began:.0f} s")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())

"""Programs that want a terminal."""

import contextlib
import os
import pty
import select
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path

PATIENCE = 60  # seconds; then it is ended, and what it showed is in the failure
SIZE = struct.pack("HHHH", 40, 120, 0, 0)


@dataclass
class Terminal:
    """What a program shows, and the keys that it gets."""

    child: subprocess.Popen[bytes]
    side: int
    shown: bytearray = field(default_factory=bytearray)

    def until(self, words: bytes) -> None:
        """Reads what is shown until these words were."""
        while words not in self.shown:
            assert self._more(), bytes(self.shown[-3000:])

    def until_so(self, good: Callable[[], object]) -> None:
        """Reads what is shown until something is so elsewhere: a program draws differences only,
        so words may never stand there whole."""
        while not good():
            if select.select([self.side], [], [], 0.1)[0]:
                assert self._more(), bytes(self.shown[-3000:])

    def press(self, keys: str) -> None:
        self.shown.clear()
        os.write(self.side, keys.encode())

    def end(self) -> bytes:
        """Everything until the program ends."""
        while self._more():
            pass
        assert self.child.wait(60) == 0, bytes(self.shown[-3000:])
        return bytes(self.shown)

    def _more(self) -> bool:
        try:
            octets = os.read(self.side, 65_536)
        except OSError:
            return False  # Linux says EIO when the last holder of the other side is gone
        self.shown += octets
        return bool(octets)


@contextlib.contextmanager
def in_terminal(
    *command: str | Path, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[Terminal]:
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, SIZE)
    child = subprocess.Popen(
        ["setsid", "--ctty", *(str(part) for part in command)],
        stdin=side,
        stdout=side,
        stderr=side,
        env={**(os.environ if environment is None else environment), "TERM": "xterm"},
        cwd=folder,
    )
    os.close(side)
    too_long = threading.Timer(PATIENCE, child.kill)
    too_long.start()
    try:
        yield Terminal(child, main)
    finally:
        too_long.cancel()
        os.close(main)
        child.kill()
        child.wait(30)

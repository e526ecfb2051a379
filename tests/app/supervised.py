"""A program for test_supervise: the supervisor with workers that only say who they are.

Each worker answers a connection to its Unix socket with ``pid generation`` and then keeps
the connection until it is told to retire.  Commands for it come in by files in its folder:
``refuse`` (a reload is refused), ``broken`` (new workers cannot start).
"""

import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from mailclad.app.activation import Staged
from mailclad.app.control import Failed, FrameReader, Ready, Retire, Swapped, say
from mailclad.app.notices import NoticeBoard
from mailclad.app.pool import Work
from mailclad.app.supervise import CannotStart, Reloaded, ReloadRefused, Supervisor


class Echo:
    """An installation of two workers that share one listening socket."""

    def __init__(self, folder: Path, board: NoticeBoard) -> None:
        self.folder, self.board, self.number = folder, board, 1
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "echo"))
        self.listener.listen()

    def workers(self) -> int:
        return 2

    def drain_seconds(self) -> float:
        return 1.0

    def served_certificates(self) -> Staged | None:
        return None

    def renewed_certificates(self) -> Staged | None:
        return None

    def reload(self) -> Reloaded:
        if (self.folder / "refuse").exists():
            raise ReloadRefused("mailclad.toml: server: line 1: unknown key")
        self.number += 1

        def settle(good: bool) -> None:
            self.number -= 0 if good else 1

        return Reloaded(True, None, settle)

    def work(self) -> Work:
        return self._work

    def _work(self, link: socket.socket, slot: int) -> NoReturn:
        self.board.take(slot)
        if (self.folder / "broken").exists():
            say(link, Failed("the store is broken"))
            os._exit(1)
        say(link, Ready())
        link.setblocking(True)
        answered: list[socket.socket] = []
        frames = FrameReader()
        while True:
            readable, _, _ = select.select([self.listener, link], [], [])
            if link in readable:
                data = link.recv(4096)
                said = frames.feed(data)
                if not data or any(isinstance(s, Retire) for s in said):
                    os._exit(0)
                say(link, Swapped())
            elif self.listener in readable:
                self.listener.setblocking(False)
                try:
                    peer, _ = self.listener.accept()
                except BlockingIOError:
                    continue
                peer.send(f"{os.getpid()} {self.number}\n".encode())
                answered.append(peer)


def say_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    board = NoticeBoard(8)
    signal.alarm(60)  # never outlive a test that was killed
    supervisor = Supervisor(Echo(Path(sys.argv[1]), board), board)
    try:
        supervisor.run(lambda: say_line(f"ready {os.getpid()}"))
    except CannotStart as problem:
        say_line(f"cannot start: {problem}")
        sys.exit(1)
    say_line("stopped")


if __name__ == "__main__":
    main()

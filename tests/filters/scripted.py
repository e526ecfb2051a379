"""A milter that does as it is told, written from the protocol's description alone."""

import contextlib
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ALL_ACTIONS = 0xFF
CLOSE = b"<close>"
SILENT = b""
ENDLESS = b"<progress for ever>"
_UNANSWERED = frozenset({b"D", b"A", b"Q"})


def packet(letter: bytes, rest: bytes = b"") -> bytes:
    return struct.pack(">I", 1 + len(rest)) + letter + rest


def choice(version: int = 6, actions: int = ALL_ACTIONS, steps: int = 0) -> bytes:
    return packet(b"O", struct.pack(">III", version, actions, steps))


CONTINUE = packet(b"c")

MISBEHAVIOURS: Mapping[str, bytes] = {
    "silent": SILENT,
    "half a packet": b"\0\0\0\x05y550",
    "an empty packet": b"\0\0\0\0",
    "a giant packet": b"\x7f\xff\xff\xff" + b"c",
    "an unknown answer": packet(b"?"),
    "closes": CLOSE,
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a reply that says yes": packet(b"y", b"250 2.0.0 fine\0"),
    "a reply without a code": packet(b"y", b"no\0"),
    "a field without a name": packet(b"h", b"\0value\0"),
    "a number cut off": packet(b"m", b"\0\0"),
}


@dataclass
class ScriptedMilter:
    """Listens in a thread; ``answers`` are octets by the letter of the question, else continue.

    ``steps`` are what it does not want; ``seen`` is all that it was sent, of all connections.
    """

    path: Path
    answers: Mapping[bytes, bytes] = field(default_factory=dict)
    offer: bytes = field(default_factory=choice)
    unanswered: frozenset[bytes] = frozenset()
    seen: list[tuple[bytes, bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(10)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a connection to the milter was left open"

    @property
    def name(self) -> str:
        return f"unix:{self.path}"

    @property
    def letters(self) -> str:
        return b"".join([letter for letter, _ in self.seen]).decode()

    def rest_of(self, letter: bytes) -> list[bytes]:
        return [rest for one, rest in self.seen if one == letter]

    def macros(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for rest in self.rest_of(b"D"):
            words = rest[1:].decode().split("\0")
            found |= dict(zip(words[::2], words[1::2], strict=False))
        return found

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listening.accept()
                thread = threading.Thread(target=self._talk, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _talk(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(ConnectionError), sock.makefile("rb") as file:
            while head := file.read(4):
                (length,) = struct.unpack(">I", head)
                whole = file.read(length)
                letter = whole[:1]
                self.seen.append((letter, whole[1:]))
                if letter in _UNANSWERED or letter in self.unanswered:
                    continue
                usual = self.offer if letter == b"O" else CONTINUE
                answer = self.answers.get(letter, usual)
                if answer == CLOSE:
                    return
                while answer == ENDLESS:  # until the server closes the connection
                    sock.sendall(packet(b"p"))
                sock.sendall(answer)

"""What supervisor and worker say to each other, over a Unix socket pair.

Frames of four octets of length and a msgpack value.  Both ends are ours; the end of the
stream says that the other process is gone.
"""

import socket
import struct
from collections.abc import Iterable
from datetime import datetime

import msgspec

from mailclad.base.secret import Secret
from mailclad.servers.expected_chains import Expected
from mailclad.servers.loopback import Proof
from mailclad.services.certificates.chain import CertificateChain, KeyKind
from mailclad.store.certificates import CertificateState

_LENGTH = struct.Struct("<I")

FRAME_OCTETS = 16 * 1024 * 1024
"""The largest frame: some thousand certificates with their chains."""

SEND_SECONDS = 5.0
"""A worker that does not read for so long hangs, and is replaced."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Worker: all listeners accept."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Worker: could not start; the text is for people."""

    text: str


class Certificate(msgspec.Struct, frozen=True):
    """A ``CertificateChain`` on its way to a worker; never logged."""

    names: tuple[str, ...]
    chain_pem: bytes
    key_pem: bytes
    kind: KeyKind
    not_before: datetime
    not_after: datetime
    source: str

    def __repr__(self) -> str:
        return f"Certificate({self.names!r}, ***)"


class Swap(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: serve these certificates from now on."""

    certificates: tuple[Certificate, ...]

    @classmethod
    def of(cls, chains: Iterable[CertificateChain]) -> "Swap":
        return cls(
            tuple(
                Certificate(
                    c.names,
                    c.chain_pem,
                    c.key_pem.reveal(),
                    c.kind,
                    c.not_before,
                    c.not_after,
                    c.source,
                )
                for c in chains
            )
        )

    def chains(self) -> tuple[CertificateChain, ...]:
        return tuple(
            CertificateChain(
                c.names,
                c.chain_pem,
                Secret(c.key_pem),
                c.kind,
                c.not_before,
                c.not_after,
                c.source,
            )
            for c in self.certificates
        )


class Swapped(msgspec.Struct, frozen=True, tag=True):
    """Worker: the certificates are in use; or they cannot be, and the ones before still are."""

    refusal: str = ""


class Prove(msgspec.Struct, frozen=True, tag=True):
    """Supervisor, when all have swapped: ask every port what it shows."""

    expected: Expected


class Proved(msgspec.Struct, frozen=True, tag=True):
    """Worker: what the ports have shown."""

    proof: Proof


class Settle(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: write down in the store what became of a certificate; not answered."""

    certificate: int
    state: CertificateState
    note: str


class Retire(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: accept nothing more, and end when the last connection has ended.

    After ``seconds`` those that are left are told to end; with 0 they are told at once.
    """

    seconds: float


class Retiring(msgspec.Struct, frozen=True, tag=True):
    """Worker: nothing more is accepted here; who connects from now on meets the others."""


Said = Ready | Failed | Swap | Swapped | Prove | Proved | Settle | Retire | Retiring

_decoder = msgspec.msgpack.Decoder(Said)


class FrameReader:
    """Octets in, whole frames out; raises ValueError on octets that are no frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Said]:
        self._buffer += data
        found: list[Said] = []
        while len(self._buffer) >= _LENGTH.size:
            (octets,) = _LENGTH.unpack_from(self._buffer)
            if octets > FRAME_OCTETS:
                raise ValueError(f"a frame of {octets} octets")
            end = _LENGTH.size + octets
            if len(self._buffer) < end:
                break
            found.append(_decoder.decode(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
        return found


def frame(said: Said) -> bytes:
    body = msgspec.msgpack.encode(said)
    return _LENGTH.pack(len(body)) + body


def say(link: socket.socket, said: Said) -> bool:
    """Send, waiting a little for a slow reader; False when it hangs or is gone."""
    link.settimeout(SEND_SECONDS)
    try:
        link.sendall(frame(said))
    except OSError:
        return False
    finally:
        link.setblocking(False)
    return True

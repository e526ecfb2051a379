"""What goes over the wire of an island, as anybody on the network sees it: TCP in IPv4.

The kernel keeps the packets until they are looked at; a test's few megabytes fit.  Needs root.
"""

import socket
from base64 import b64encode
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_ETH_P_IP = 0x0800
_SO_RCVBUFFORCE = 33
_ROOM = 64 * 1024 * 1024
_TCP = 6
_SYN, _ACK = 0x02, 0x10


@dataclass
class Wire:
    """``ports`` are those that somebody connected to; ``octets`` all that was said on any."""

    ports: set[int] = field(default_factory=set)
    octets: bytearray = field(default_factory=bytearray)

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        self._socket.bind(("lo", _ETH_P_IP))
        self._socket.setblocking(False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def look(self) -> Self:
        """At all that has come since."""
        while True:
            try:
                self._take(self._socket.recv(65_536))
            except BlockingIOError:
                return self

    def _take(self, packet: bytes) -> None:
        if packet[9] != _TCP:
            return
        segment = packet[(packet[0] & 15) * 4 : int.from_bytes(packet[2:4], "big")]
        if segment[13] & (_SYN | _ACK) == _SYN:
            self.ports.add(int.from_bytes(segment[2:4], "big"))
        self.octets += segment[(segment[12] >> 4) * 4 :]

    def shows(self, secret: str) -> bool:
        """Whether somebody who listens has read it, as it is or in base64 at any offset."""
        octets = secret.encode()
        forms = [octets] + [b64encode(b"\0" * shift + octets)[4:-4] for shift in range(3)]
        return any(form in self.octets for form in forms)

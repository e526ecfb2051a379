"""The packets of the milter protocol: a length, a letter, and what the letter means.

Version 6, as Sendmail's libmilter speaks it: four octets of length in network order, which
count the letter and the rest.  Comes in: octets from a milter, cut anywhere.  Goes out: packets,
or ``Nonsense``.  A milter is installed by the administrator, but is a program of somebody
else's: nothing it says is believed to be well formed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

LENGTH_OCTETS = 4

PACKET_OCTETS = 128 * 1024
"""The largest packet that is read: libmilter's are at most 65,535 octets and a little."""

BODY_OCTETS = 65_535
"""The most of a body in one packet: what libmilter's buffers are made for."""


class Nonsense(Exception):
    """The milter does not speak the protocol; says what was wrong."""


@dataclass(frozen=True, slots=True)
class Packet:
    letter: bytes
    rest: bytes = b""

    def encode(self) -> bytes:
        """The octets on the wire."""
        return (1 + len(self.rest)).to_bytes(LENGTH_OCTETS, "big") + self.letter + self.rest


class PacketReader:
    """Puts packets together."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    def receive_data(self, octets: bytes) -> None:
        self._held += octets

    def next_packet(self) -> Packet | None:
        """None until one is whole; raises Nonsense for a length that no packet has."""
        held = self._held
        if len(held) < LENGTH_OCTETS:
            return None
        length = int.from_bytes(held[:LENGTH_OCTETS], "big")
        if not 1 <= length <= PACKET_OCTETS:
            raise Nonsense(f"a packet of {length} octets")
        end = LENGTH_OCTETS + length
        if len(held) < end:
            return None
        packet = Packet(bytes(held[4:5]), bytes(held[5:end]))
        del held[:end]
        return packet


def strings(values: Iterable[bytes]) -> bytes:
    """Each ended by an octet of value 0; those inside are left out."""
    return b"".join([value.replace(b"\0", b"") + b"\0" for value in values])


def split_strings(octets: bytes) -> list[bytes]:
    """The strings; the last may lack its end."""
    return octets.removesuffix(b"\0").split(b"\0") if octets else []

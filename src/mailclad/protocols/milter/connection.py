"""The server's side of one connection with a milter, without I/O.

Comes in: what happens in an SMTP session, and the milter's octets.  Goes out: octets for the
milter, and its answers.  A question is sent only if the milter wants it, and answered unless it
said that it will not; the caller asks one at a time and reads until it is settled.
Limits: the packet (``packet.PACKET_OCTETS``), and ``CHANGES`` of one message.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from mailclad.protocols.milter.agreement import Agreement, Step, offer, read_choice
from mailclad.protocols.milter.answer import (
    Answer,
    Change,
    Progress,
    Verdict,
    action_of,
    read_answer,
)
from mailclad.protocols.milter.packet import Nonsense, Packet, PacketReader, strings

CHANGES = 2_000
"""Packets that change one message: a body of 50 MiB comes in 800 pieces."""

_SKIP_SINCE = 6
_DATA_SINCE = 4


class Ask(Enum):
    """A question: its letter, the step that leaves it out, the step that leaves it unanswered."""

    CONNECT = b"C", Step.NO_CONNECT, Step.SILENT_CONNECT
    HELLO = b"H", Step.NO_HELLO, Step.SILENT_HELLO
    MAIL = b"M", Step.NO_MAIL, Step.SILENT_MAIL
    RECIPIENT = b"R", Step.NO_RECIPIENT, Step.SILENT_RECIPIENT
    DATA = b"T", Step.NO_DATA, Step.SILENT_DATA
    FIELD = b"L", Step.NO_FIELDS, Step.SILENT_FIELD
    END_OF_HEADER = b"N", Step.NO_END_OF_HEADER, Step.SILENT_END_OF_HEADER
    BODY = b"B", Step.NO_BODY, Step.SILENT_BODY
    END_OF_MESSAGE = b"E", Step(0), Step(0)


@dataclass(frozen=True, slots=True)
class Question:
    """``octets`` is empty where the milter does not want it."""

    octets: bytes
    answered: bool


_NOT_ASKED = Question(b"", answered=False)


class MilterConnection:
    __slots__ = ("_agreement", "_asked", "_changes", "_reader")

    def __init__(self) -> None:
        self._reader = PacketReader()
        self._agreement: Agreement | None = None
        self._asked: Ask | None = None
        self._changes = 0

    @property
    def agreement(self) -> Agreement:
        assert self._agreement is not None, "the offer has been answered"
        return self._agreement

    def start(self) -> bytes:
        """The offer; its answer is read with ``agreed``."""
        return offer().encode()

    def agreed(self) -> bool:
        """Whether the milter has answered the offer; raises Nonsense."""
        packet = self._reader.next_packet()
        if packet is not None:
            self._agreement = read_choice(packet)
        return packet is not None

    def ask(
        self, ask: Ask, rest: bytes = b"", macros: Mapping[str, str] | None = None
    ) -> Question:
        """What is to be sent, with the macros of this stage before it."""
        letter, without, silent = ask.value
        agreement = self.agreement
        if without & agreement.steps or (ask is Ask.DATA and agreement.version < _DATA_SINCE):
            return _NOT_ASKED
        octets = Packet(letter, rest).encode()
        if macros:
            octets = _define(letter, macros).encode() + octets
        self._asked, self._changes = ask, 0
        return Question(octets, answered=not silent & agreement.steps)

    def receive_data(self, octets: bytes) -> None:
        self._reader.receive_data(octets)

    def next_answer(self) -> Answer | None:
        """None until one is whole; raises Nonsense also for one that does not fit the question."""
        packet = self._reader.next_packet()
        if packet is None:
            return None
        answer = read_answer(packet)
        if isinstance(answer, Change):
            self._check_change(answer)
        elif answer is Progress.PROGRESS and self._asked is not Ask.END_OF_MESSAGE:
            raise Nonsense("it asks for time before the end of the message")
        elif answer is Verdict.SKIP and (
            self._asked is not Ask.BODY or self.agreement.version < _SKIP_SINCE
        ):
            raise Nonsense("it skips what is not the body")
        elif answer is Verdict.DISCARD and self._asked in (Ask.CONNECT, Ask.HELLO):
            raise Nonsense("it discards where there is no message")
        return answer

    def _check_change(self, change: Change) -> None:
        if self._asked is not Ask.END_OF_MESSAGE:
            raise Nonsense("a change before the end of the message")
        if not action_of(change) & self.agreement.actions:
            raise Nonsense(f"{type(change).__name__}, which it did not ask to be allowed")
        self._changes += 1
        if self._changes > CHANGES:
            raise Nonsense(f"more than {CHANGES} changes to one message")


ABORT = Packet(b"A").encode()
"""The message is over without its end; nothing comes back."""

QUIT = Packet(b"Q").encode()
"""The connection is over; nothing comes back."""


def connection_facts(host_name: str, peer: str) -> bytes:
    """Of SMFIC_CONNECT; ``peer`` is an IP address, "" on a Unix socket; its port is not told."""
    name = strings([host_name.encode()])
    if not peer:
        return name + b"U"
    family = b"6" if ":" in peer else b"4"
    return name + family + b"\0\0" + strings([peer.encode()])


def _define(letter: bytes, macros: Mapping[str, str]) -> Packet:
    """SMFIC_MACRO; names of more than one letter stand in braces."""
    pairs: Iterable[tuple[bytes, bytes]] = (
        ((name if len(name) == 1 else f"{{{name}}}").encode(), value.encode())
        for name, value in macros.items()
        if value
    )
    return Packet(b"D", letter + strings([part for pair in pairs for part in pair]))

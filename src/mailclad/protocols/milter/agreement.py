"""What a server and a milter agree on first: version, changes allowed, steps (SMFIC_OPTNEG).

Goes out: what we offer.  Comes in: the milter's choice from it, which may not ask for more.
"""

import struct
from dataclasses import dataclass
from enum import IntFlag

from mailclad.protocols.milter.packet import Nonsense, Packet

VERSION = 6
OLDEST = 2
"""Version 1 was gone by Sendmail 8.12; its milters know neither quarantine nor header changes."""

_NUMBERS = struct.Struct(">III")


class Action(IntFlag):
    """What a milter may change (SMFIF_…)."""

    ADD_FIELDS = 0x01
    CHANGE_BODY = 0x02
    ADD_RECIPIENTS = 0x04
    DELETE_RECIPIENTS = 0x08
    CHANGE_FIELDS = 0x10
    QUARANTINE = 0x20
    CHANGE_SENDER = 0x40
    ADD_RECIPIENTS_WITH_PARAMETERS = 0x80


class Step(IntFlag):
    """What a milter does not want to see (NO_…), or will not answer (SILENT_…) (SMFIP_…)."""

    NO_CONNECT = 0x01
    NO_HELLO = 0x02
    NO_MAIL = 0x04
    NO_RECIPIENT = 0x08
    NO_BODY = 0x10
    NO_FIELDS = 0x20
    NO_END_OF_HEADER = 0x40
    SILENT_FIELD = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    """We understand the answer "skip the rest of the body"."""
    SILENT_CONNECT = 0x1000
    SILENT_HELLO = 0x2000
    SILENT_MAIL = 0x4000
    SILENT_RECIPIENT = 0x8000
    SILENT_DATA = 0x10000
    SILENT_UNKNOWN = 0x20000
    SILENT_END_OF_HEADER = 0x40000
    SILENT_BODY = 0x80000
    LEADING_BLANK = 0x100000
    """Values of fields go both ways with the blank behind the colon."""


OFFERED_ACTIONS = Action(0xFF)
OFFERED_STEPS = Step(0)
for _step in Step:
    OFFERED_STEPS |= _step


@dataclass(frozen=True, slots=True)
class Agreement:
    version: int
    actions: Action
    steps: Step


def offer() -> Packet:
    """The first packet of a connection."""
    return Packet(b"O", _NUMBERS.pack(VERSION, OFFERED_ACTIONS, OFFERED_STEPS))


def read_choice(packet: Packet) -> Agreement:
    """The milter's answer to the offer.

    What may follow the three numbers are the macros it would like; all get the usual ones.
    """
    if packet.letter != b"O" or len(packet.rest) < _NUMBERS.size:
        raise Nonsense("the offer was not answered")
    version, actions, steps = _NUMBERS.unpack_from(packet.rest)
    if not OLDEST <= version <= VERSION:
        raise Nonsense(f"version {version} of the protocol")
    if (actions | OFFERED_ACTIONS) != OFFERED_ACTIONS or (steps | OFFERED_STEPS) != OFFERED_STEPS:
        raise Nonsense("it asks for what was not offered")
    return Agreement(version, Action(actions), Step(steps))

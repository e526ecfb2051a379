"""What a milter says: go on, no, or a change to the message (SMFIR_…).

Comes in: packets.  Goes out: frozen values, or ``Nonsense``.  Texts stay octets; whether an
address is one, and whether a field can stand in a header, is for the receiver to say.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from mailclad.protocols.milter.agreement import Action
from mailclad.protocols.milter.packet import Nonsense, Packet, split_strings
from mailclad.protocols.smtp.reply import Reply


class Verdict(Enum):
    """How a question is settled."""

    CONTINUE = b"c"
    ACCEPT = b"a"
    REJECT = b"r"
    DEFER = b"t"
    DISCARD = b"d"
    SKIP = b"s"
    """No more of the body."""
    SHUT_DOWN = b"4"
    """The connection ends, with 421."""
    FAIL_CONNECTION = b"f"


class Progress(Enum):
    """Not settled: the milter needs more time."""

    PROGRESS = b"p"


@dataclass(frozen=True, slots=True)
class AddField:
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class InsertField:
    """``index`` 0 and 1 are the top: the server's own Received may or may not be counted."""

    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ChangeField:
    """The ``index``-th field of that name, from 1; an empty value removes it."""

    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ReplaceBody:
    """A piece of the new body; the pieces follow each other."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class AddRecipient:
    path: bytes


@dataclass(frozen=True, slots=True)
class DeleteRecipient:
    path: bytes


@dataclass(frozen=True, slots=True)
class ChangeSender:
    path: bytes


@dataclass(frozen=True, slots=True)
class Quarantine:
    reason: bytes


Change = (
    AddField
    | InsertField
    | ChangeField
    | ReplaceBody
    | AddRecipient
    | DeleteRecipient
    | ChangeSender
    | Quarantine
)
Settled = Verdict | Reply
"""The end of a question; a Reply is a no in the milter's own words."""

Answer = Settled | Progress | Change

REPLY_LINES = 32
"""libmilter's own limit for a reply of several lines."""

_REPLY_LINE = re.compile(rb"([45]\d\d)(?:[ -]|$)(?:([45]\.\d{1,3}\.\d{1,3})(?: |$))?(.*)")
_UNPRINTABLE = re.compile(r"[^ -~]")
_LINE_CHARACTERS = 400
"""RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets, its codes included."""


def read_answer(packet: Packet) -> Answer:
    """Raises Nonsense."""
    settled = _VERDICTS.get(packet.letter)
    if settled is not None:
        return settled
    if packet.letter == Progress.PROGRESS.value:
        return Progress.PROGRESS
    read = _READERS.get(packet.letter)
    if read is None:
        raise Nonsense(f"an answer of the unknown kind {packet.letter!r}")
    return read(packet.rest)


def action_of(change: Change) -> Action:
    """What must have been agreed for this change; InsertField is an addition."""
    return _ACTIONS[type(change)]


def _reply(rest: bytes) -> Reply:
    """``550 5.7.1 No, thank you``, perhaps of several lines."""
    lines = rest.rstrip(b"\0").replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    code, status = 0, ""
    texts: list[str] = []
    for line in lines[:REPLY_LINES]:
        match = _REPLY_LINE.match(line)
        if match is None:
            raise Nonsense("a reply without a code that says no")
        code = code or int(match[1])
        status = status or (match[2] or b"").decode()
        text = _UNPRINTABLE.sub("?", match[3].decode("ascii", "replace"))
        texts.append(text[:_LINE_CHARACTERS].strip())
    kind = str(code)[0]
    if not status.startswith(kind):
        status = f"{kind}.7.1"
    return Reply(code, status, "\n".join(texts) or "Refused by a filter")


def _pair(rest: bytes) -> tuple[bytes, bytes]:
    parts = split_strings(rest)
    if len(parts) == 1 and parts[0]:
        parts.append(b"")
    if len(parts) != 2 or not parts[0]:
        raise Nonsense("a field that is not a name and a value")
    return parts[0], parts[1]


def _numbered(rest: bytes) -> tuple[int, bytes, bytes]:
    if len(rest) < 4:
        raise Nonsense("a change that ends too soon")
    return (int.from_bytes(rest[:4], "big"), *_pair(rest[4:]))


def _first(rest: bytes) -> bytes:
    """The address; parameters behind it are not kept: they would be those of another server."""
    parts = split_strings(rest)
    if not parts:
        raise Nonsense("an address that is missing")
    return parts[0]


_VERDICTS: Mapping[bytes, Verdict] = {each.value: each for each in Verdict}
_READERS: Mapping[bytes, Callable[[bytes], Answer]] = {
    b"y": _reply,
    b"h": lambda rest: AddField(*_pair(rest)),
    b"i": lambda rest: InsertField(*_numbered(rest)),
    b"m": lambda rest: ChangeField(*_numbered(rest)),
    b"b": ReplaceBody,
    b"+": lambda rest: AddRecipient(_first(rest)),
    b"2": lambda rest: AddRecipient(_first(rest)),
    b"-": lambda rest: DeleteRecipient(_first(rest)),
    b"e": lambda rest: ChangeSender(_first(rest)),
    b"q": lambda rest: Quarantine(b" ".join(split_strings(rest))),
}
_ACTIONS: Mapping[type[Change], Action] = {
    AddField: Action.ADD_FIELDS,
    InsertField: Action.ADD_FIELDS,
    ChangeField: Action.CHANGE_FIELDS,
    ReplaceBody: Action.CHANGE_BODY,
    AddRecipient: Action.ADD_RECIPIENTS | Action.ADD_RECIPIENTS_WITH_PARAMETERS,
    DeleteRecipient: Action.DELETE_RECIPIENTS,
    ChangeSender: Action.CHANGE_SENDER,
    Quarantine: Action.QUARANTINE,
}

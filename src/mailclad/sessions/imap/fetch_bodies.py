"""FETCH of octets: sections, BINARY, and the message as a whole (RFC 9051 §6.4.5, RFC 3516).

Messages of which little is asked are written together; of others each step is sent before
the next is read.  A message whose octets are damaged is
left out; only when some of them are sent already must the connection end (``AnswerTorn``).
Limit: about two steps of octets are held, whatever is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.mail.parts import PartMap, unpack_parts
from mailclad.protocols.imap.batch import (
    MESSAGE_END,
    FetchPlan,
    FlagText,
    message_start,
    section_nil,
    section_start,
)
from mailclad.protocols.imap.commands import Attribute, FetchItem
from mailclad.protocols.imap.sections import BinarySize, Section
from mailclad.sessions.imap.outcome import Emit
from mailclad.sessions.imap.section import binary_size, section_text
from mailclad.sessions.imap.session import Selected
from mailclad.sessions.imap.text import STEP_OCTETS, Text
from mailclad.store.errors import BodyDamaged, MessageNotFound
from mailclad.store.interface import Body, Row
from mailclad.store.model import Column, Flag, UidSet

COLUMNS = {
    Attribute.UID: Column.UID,
    Attribute.FLAGS: Column.FLAGS,
    Attribute.INTERNALDATE: Column.INTERNAL_DATE,
    Attribute.RFC822_SIZE: Column.OCTETS,
    Attribute.ENVELOPE: Column.ENVELOPE,
    Attribute.BODYSTRUCTURE: Column.BODY_STRUCTURE,
    Attribute.BODY: Column.BODY,
}

HELD_OCTETS = 96 * 1024
"""Written together: as much as TLS encrypts at a time, and memory that need not be mapped anew."""

_LEADING = 4
"""Columns of a row that are read for us, before those that are told."""

Told = tuple[bytes, Text | None]
"""An item of a message as far as it goes before octets that follow in pieces, and those."""


class AnswerTorn(Exception):
    """Octets that a literal has announced cannot be read; only the connection's end can tell."""


@dataclass(slots=True)
class Sent:
    """What became of the messages that were asked for; ``unseen`` have become seen."""

    messages: int = 0
    damaged: bool = False
    unseen: list[int] | None = None


async def send_bodies(
    session: Selected, uids: UidSet, items: Sequence[FetchItem], flags: FlagText, emit: Emit
) -> Sent:
    bodies = _Bodies(items, flags, emit)
    sent = Sent(unseen=[] if bodies.marks and not session.read_only else None)
    view, store = session.view, session.store
    async for rows in store.fetch(view.mailbox, uids, bodies.columns):
        numbers = view.numbers([row[0] for row in rows])
        for number, row in zip(numbers, rows, strict=True):
            try:
                await bodies.send(number, row, await store.body(row[2]))
            except MessageNotFound:  # removed since the row was read
                continue
            except BodyDamaged:
                sent.damaged = True
                continue
            sent.messages += 1
            if sent.unseen is not None and not row[1] & Flag.SEEN:
                sent.unseen.append(row[0])
    await bodies.flush()
    return sent


class _Bodies:
    """Writes messages, several at once where they are small."""

    __slots__ = ("_emit", "_flags", "_groups", "_held", "_octets", "columns", "marks")

    def __init__(self, items: Sequence[FetchItem], flags: FlagText, emit: Emit) -> None:
        attributes = [item for item in items if isinstance(item, Attribute)]
        leading = (Column.UID, Column.FLAGS, Column.CONTENT, _parts_column(items))
        self.columns = (*leading, *(COLUMNS[item] for item in attributes))
        self.marks = any(isinstance(item, Section) and not item.peek for item in items)
        self._groups = _groups(items)
        self._flags = flags
        self._emit = emit
        self._held: list[bytes] = []
        self._octets = 0

    async def send(self, number: int, row: Row, body: Body) -> None:
        """One message; its body is closed in any case."""
        try:
            await self._send(number, self._told(row, body))
        finally:
            body.close()

    async def _send(self, number: int, told: Sequence[Told]) -> None:
        """Nothing is sent before a step's octets are read, or else all of them."""
        message, octets, begun = [message_start(number)], 0, False
        try:
            for start, text in told:
                message.append(start)
                for piece in text.pieces() if text is not None else ():
                    message.append(piece)
                    octets += len(piece)
                    if octets >= STEP_OCTETS:
                        await self._hold(message, octets)
                        message, octets, begun = [], 0, True
        except BodyDamaged as problem:
            if begun:
                raise AnswerTorn(str(problem)) from problem
            raise
        message.append(MESSAGE_END)
        await self._hold(message, octets)

    async def _hold(self, pieces: list[bytes], octets: int) -> None:
        self._held += pieces
        self._octets += octets
        if self._octets >= HELD_OCTETS:
            await self.flush()

    async def flush(self) -> None:
        held, self._held, self._octets = self._held, [], 0
        if held:
            await self._emit.raw(b"".join(held))

    def _told(self, row: Row, body: Body) -> list[Told]:
        """All items; what cannot be decoded is refused before anything is sent."""
        parts = unpack_parts(row[3]) if isinstance(row[3], bytes) else None
        told: list[Told] = []
        at, space = _LEADING, b""
        for group in self._groups:
            if isinstance(group, FetchPlan):
                cells = row[at : at + len(group.columns)]
                told.append((space + group.encode_items(cells, self._flags), None))
                at += len(cells)
            else:
                start, text = _octets_of(group, body, parts)
                told.append((space + start, text))
            space = b" "
        return told


def _groups(items: Sequence[FetchItem]) -> list[FetchPlan | Section | BinarySize]:
    """The items in their order, neighbours that are columns together."""
    groups: list[FetchPlan | Section | BinarySize] = []
    for item in items:
        last = groups[-1] if groups else None
        if not isinstance(item, Attribute):
            groups.append(item)
        elif isinstance(last, FetchPlan):
            groups[-1] = FetchPlan((*last.columns, item))
        else:
            groups.append(FetchPlan((item,)))
    return groups


def _octets_of(item: Section | BinarySize, body: Body, parts: PartMap | None) -> Told:
    if isinstance(item, BinarySize):
        assert parts is not None  # _parts_column has seen to it
        return b"%b %d" % (item.label, binary_size(item, body, parts)), None
    text = section_text(item, body, parts)
    return section_nil(item) if text is None else section_start(item, text.octets), text


def _parts_column(items: Sequence[FetchItem]) -> Column:
    """The map of parts is read only where more than whole messages is asked for."""
    whole = all(
        isinstance(item, Attribute)
        or (isinstance(item, Section) and not item.numbers and item.what is None)
        for item in items
    )
    return Column.CONTENT if whole else Column.PARTS

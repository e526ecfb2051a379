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

Cell = object
"""What stands for an item in a row: a column's value, a Text or None, an int."""


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

    __slots__ = ("_emit", "_flags", "_held", "_items", "_octets", "_plans", "columns", "marks")

    def __init__(self, items: Sequence[FetchItem], flags: FlagText, emit: Emit) -> None:
        attributes = [item for item in items if isinstance(item, Attribute)]
        self.columns = (
            Column.UID, Column.FLAGS, Column.CONTENT, _parts_column(items),
            *(COLUMNS[item] for item in attributes),
        )  # fmt: skip
        self.marks = any(isinstance(item, Section) and not item.peek for item in items)
        self._items = items
        self._plans = [FetchPlan((item,)) for item in items]
        self._flags = flags
        self._emit = emit
        self._held: list[bytes] = []
        self._octets = 0

    async def send(self, number: int, row: Row, body: Body) -> None:
        """One message; its body is closed in any case."""
        try:
            parts = unpack_parts(row[3]) if isinstance(row[3], bytes) else None
            await self._send(number, _cells(self._items, row, body, parts))
        finally:
            body.close()

    async def _send(self, number: int, cells: Sequence[Cell]) -> None:
        """Nothing is sent before a step's octets are read, or else all of them."""
        message, octets, begun = [message_start(number)], 0, False
        try:
            for place, cell in enumerate(cells):
                message.append(b" " if place else b"")
                message.append(self._start(place, cell))
                for piece in cell.pieces() if isinstance(cell, Text) else ():
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

    def _start(self, place: int, cell: Cell) -> bytes:
        """An item as far as it goes before octets that follow in pieces."""
        item = self._items[place]
        if isinstance(item, Section):
            return (
                section_start(item, cell.octets) if isinstance(cell, Text) else section_nil(item)
            )
        return self._plans[place].encode_items((cell,), self._flags)


def _parts_column(items: Sequence[FetchItem]) -> Column:
    """The map of parts is read only where more than whole messages is asked for."""
    whole = all(
        isinstance(item, Attribute)
        or (isinstance(item, Section) and not item.numbers and item.what is None)
        for item in items
    )
    return Column.CONTENT if whole else Column.PARTS


def _cells(items: Sequence[FetchItem], row: Row, body: Body, parts: PartMap | None) -> list[Cell]:
    columns = iter(row[4:])
    cells: list[Cell] = []
    for item in items:
        if isinstance(item, Section):
            cells.append(section_text(item, body, parts))
        elif isinstance(item, BinarySize):
            assert parts is not None  # _parts_column has seen to it
            cells.append(binary_size(item, body, parts))
        else:
            cells.append(next(columns))
    return cells

"""FETCH of octets: sections, BINARY, and the message as a whole (RFC 9051 §6.4.5, RFC 3516).

Messages of which little is asked are read and written together, some hundred KiB at once;
of others each step is sent before the next is read.  A message whose octets are damaged is
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

    __slots__ = (
        "_emit", "_flags", "_held", "_items", "_numbers", "_plan", "_rows", "columns", "marks",
    )  # fmt: skip

    def __init__(self, items: Sequence[FetchItem], flags: FlagText, emit: Emit) -> None:
        attributes = [item for item in items if isinstance(item, Attribute)]
        self.columns = (
            Column.UID, Column.FLAGS, Column.CONTENT, _parts_column(items),
            *(COLUMNS[item] for item in attributes),
        )  # fmt: skip
        self.marks = any(isinstance(item, Section) and not item.peek for item in items)
        self._plan = FetchPlan(items)
        self._items = items
        self._flags = flags
        self._emit = emit
        self._numbers: list[int] = []
        self._rows: list[tuple[Cell, ...]] = []
        self._held = 0

    async def send(self, number: int, row: Row, body: Body) -> None:
        """One message; its body is closed in any case."""
        try:
            await self._send(number, row, body)
        finally:
            body.close()

    async def _send(self, number: int, row: Row, body: Body) -> None:
        parts = unpack_parts(row[3]) if isinstance(row[3], bytes) else None
        cells = _cells(self._items, row, body, parts)
        octets = sum(cell.octets for cell in cells if isinstance(cell, Text))
        if octets > STEP_OCTETS:
            await self.flush()
            await self._send_in_steps(number, cells)
            return
        self._rows.append(
            tuple([cell.whole() if isinstance(cell, Text) else cell for cell in cells])
        )
        self._numbers.append(number)
        self._held += octets
        if self._held > STEP_OCTETS:
            await self.flush()

    async def flush(self) -> None:
        if self._rows:
            numbers, rows = self._numbers, self._rows
            self._numbers, self._rows, self._held = [], [], 0
            await self._emit.raw(self._plan.encode_rows(numbers, rows, self._flags))

    async def _send_in_steps(self, number: int, cells: Sequence[Cell]) -> None:
        held, octets, begun = [message_start(number)], 0, False
        try:
            for place, (item, cell) in enumerate(zip(self._items, cells, strict=True)):
                held.append(b" " if place else b"")
                held.append(self._start(item, cell))
                for piece in cell.pieces() if isinstance(cell, Text) else ():
                    held.append(piece)
                    octets += len(piece)
                    if octets >= STEP_OCTETS:
                        await self._emit.raw(b"".join(held))
                        held, octets, begun = [], 0, True
        except BodyDamaged as problem:
            if begun:
                raise AnswerTorn(str(problem)) from problem
            raise
        held.append(MESSAGE_END)
        await self._emit.raw(b"".join(held))

    def _start(self, item: FetchItem, cell: Cell) -> bytes:
        """An item as far as it goes before octets that follow in pieces."""
        if isinstance(item, Section):
            return (
                section_start(item, cell.octets) if isinstance(cell, Text) else section_nil(item)
            )
        return FetchPlan((item,)).encode_items((cell,), self._flags)


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

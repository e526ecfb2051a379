"""From a content's id to its octets: ask the index where they lie, then open the pack."""

import apsw

from mailclad.engines.packs.reader import PackBody, PackReader
from mailclad.engines.sqlite.connection import first_row
from mailclad.store.errors import BodyDamaged, MessageNotFound
from mailclad.store.model import ContentId

_PLACE = "SELECT pack, start, stored FROM content WHERE id = ?"


def open_body(db: apsw.Connection, packs: PackReader, content: ContentId) -> PackBody:
    """Raises MessageNotFound, BodyDamaged."""
    try:
        return packs.body(*_place(db, content))
    except FileNotFoundError:
        # Compaction may have moved it between the two steps: then the index knows where to.
        pack, start, stored = _place(db, content)
    try:
        return packs.body(pack, start, stored)
    except FileNotFoundError as missing:
        raise BodyDamaged(f"pack {pack}, offset {start}: the pack is missing") from missing


def _place(db: apsw.Connection, content: ContentId) -> tuple[int, int, int]:
    row: tuple[int, int, int] | None = first_row(db, _PLACE, (content,))
    if row is None:
        raise MessageNotFound("the message is gone")
    return row

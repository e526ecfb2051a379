"""Compaction: packs that are mostly dead are written anew, while the server runs.

For each: lock it (nobody adds to it), write what is alive into a new pack, compressed where
that is worth it, ``fdatasync``, one index transaction that moves the rows, then unlink.  A
crash before the transaction leaves a new pack that no row names; a crash behind it leaves an
old one without a live record, which the next compaction unlinks.  Readers keep the file they
have open.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import apsw

from mailclad.engines.packs.disk import Disk, lock_alone
from mailclad.engines.packs.reader import PackBody, PackReader
from mailclad.engines.packs.writer import PackWriter, pack_path
from mailclad.engines.sqlite.connection import many, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.errors import BodyDamaged

DEAD_SHARE = 0.4
"""A pack is worth rewriting when more than this much of it is dead."""

_MOSTLY_DEAD = "SELECT id FROM pack WHERE octets - live > octets * ? ORDER BY id"
_ALIVE = "SELECT id, start, stored FROM content WHERE pack = ? ORDER BY start"
_RELOCATE = (
    "UPDATE content SET pack = ?, start = ?, stored = ? WHERE id = ? AND pack = ? RETURNING id"
)


class Copy(NamedTuple):
    """Where a live record now also lies, and how many octets it has here and there."""

    content: int
    old_octets: int
    start: int
    octets: int


@dataclass(frozen=True, slots=True)
class Copies:
    """All live records of a pack."""

    old: int
    new: int
    octets: int
    each: tuple[Copy, ...]


def mostly_dead(db: apsw.Connection) -> list[int]:
    return [number for (number,) in rows(db, _MOSTLY_DEAD, (DEAD_SHARE,))]


def take_pack_number(tx: Transaction) -> int:
    return tx.take_ids("pack", 1)


class OldPack:
    """A pack that nobody adds to while this is held."""

    def __init__(self, packs: Path, number: int) -> None:
        self.number = number
        self._path = pack_path(packs, number)
        self.fd = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW)

    def is_free(self) -> bool:
        """Locked for us now, unless a process adds to it."""
        return lock_alone(self.fd)

    def unlink(self) -> None:
        self._path.unlink()

    def close(self) -> None:
        os.close(self.fd)


def copy_alive(
    db: apsw.Connection, packs: Path, old: OldPack, new: int, disk: Disk | None
) -> Copies:
    """Write the live records into pack ``new`` and sync; raises BodyDamaged, OSError."""
    writer = PackWriter(packs, disk, compress=True)
    writer.start(new)
    reader = PackReader(packs)
    try:
        copies = tuple(
            [
                _copy(reader.body(old.number, start, stored), writer, content, stored)
                for content, start, stored in rows(db, _ALIVE, (old.number,))
            ]
        )
        writer.sync()
        return Copies(old.number, new, writer.end, copies)
    except BaseException:
        pack_path(packs, new).unlink(missing_ok=True)  # nobody knows of it
        raise
    finally:
        writer.close()
        reader.close()


def _copy(body: PackBody, writer: PackWriter, content: int, stored: int) -> Copy:
    header = body.header
    place = writer.append(_Pieces(body), header.owners, header.internal_date)
    if place.digest != header.digest:
        raise BodyDamaged(f"content {content} is not what was accepted")
    return Copy(content, stored, place.offset, place.stored)


class _Pieces:
    """A body as a writer reads it, block by block."""

    def __init__(self, body: PackBody) -> None:
        self._body = body

    def __len__(self) -> int:
        return self._body.octets

    def __getitem__(self, place: slice) -> bytes:
        start, stop, _ = place.indices(self._body.octets)
        return self._body.read(start, stop - start)


def relocate(tx: Transaction, copies: Copies) -> None:
    """Point the rows to the copies; what went meanwhile is dead in the new pack too."""
    bindings = [(copies.new, c.start, c.octets, c.content, copies.old) for c in copies.each]
    moved = {content for (content,) in many(tx.db, _RELOCATE, bindings)}
    alive = [copy for copy in copies.each if copy.content in moved]
    gone, live = sum(copy.old_octets for copy in alive), sum(copy.octets for copy in alive)
    rows(tx.db, "INSERT INTO pack VALUES (?, ?, ?)", (copies.new, copies.octets, live))
    rows(tx.db, "UPDATE pack SET live = live - ? WHERE id = ?", (gone, copies.old))


def forget_pack(tx: Transaction, number: int) -> None:
    """Its file is gone."""
    rows(tx.db, "DELETE FROM pack WHERE id = ? AND live = 0", (number,))

"""Compaction: packs that are mostly dead are written anew, while the server runs.

For each: lock it (nobody adds to it), copy what is alive into a new pack, ``fdatasync``,
one index transaction that moves the rows, then unlink.  A crash before the transaction
leaves a new pack that no row names; a crash behind it leaves an old one without a live
record, which the next compaction unlinks.  Readers keep the file they have open.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import apsw

from mailclad.engines.packs.disk import Disk, lock_alone
from mailclad.engines.packs.reader import PackReader
from mailclad.engines.packs.writer import PackWriter, pack_path
from mailclad.engines.sqlite.connection import many, rows
from mailclad.engines.sqlite.transaction import Transaction

DEAD_SHARE = 0.4
"""A pack is worth rewriting when more than this much of it is dead."""

_MOSTLY_DEAD = "SELECT id FROM pack WHERE octets - live > octets * ? ORDER BY id"
_ALIVE = "SELECT id, start, stored FROM content WHERE pack = ? ORDER BY start"
_RELOCATE = "UPDATE content SET pack = ?, start = ? WHERE id = ? AND pack = ? RETURNING stored"


@dataclass(frozen=True, slots=True)
class Copies:
    """Where the live records of a pack now also lie: content id and offset."""

    old: int
    new: int
    octets: int
    places: tuple[tuple[int, int], ...]


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
    writer = PackWriter(packs, disk)
    writer.start(new)
    reader = PackReader(packs)
    try:
        places = []
        for content, start, stored in rows(db, _ALIVE, (old.number,)):
            reader.body(old.number, start, stored).check()
            places.append((content, writer.append_stored(old.fd, start, stored)))
        writer.sync()
        return Copies(old.number, new, writer.end, tuple(places))
    except BaseException:
        pack_path(packs, new).unlink(missing_ok=True)  # nobody knows of it
        raise
    finally:
        writer.close()
        reader.close()


def relocate(tx: Transaction, copies: Copies) -> None:
    """Point the rows to the copies; what went meanwhile is dead in the new pack too."""
    moved = many(
        tx.db,
        _RELOCATE,
        [(copies.new, start, content, copies.old) for content, start in copies.places],
    )
    live = sum(stored for (stored,) in moved)
    rows(tx.db, "INSERT INTO pack VALUES (?, ?, ?)", (copies.new, copies.octets, live))
    rows(tx.db, "UPDATE pack SET live = live - ? WHERE id = ?", (live, copies.old))


def forget_pack(tx: Transaction, number: int) -> None:
    """Its file is gone."""
    rows(tx.db, "DELETE FROM pack WHERE id = ? AND live = 0", (number,))

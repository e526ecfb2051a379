"""What became of a mailbox since a mod-sequence, and the arrays of UIDs kept up to date by it."""

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from itertools import chain

import apsw

from mailclad.engines.sqlite.connection import first_row, rows, snapshot
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import Changes, FlagsNow, MailboxId, ModSeq, Uid, UidSet

CACHED_OCTETS = 64 * 1024 * 1024
"""Of UID arrays, four octets a message: 16 million messages a process."""

_STATE = "SELECT highest_mod_seq, uid_next FROM mailbox WHERE id = ?"
_EXPUNGED = "SELECT first_uid, last_uid FROM expunged WHERE mailbox = ? AND mod_seq > ?"
_LAST_BEFORE = (
    "SELECT uid FROM message WHERE mailbox = ? AND arrived <= ? ORDER BY uid DESC LIMIT 1"
)
_CHANGED = (
    "SELECT uid, flags, mod_seq FROM message INDEXED BY message_changed"
    " WHERE mailbox = ? AND mod_seq > ? AND mod_seq > arrived AND uid <= ? ORDER BY uid LIMIT ?"
)
_ARRIVED = (
    "SELECT uid, flags, mod_seq FROM message WHERE mailbox = ? AND uid > ? ORDER BY uid LIMIT ?"
)
_UIDS = "SELECT uid FROM message WHERE mailbox = ? AND uid >= ? ORDER BY uid"


def state(db: apsw.Connection, mailbox: MailboxId) -> tuple[ModSeq, Uid]:
    """Its highest mod-sequence and its next UID."""
    row = first_row(db, _STATE, (mailbox,))
    if row is None:
        raise MailboxNotFound("the mailbox is gone")
    return row[0], row[1]


def changes_since(
    db: apsw.Connection, mailbox: MailboxId, mod_seq: ModSeq, limit: int = -1
) -> Changes | None:
    """All since then, or None when more than ``limit`` messages changed."""
    with snapshot(db):
        highest, uid_next = state(db, mailbox)
        if highest <= mod_seq:
            return Changes(highest, uid_next, (), ())
        expunged = rows(db, _EXPUNGED, (mailbox, mod_seq))
        last = first_row(db, _LAST_BEFORE, (mailbox, mod_seq)) if mod_seq else None
        known = last[0] if last else 0
        most = limit + 1 if limit >= 0 else -1
        changed = rows(db, _CHANGED, (mailbox, mod_seq, known, most))
        changed += rows(db, _ARRIVED, (mailbox, known, most))
    if 0 <= limit < len(changed):
        return None
    return Changes(
        mod_seq=highest,
        uid_next=uid_next,
        expunged=_joined(expunged),
        changed=tuple(map(FlagsNow._make, changed)),
    )


def _joined(runs: list[tuple[int, int]]) -> UidSet:
    """Runs of many changes as one set."""
    if len(runs) <= 1:
        return tuple(runs)
    runs.sort()
    joined = [runs[0]]
    for first, last in runs[1:]:
        if first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


class UidCache:
    """Arrays of UIDs by mailbox, true for a mod-sequence; the least used go first.

    Arrays are never changed once handed out: an update makes a new one.
    """

    def __init__(self, octets: int = CACHED_OCTETS) -> None:
        self._room = octets
        self._kept: OrderedDict[MailboxId, tuple[ModSeq, Uid, array[int]]] = OrderedDict()

    def fresh(self, db: apsw.Connection, mailbox: MailboxId) -> "tuple[ModSeq, array[int]] | None":
        """The array if it can be brought up to date cheaply, else None: load it."""
        kept = self._kept.get(mailbox)
        if kept is None:
            return None
        with snapshot(db):
            highest, uid_next = state(db, mailbox)
            mod_seq, seen, uids = kept
            if highest == mod_seq:
                self._kept.move_to_end(mailbox)
                return mod_seq, uids
            expunged = rows(db, _EXPUNGED, (mailbox, mod_seq))
            added = rows(db, _UIDS, (mailbox, seen))
        if expunged or added:
            uids = _without(uids, expunged)
            uids.extend(array("I", chain.from_iterable(added)))
        self.keep(mailbox, (highest, uid_next, uids))
        return highest, uids

    def keep(self, mailbox: MailboxId, loaded: "tuple[ModSeq, Uid, array[int]]") -> None:
        old = self._kept.pop(mailbox, None)
        self._room += len(old[2]) * old[2].itemsize if old else 0
        self._kept[mailbox] = loaded
        self._room -= len(loaded[2]) * loaded[2].itemsize
        while self._room < 0 and len(self._kept) > 1:
            _, (_, _, gone) = self._kept.popitem(last=False)
            self._room += len(gone) * gone.itemsize


def load_uids(db: apsw.Connection, mailbox: MailboxId) -> "tuple[ModSeq, Uid, array[int]]":
    with snapshot(db):
        highest, uid_next = state(db, mailbox)
        found = rows(db, _UIDS, (mailbox, 0))
    return highest, uid_next, array("I", chain.from_iterable(found))


def _without(uids: "array[int]", runs: list[tuple[int, int]]) -> "array[int]":
    """A new array without the UIDs of these runs."""
    left = uids[:]
    for first, last in reversed(_joined(runs)):
        del left[bisect_left(left, first) : bisect_right(left, last)]
    return left

"""Messages change places: copy, move, expunge, remove; and the end of those without a place.

A message's content is shared by all its places and goes with the last of them.  Its
octets stay in the pack as dead weight until compaction.  Every call is one mod-sequence.
"""

from collections.abc import Sequence
from typing import Any

import apsw

from mailclad.engines.sqlite.connection import many, rows
from mailclad.engines.sqlite.transaction import Delta, Transaction
from mailclad.store.model import (
    FIRST_KEYWORD_BIT,
    Copied,
    Flag,
    MailboxId,
    ModSeq,
    Uid,
    UidSet,
    uid_set,
)

_SYSTEM_FLAGS = (1 << FIRST_KEYWORD_BIT) - 1

_LOOK = (
    "SELECT uid, flags, octets, internal_date, content FROM message"
    " WHERE mailbox = ? AND uid BETWEEN ? AND ?"
)
_LOOK_DELETED = f"{_LOOK} AND flags & {Flag.DELETED}"
_ADD = "INSERT INTO message VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7)"
_DROP_RUN = "DELETE FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ?"
_REMEMBER = "INSERT INTO expunged VALUES (?, ?, ?, ?)"
_HOLD = "UPDATE content SET places = places + 1 WHERE id = ?"
_END_OF_LAST = "DELETE FROM content WHERE id = ? AND places = 1 RETURNING id, pack, stored"
_END_OF_NONE = "DELETE FROM content WHERE id = ? AND places = 0 RETURNING id, pack, stored"
_LET_GO = "UPDATE content SET places = places - 1 WHERE id = ?"
_END_PREPARED = "DELETE FROM prepared WHERE content = ?"
_PACK_DIED = "UPDATE pack SET live = live - ? WHERE id = ?"


def copy(tx: Transaction, source: MailboxId, uids: UidSet, target: MailboxId) -> Copied:
    """Add these messages' contents to ``target``, flags and dates kept."""
    account, _, validity, uid_next, mask = _ends(tx, source, target)
    found = _look(tx.db, _LOOK, source, uids)
    if not found:
        return Copied(validity, (), ())
    mod_seq = tx.take_mod_seq(account)
    copied = _add(tx, target, uid_next, mod_seq, mask, found)
    tx.db.executemany(_HOLD, [(row[4],) for row in found])
    return Copied(validity, tuple(row[0] for row in found), copied)


def move(tx: Transaction, source: MailboxId, uids: UidSet, target: MailboxId) -> Copied:
    """The same, and gone from ``source`` in the same instant."""
    account, source_account, validity, uid_next, mask = _ends(tx, source, target)
    found = _look(tx.db, _LOOK, source, uids)
    if not found:
        return Copied(validity, (), ())
    mod_seq = tx.take_mod_seq(account)
    gone = tuple(row[0] for row in found)
    left_at = mod_seq if account == source_account else tx.take_mod_seq(source_account)
    _drop(tx, source, left_at, found)
    return Copied(validity, gone, _add(tx, target, uid_next, mod_seq, mask, found))


def _ends(tx: Transaction, source: MailboxId, target: MailboxId) -> tuple[Any, ...]:
    (source_account,) = tx.mailbox(source, "account")
    account, validity, uid_next = tx.mailbox(target, "account, uid_validity, uid_next")
    # Keywords are an account's own words: their bits mean nothing in another.
    mask = ~0 if account == source_account else _SYSTEM_FLAGS
    return account, source_account, validity, uid_next, mask


def expunge(tx: Transaction, mailbox: MailboxId, uids: UidSet) -> list[Uid]:
    """Remove those that have the flag \\Deleted."""
    return _remove(tx, mailbox, uids, _LOOK_DELETED)


def remove(tx: Transaction, mailbox: MailboxId, uids: UidSet) -> list[Uid]:
    """Remove them whatever their flags."""
    return _remove(tx, mailbox, uids, _LOOK)


def _remove(tx: Transaction, mailbox: MailboxId, uids: UidSet, look: str) -> list[Uid]:
    (account,) = tx.mailbox(mailbox, "account")
    found = _look(tx.db, look, mailbox, uids)
    if found:
        _drop(tx, mailbox, tx.take_mod_seq(account), found)
        release(tx.db, [row[4] for row in found])
    return [row[0] for row in found]


def release(db: apsw.Connection, contents: Sequence[int]) -> None:
    """Each content given loses one place, and ends with its last one.

    A content that loses several at once stands there as often.
    """
    ended = many(db, _END_OF_LAST, [(content,) for content in contents])
    if len(ended) < len(contents):
        gone = {content for content, _, _ in ended}
        shared = [(content,) for content in contents if content not in gone]
        db.executemany(_LET_GO, shared)
        if len(set(shared)) < len(shared):
            ended += many(db, _END_OF_NONE, set(shared))
    db.executemany(_END_PREPARED, [(content,) for content, _, _ in ended])
    died: dict[int, int] = {}
    for _, pack, stored in ended:
        died[pack] = died.get(pack, 0) + stored
    db.executemany(_PACK_DIED, [(octets, pack) for pack, octets in died.items()])


def _look(db: apsw.Connection, look: str, mailbox: MailboxId, uids: UidSet) -> list[Any]:
    return many(db, look, [(mailbox, first, last) for first, last in uids])


def _add(
    tx: Transaction,
    target: MailboxId,
    uid_next: int,
    mod_seq: ModSeq,
    mask: int,
    found: list[Any],
) -> tuple[Uid, ...]:
    uids = range(uid_next, uid_next + len(found))
    tx.db.executemany(
        _ADD,
        [
            (target, uid, mod_seq, flags & mask, octets, date, content)
            for uid, (_, flags, octets, date, content) in zip(uids, found, strict=True)
        ],
    )
    tx.count(target, mod_seq, _delta(found), new_uids=len(found))
    return tuple(uids)


def _drop(tx: Transaction, mailbox: MailboxId, mod_seq: ModSeq, found: list[Any]) -> None:
    runs = uid_set(row[0] for row in found)
    tx.db.executemany(_DROP_RUN, [(mailbox, first, last) for first, last in runs])
    tx.db.executemany(_REMEMBER, [(mailbox, mod_seq, first, last) for first, last in runs])
    tx.count(mailbox, mod_seq, _delta(found).reversed())


def _delta(found: list[Any]) -> Delta:
    return Delta.of([row[1] for row in found], [row[2] for row in found])


def empty(tx: Transaction, mailbox: MailboxId) -> None:
    """Take all messages and all history from a mailbox that is about to go."""
    contents = rows(tx.db, "SELECT content FROM message WHERE mailbox = ?", (mailbox,))
    rows(tx.db, "DELETE FROM message WHERE mailbox = ?", (mailbox,))
    rows(tx.db, "DELETE FROM expunged WHERE mailbox = ?", (mailbox,))
    release(tx.db, [content for (content,) in contents])

"""Flags and keywords of messages.

A change touches only the rows that it alters; counters follow in the same transaction.
Keywords are an account's own: word ``n`` is bit ``FIRST_KEYWORD_BIT + n`` of ``flags``.
"""

import re
from collections.abc import Sequence

import apsw

from mailclad.engines.sqlite.connection import many, rows
from mailclad.engines.sqlite.transaction import Delta, Transaction
from mailclad.store.errors import TooManyKeywords
from mailclad.store.model import (
    FIRST_KEYWORD_BIT,
    KEYWORDS_PER_ACCOUNT,
    AccountId,
    Flag,
    FlagChange,
    FlagsNow,
    MailboxId,
    ModSeq,
    UidSet,
)

KEYWORD_OCTETS = 64
"""No program's own keywords are longer than about 30."""

_AFTER = {
    FlagChange.ADD: "(flags | ?4)",
    FlagChange.REMOVE: "(flags & ~?4)",
    FlagChange.REPLACE: "?4",
}
_WHERE = "mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND flags != {after} AND mod_seq <= ?5"
_LOOK = {
    change: f"SELECT uid, {after}, flags FROM message WHERE {_WHERE.format(after=after)}"  # noqa: S608
    for change, after in _AFTER.items()
}
_CHANGE = {
    change: (
        f"UPDATE message SET flags = {after}, mod_seq = ?6 WHERE {_WHERE.format(after=after)}"  # noqa: S608
    )
    for change, after in _AFTER.items()
}
_NO_LIMIT = (1 << 63) - 1


def store_flags(
    tx: Transaction,
    mailbox: MailboxId,
    uids: UidSet,
    change: FlagChange,
    mask: int,
    unchanged_since: ModSeq | None,
) -> list[FlagsNow]:
    """The messages whose flags did change, with one new mod-sequence for all."""
    (account,) = tx.mailbox(mailbox, "account")
    limit = _NO_LIMIT if unchanged_since is None else unchanged_since
    runs = [(mailbox, first, last, mask, limit) for first, last in uids]
    found = many(tx.db, _LOOK[change], runs)
    if not found:
        return []
    mod_seq = tx.take_mod_seq(account)
    tx.db.executemany(_CHANGE[change], [(*run, mod_seq) for run in runs])
    tx.count(mailbox, mod_seq, _delta(found))
    return [FlagsNow(uid, after, mod_seq) for uid, after, _ in found]


def _delta(found: list[tuple[int, int, int]]) -> Delta:
    return Delta(
        unseen=_gained(found, Flag.SEEN) * -1,
        deleted=_gained(found, Flag.DELETED),
    )


def _gained(found: list[tuple[int, int, int]], bit: int) -> int:
    """How many more messages have the bit than before."""
    return sum([(after & bit) - (before & bit) for _, after, before in found]) // bit


# --- keywords --------------------------------------------------------------------

_KEYWORD = re.compile(r"[!#$&'+\-./0-9:;<=>?@A-Z^_`a-z|}~]+")
"""An IMAP flag-keyword is an atom (RFC 9051 §9)."""


def keywords(db: apsw.Connection, account: AccountId) -> tuple[str, ...]:
    found = rows(db, "SELECT name FROM keyword WHERE account = ? ORDER BY place", (account,))
    return tuple(name for (name,) in found)


def keyword_bits(db: apsw.Connection, account: AccountId, names: Sequence[str]) -> int | None:
    """The mask of these keywords, None when one is not there yet."""
    places = {name.lower(): place for place, name in enumerate(keywords(db, account))}
    wanted = [places.get(name.lower()) for name in names]
    if None in wanted:
        return None
    return mask_of([place for place in wanted if place is not None])


def known_bits(db: apsw.Connection, account: AccountId, names: Sequence[str]) -> int:
    """The mask of those keywords that are there."""
    places = {name.lower(): place for place, name in enumerate(keywords(db, account))}
    return mask_of([places[name.lower()] for name in names if name.lower() in places])


def make_keywords(tx: Transaction, account: AccountId, names: Sequence[str]) -> int:
    """The mask of these keywords, those made that were missing; all or none."""
    there = list(keywords(tx.db, account))
    places = {name.lower(): place for place, name in enumerate(there)}
    for name in names:
        if name.lower() not in places:
            _check_keyword(name, len(places))
            places[name.lower()] = place = len(places)
            rows(tx.db, "INSERT INTO keyword VALUES (?, ?, ?)", (account, place, name))
    return mask_of([places[name.lower()] for name in names])


def _check_keyword(name: str, there: int) -> None:
    if len(name) > KEYWORD_OCTETS or not _KEYWORD.fullmatch(name):
        raise TooManyKeywords(f"a keyword is an atom of at most {KEYWORD_OCTETS} characters")
    if there >= KEYWORDS_PER_ACCOUNT:
        raise TooManyKeywords(f"an account has at most {KEYWORDS_PER_ACCOUNT} keywords")


def mask_of(places: Sequence[int]) -> int:
    mask = 0
    for place in places:
        mask |= 1 << (FIRST_KEYWORD_BIT + place)
    return mask

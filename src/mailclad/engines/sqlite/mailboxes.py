"""Mailboxes: made, renamed, removed, counted, subscribed.

What became of each is kept with its mod-sequence, for clients that were away.  A name used
again gets a UIDVALIDITY that no mailbox ever had.  Subscriptions are names: they survive.
"""

from typing import Any

import apsw

from mailclad.engines.sqlite import name as names
from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.placing import empty, move
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.errors import (
    AccountNotFound,
    MailboxExists,
    MailboxInUse,
    MailboxNameRefused,
    MailboxNotFound,
    TooManyMailboxes,
)
from mailclad.store.model import (
    ALL_UIDS,
    AccountId,
    Mailbox,
    MailboxId,
    MailboxStat,
    ModSeq,
    SpecialUse,
)

_STAT = (
    "SELECT id, name, messages, unseen, deleted, octets, uid_next, uid_validity, highest_mod_seq"
    " FROM mailbox WHERE account = ?"
)
_STAT_ONE = f"{_STAT} AND name = ?"
_LIST = (
    "SELECT m.id, m.name, m.uid_validity, m.special_use, s.name IS NOT NULL FROM mailbox m"
    " LEFT JOIN subscription s ON s.account = m.account AND s.name = m.name"
    " WHERE m.account = ? ORDER BY m.name"
)
_ADD = (
    "INSERT INTO mailbox (id, account, name, uid_validity, special_use, highest_mod_seq)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_FIND = "SELECT id FROM mailbox WHERE account = ? AND name = ?"
_BELOW = "SELECT id, name FROM mailbox WHERE account = ? AND name > ? AND name < ?"
_REMEMBER = "INSERT INTO mailbox_history VALUES (?, ?, ?, ?, ?)"
_SUBSCRIBE = "INSERT OR IGNORE INTO subscription VALUES (?, ?)"
_UNSUBSCRIBE = "DELETE FROM subscription WHERE account = ? AND name = ?"


def mailboxes(db: apsw.Connection, account: AccountId) -> list[Mailbox]:
    return [
        Mailbox(mailbox, name, validity, SpecialUse(use) if use else None, bool(subscribed))
        for mailbox, name, validity, use, subscribed in rows(db, _LIST, (account,))
    ]


def subscriptions(db: apsw.Connection, account: AccountId) -> list[str]:
    found = rows(db, "SELECT name FROM subscription WHERE account = ? ORDER BY name", (account,))
    return [name for (name,) in found]


def stat(db: apsw.Connection, account: AccountId, name: str) -> MailboxStat:
    row = first_row(db, _STAT_ONE, (account, names.normalise(name)))
    if row is None:
        raise MailboxNotFound("there is no mailbox of that name")
    return MailboxStat(*row)


def stats(db: apsw.Connection, account: AccountId) -> list[MailboxStat]:
    return [MailboxStat(*row) for row in rows(db, f"{_STAT} ORDER BY name", (account,))]


def subscribe(tx: Transaction, account: AccountId, name: str, subscribed: bool) -> None:
    name = names.normalise(name)
    if subscribed:
        names.check(name)
        rows(tx.db, _SUBSCRIBE, (account, name))
    else:
        rows(tx.db, _UNSUBSCRIBE, (account, name))


def create(
    tx: Transaction, account: AccountId, name: str, special_use: SpecialUse | None
) -> MailboxStat:
    """A trailing separator only says that there will be children (RFC 9051 §6.3.4)."""
    name = names.normalise(name.removesuffix(names.SEPARATOR))
    names.check(name)
    if _find(tx.db, account, name) is not None:
        raise MailboxExists("there is a mailbox of that name already")
    mod_seq = _next_mod_seq(tx, account)
    _make_parents(tx, account, name, mod_seq)
    make(tx, account, name, special_use, mod_seq)
    return stat(tx.db, account, name)


def _next_mod_seq(tx: Transaction, account: AccountId) -> ModSeq:
    if first_row(tx.db, "SELECT 1 FROM account WHERE id = ?", (account,)) is None:
        raise AccountNotFound("the account is gone")
    return tx.take_mod_seq(account)


def _make_parents(tx: Transaction, account: AccountId, name: str, mod_seq: ModSeq) -> None:
    for parent in names.parents(name):
        if _find(tx.db, account, parent) is None:
            make(tx, account, parent, None, mod_seq)


def make(
    tx: Transaction,
    account: AccountId,
    name: str,
    special_use: SpecialUse | None,
    mod_seq: ModSeq,
) -> MailboxId:
    """Just the mailbox; the name is checked and free."""
    count = first_row(tx.db, "SELECT count(*) FROM mailbox WHERE account = ?", (account,))[0]
    if count >= names.MAILBOXES_PER_ACCOUNT:
        raise TooManyMailboxes(f"an account has at most {names.MAILBOXES_PER_ACCOUNT} mailboxes")
    mailbox = MailboxId(tx.take_ids("mailbox", 1))
    use = special_use.value if special_use else None
    rows(tx.db, _ADD, (mailbox, account, name, tx.take_uid_validity(), use, mod_seq))
    rows(tx.db, _REMEMBER, (account, mod_seq, mailbox, None, name))
    return mailbox


def delete(tx: Transaction, account: AccountId, name: str) -> None:
    name = names.normalise(name)
    if name == names.INBOX:
        raise MailboxInUse("INBOX cannot be deleted")
    mailbox = _there(tx.db, account, name)
    if rows(tx.db, f"{_BELOW} LIMIT 1", (account, *names.below(name))):
        raise MailboxInUse("the mailbox has others below it: delete those first")
    discard(tx, account, mailbox, name)


def discard(tx: Transaction, account: AccountId, mailbox: MailboxId, name: str) -> None:
    """The mailbox and all that is in it."""
    mod_seq = tx.take_mod_seq(account)
    empty(tx, mailbox)
    rows(tx.db, "DELETE FROM mailbox WHERE id = ?", (mailbox,))
    rows(tx.db, _REMEMBER, (account, mod_seq, mailbox, name, None))
    tx.touched[mailbox] = mod_seq


def rename(tx: Transaction, account: AccountId, name: str, new_name: str) -> None:
    name = names.normalise(name)
    new_name = names.normalise(new_name.removesuffix(names.SEPARATOR))
    names.check(new_name)
    mailbox = _there(tx.db, account, name)
    if _find(tx.db, account, new_name) is not None:
        raise MailboxExists("there is a mailbox of the new name already")
    if name == names.INBOX:
        _rename_inbox(tx, account, mailbox, new_name)
        return
    if new_name.startswith(name + names.SEPARATOR):
        raise MailboxNameRefused("a mailbox cannot be moved below itself")
    mod_seq = tx.take_mod_seq(account)
    _make_parents(tx, account, new_name, mod_seq)
    moved = [(mailbox, name), *rows(tx.db, _BELOW, (account, *names.below(name)))]
    for one, old in moved:
        _rename_one(tx, account, one, (old, new_name + old[len(name) :]), mod_seq)


def _rename_one(
    tx: Transaction, account: AccountId, mailbox: Any, old_new: tuple[str, str], mod_seq: ModSeq
) -> None:
    old, new = old_new
    names.check(new)
    rows(
        tx.db,
        "UPDATE mailbox SET name = ?, highest_mod_seq = ? WHERE id = ?",
        (new, mod_seq, mailbox),
    )
    rows(tx.db, _REMEMBER, (account, mod_seq, mailbox, old, new))
    tx.touched[MailboxId(mailbox)] = mod_seq


def _rename_inbox(tx: Transaction, account: AccountId, inbox: MailboxId, new_name: str) -> None:
    """RFC 9051 §6.3.6: its messages move to a new mailbox, it stays, empty."""
    mod_seq = tx.take_mod_seq(account)
    _make_parents(tx, account, new_name, mod_seq)
    move(tx, inbox, ALL_UIDS, make(tx, account, new_name, None, mod_seq))


def _find(db: apsw.Connection, account: AccountId, name: str) -> MailboxId | None:
    row = first_row(db, _FIND, (account, name))
    return None if row is None else MailboxId(row[0])


def _there(db: apsw.Connection, account: AccountId, name: str) -> MailboxId:
    mailbox = _find(db, account, name)
    if mailbox is None:
        raise MailboxNotFound("there is no mailbox of that name")
    return mailbox

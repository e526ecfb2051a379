"""What a writer is given: the connection, inside a transaction, and the counters of changes."""

from typing import Any

import apsw

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import AccountId, Flag, MailboxId, ModSeq

_TAKE = "UPDATE sequence SET last = last + ?2 WHERE name = ?1 RETURNING last - ?2 + 1"
_TAKE_UID_VALIDITY = (
    "UPDATE sequence SET last = max(last + 1, unixepoch())"
    " WHERE name = 'uid_validity' RETURNING last"
)
_TAKE_MOD_SEQ = (
    "UPDATE account_state SET mod_seq = mod_seq + 1 WHERE account = ? RETURNING mod_seq"
)
_COUNT = (
    "UPDATE mailbox SET messages = messages + ?2, unseen = unseen + ?3, deleted = deleted + ?4,"
    " octets = octets + ?5, highest_mod_seq = ?6, uid_next = uid_next + ?7 WHERE id = ?1"
)


class Transaction:
    """One request's share of a transaction; ``touched`` is announced once it is durable."""

    __slots__ = ("db", "touched")

    def __init__(self, db: apsw.Connection) -> None:
        self.db = db
        self.touched: dict[MailboxId, ModSeq] = {}

    def take_ids(self, name: str, count: int) -> int:
        """The first of ``count`` ids in a row that were never used before."""
        return int(first_row(self.db, _TAKE, (name, count))[0])

    def take_uid_validity(self) -> int:
        """Larger than every one before, in this installation and its earlier lives."""
        return int(first_row(self.db, _TAKE_UID_VALIDITY)[0])

    def take_mod_seq(self, account: AccountId) -> ModSeq:
        return int(first_row(self.db, _TAKE_MOD_SEQ, (account,))[0])

    def mailbox(self, mailbox: MailboxId, columns: str) -> Any:
        """Columns of the mailbox's row; raises MailboxNotFound."""
        row = first_row(self.db, f"SELECT {columns} FROM mailbox WHERE id = ?", (mailbox,))  # noqa: S608 - our own column names
        if row is None:
            raise MailboxNotFound("the mailbox is gone")
        return row

    def count(
        self, mailbox: MailboxId, mod_seq: ModSeq, delta: "Delta", *, new_uids: int = 0
    ) -> None:
        """Keep the mailbox's counters; whatever changes messages ends with this."""
        rows(
            self.db,
            _COUNT,
            (
                mailbox,
                delta.messages,
                delta.unseen,
                delta.deleted,
                delta.octets,
                mod_seq,
                new_uids,
            ),
        )
        self.touched[mailbox] = mod_seq


class Delta:
    """How a mailbox's counters change."""

    __slots__ = ("deleted", "messages", "octets", "unseen")

    def __init__(
        self, messages: int = 0, unseen: int = 0, deleted: int = 0, octets: int = 0
    ) -> None:
        self.messages = messages
        self.unseen = unseen
        self.deleted = deleted
        self.octets = octets

    @classmethod
    def of(cls, flags: list[int], octets: list[int]) -> "Delta":
        """What messages with these flags and octets add."""
        return cls(
            len(flags),
            sum(not bits & Flag.SEEN for bits in flags),
            sum(bool(bits & Flag.DELETED) for bits in flags),
            sum(octets),
        )

    def reversed(self) -> "Delta":
        return Delta(-self.messages, -self.unseen, -self.deleted, -self.octets)

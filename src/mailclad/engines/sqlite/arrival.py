"""Messages that come in: delivered to many mailboxes, appended to one, or queued to leave.

Arrivals of a whole batch are stored together, so that a message costs a share of a few
statements: one look-up for all targets, one ``executemany`` a table, one counter update
a mailbox.  A target that is missing, or an account that has sent too much, refuses its own
arrival only.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from mailclad.base.octets import Octets
from mailclad.engines.packs.writer import PackWriter, Place
from mailclad.engines.sqlite.connection import many
from mailclad.engines.sqlite.queue_adding import QueueAdding
from mailclad.engines.sqlite.spending import SpentInBatch
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.mail.prepared import Prepared
from mailclad.store.errors import MailboxNotFound, StoreProblem
from mailclad.store.model import Flag, MailboxId, NewMessage, Stored
from mailclad.store.queue import Envelope, QueueId
from mailclad.store.sending import HOUR_SECONDS, Spending

Target = tuple[int, str] | int
"""Account and name, or mailbox id."""

_OPEN = (
    "SELECT m.id, m.account, m.uid_validity, m.uid_next,"
    " (SELECT mod_seq FROM account_state a WHERE a.account = m.account), m.name"
    " FROM mailbox m WHERE "
)
_OPEN_BY_NAME = _OPEN + "m.account = ? AND m.name = ?"
_OPEN_BY_ID = _OPEN + "m.id = ?"
_ADD_CONTENT = "INSERT INTO content VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_PREPARED = "INSERT INTO prepared VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_MESSAGE = "INSERT INTO message VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7)"
_COUNT = (
    "UPDATE mailbox SET messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?,"
    " octets = octets + ?, uid_next = ?, highest_mod_seq = ? WHERE id = ?"
)
_SET_MOD_SEQ = "UPDATE account_state SET mod_seq = ? WHERE account = ?"
_COUNT_PACK = (
    "INSERT INTO pack VALUES (?1, ?2, ?3) ON CONFLICT (id)"
    " DO UPDATE SET octets = max(octets, ?2), live = live + ?3"
)


@dataclass(frozen=True, slots=True)
class Passing:
    """A message that only the queue holds: nobody lists it, so nothing is prepared."""

    octets: Octets
    internal_date: int
    flags: int = 0


class Arrival:
    """A request: these messages, each into all of these mailboxes and envelopes, or nothing."""

    __slots__ = (
        "envelopes", "error", "future", "messages", "owners", "places", "queued", "result",
        "spending", "targets",
    )  # fmt: skip

    has_bodies = True

    def __init__(
        self,
        messages: Sequence[NewMessage | Passing],
        targets: tuple[Target, ...],
        owners: tuple[int, ...],
        future: "asyncio.Future[tuple[Stored, ...]]",
        envelopes: tuple[Envelope, ...] = (),
        spending: Spending | None = None,
    ) -> None:
        self.messages = messages
        self.targets = targets
        self.owners = owners
        self.future = future
        self.envelopes = envelopes
        self.spending = spending
        self.queued: tuple[QueueId, ...] = ()
        self.places: list[Place] = []
        self.result: tuple[Stored, ...] = ()
        self.error: Exception | None = None

    def store_bodies(self, packs: PackWriter) -> None:
        """Append the octets to the pack; they are not yet durable."""
        for message in self.messages:
            self.places.append(packs.append(message.octets, self.owners, message.internal_date))

    def run_in(self, transaction: Transaction) -> None:
        store_arrivals(transaction, [self])

    def content_row(self, content: int, number: int) -> tuple[Any, ...]:
        """Of message ``number``."""
        place = self.places[number]
        return (
            content,
            len(self.targets) + len(self.envelopes),
            len(self.messages[number].octets),
            place.pack,
            place.offset,
            place.stored,
            place.digest,
        )


def _prepared_row(content: int, prepared: Prepared) -> tuple[Any, ...]:
    return (
        content,
        prepared.version,
        prepared.sent_at,
        prepared.envelope,
        prepared.body_structure,
        prepared.body,
        prepared.subject,
        prepared.from_,
        prepared.to,
        prepared.cc,
        prepared.bcc,
        prepared.message_id,
        prepared.preview,
        prepared.parts,
        prepared.fields,
        prepared.sent_day,
    )


class _OpenMailbox:
    """A mailbox while a batch adds to it."""

    __slots__ = (
        "account", "deleted", "id", "messages", "mod_seq", "octets", "uid_next",
        "uid_validity", "unseen",
    )  # fmt: skip

    def __init__(self, mailbox: int, account: int, uid_validity: int, uid_next: int) -> None:
        self.id = mailbox
        self.account = account
        self.uid_validity = uid_validity
        self.uid_next = uid_next
        self.mod_seq = self.messages = self.unseen = self.deleted = self.octets = 0

    def take(self, flags: int, octets: int) -> int:
        """Count one message in; its UID."""
        uid = self.uid_next
        self.uid_next = uid + 1
        self.messages += 1
        self.octets += octets
        if not flags & Flag.SEEN:
            self.unseen += 1
        if flags & Flag.DELETED:
            self.deleted += 1
        return uid


class _Open:
    """The mailboxes and accounts that a group of arrivals adds to."""

    def __init__(self, db: apsw.Connection, arrivals: Sequence[Arrival]) -> None:
        targets = {target for arrival in arrivals for target in arrival.targets}
        named = [target for target in targets if isinstance(target, tuple)]
        numbered = [(target,) for target in targets if not isinstance(target, tuple)]
        self.boxes: dict[int, _OpenMailbox] = {}
        self.mod_seqs: dict[int, int] = {}
        self._by_target: dict[Target, _OpenMailbox] = {}
        for row in many(db, _OPEN_BY_NAME, named):
            self._by_target[row[1], row[5]] = self._open(row)
        for row in many(db, _OPEN_BY_ID, numbered):
            self._by_target[row[0]] = self._open(row)

    def _open(self, row: Any) -> _OpenMailbox:
        mailbox, account, uid_validity, uid_next, mod_seq, _ = row
        if mailbox not in self.boxes:
            self.boxes[mailbox] = _OpenMailbox(mailbox, account, uid_validity, uid_next)
            self.mod_seqs.setdefault(account, mod_seq)
        return self.boxes[mailbox]

    def find(self, targets: tuple[Target, ...]) -> list[_OpenMailbox]:
        try:
            return [self._by_target[target] for target in targets]
        except KeyError as missing:
            raise MailboxNotFound("the mailbox is gone") from missing

    def next_mod_seq(self, box: _OpenMailbox) -> int:
        box.mod_seq = self.mod_seqs[box.account] = self.mod_seqs[box.account] + 1
        return box.mod_seq

    def save(self, transaction: Transaction) -> None:
        db = transaction.db
        changed = [box for box in self.boxes.values() if box.messages]
        counted = [
            (box.messages, box.unseen, box.deleted, box.octets, box.uid_next, box.mod_seq, box.id)
            for box in changed
        ]
        db.executemany(_COUNT, counted)
        accounts = {box.account for box in changed}
        db.executemany(_SET_MOD_SEQ, [(self.mod_seqs[account], account) for account in accounts])
        transaction.touched.update((MailboxId(box.id), box.mod_seq) for box in changed)


def store_arrivals(transaction: Transaction, arrivals: Sequence[Arrival]) -> None:
    """Insert the rows of all; sets each arrival's result or, where refused, its error."""
    opened = _Open(transaction.db, arrivals)
    content = transaction.take_ids("content", sum(len(a.messages) for a in arrivals))
    contents: list[tuple[Any, ...]] = []
    prepared: list[tuple[Any, ...]] = []
    messages: list[tuple[int, ...]] = []
    queue, spent = QueueAdding(transaction), SpentInBatch(transaction.db)
    for arrival in arrivals:
        try:
            boxes = opened.find(arrival.targets)
            if arrival.spending is not None:
                spent.spend(arrival.spending, arrival.messages[0].internal_date // HOUR_SECONDS)
        except StoreProblem as problem:
            arrival.error = problem
            continue
        stored = []
        for number, message in enumerate(arrival.messages):
            contents.append(arrival.content_row(content, number))
            if isinstance(message, NewMessage):
                prepared.append(_prepared_row(content, message.prepared))
            flags, date, octets = message.flags, message.internal_date, len(message.octets)
            for box in boxes:
                uid, mod_seq = box.take(flags, octets), opened.next_mod_seq(box)
                messages.append((box.id, uid, mod_seq, flags, octets, date, content))
                stored.append(Stored(MailboxId(box.id), box.uid_validity, uid))
            if arrival.envelopes:
                arrival.queued = queue.add(arrival.envelopes, content, octets, date)
            content += 1
        arrival.result = tuple(stored)
    spent.save()
    queue.save()
    _insert(transaction.db, contents, prepared, messages)
    opened.save(transaction)


def store_or_refuse(transaction: Transaction, arrivals: Sequence[Arrival]) -> None:
    """As part of a larger change: raises where one of them is refused."""
    store_arrivals(transaction, arrivals)
    for arrival in arrivals:
        if arrival.error is not None:
            refused, arrival.error = arrival.error, None  # a second run asks again
            raise refused


def _insert(
    db: apsw.Connection,
    contents: list[tuple[Any, ...]],
    prepared: list[tuple[Any, ...]],
    messages: list[tuple[int, ...]],
) -> None:
    db.executemany(_ADD_CONTENT, contents)
    db.executemany(_ADD_PREPARED, prepared)
    db.executemany(_ADD_MESSAGE, messages)
    ends: dict[int, int] = {}
    live: dict[int, int] = {}
    for _, _, _, pack, start, octets, _ in contents:
        ends[pack] = start + octets
        live[pack] = live.get(pack, 0) + octets
    db.executemany(_COUNT_PACK, [(pack, ends[pack], live[pack]) for pack in ends])

"""The suite that every engine passes: each verb done on a store and on a plain model.

``Conformance`` offers the verbs; each runs on the store, is repeated on dictionaries, and
compares what came back.  ``check`` compares all that can be read.  A disagreement is an
``AssertionError``.  Who drives it (a state machine, a sweep, two stores by turns) chooses
the order; an engine must agree after any.  Only tests import this.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace

from mailclad.mail.prepared import Prepared
from mailclad.store.errors import (
    MailboxExists,
    MailboxInUse,
    MailboxNameRefused,
    MailboxNotFound,
    StoreProblem,
)
from mailclad.store.interface import Store
from mailclad.store.model import (
    ALL_UIDS,
    AccountId,
    And,
    Column,
    ContentId,
    Copied,
    Delivery,
    Flag,
    FlagChange,
    HasFlags,
    Larger,
    MailboxId,
    MailboxStat,
    ModSeq,
    NewMessage,
    Not,
    UidSet,
    uid_set,
)

COLUMNS = (
    Column.UID,
    Column.FLAGS,
    Column.OCTETS,
    Column.INTERNAL_DATE,
    Column.MOD_SEQ,
    Column.CONTENT,
    Column.ENVELOPE,
    Column.PREVIEW,
)


def new_message(octets: bytes, flags: int = 0, internal_date: int = 0) -> NewMessage:
    """With prepared columns that show which message they belong to."""
    mark = octets[:40]
    text = mark.decode("latin-1").casefold()
    prepared = Prepared(
        version=1,
        octets=len(octets),
        envelope=b"(" + mark + b")",
        body_structure=b"(structure)",
        body=b"(body)",
        fields=b"Subject: " + mark + b"\r\n",
        parts=b"",
        preview=text,
        subject=text,
        from_="",
        to="",
        cc="",
        bcc="",
        message_id="",
        sent_at=None,
        sent_day=None,
    )
    return NewMessage(octets, prepared, flags, internal_date)


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as the model has it; ``step`` is when it last changed."""

    uid: int
    octets: bytes
    flags: int
    internal_date: int
    step: int


@dataclass(slots=True)
class Box:
    """A mailbox as the model has it; ``marks`` are mod-sequences seen, and when."""

    uid_validity: int
    uid_next: int = 1
    messages: dict[int, Kept] = field(default_factory=dict)
    expunged: list[tuple[int, int]] = field(default_factory=list)
    marks: list[tuple[int, ModSeq]] = field(default_factory=list)

    def add(self, octets: bytes, flags: int, internal_date: int, step: int) -> int:
        uid = self.uid_next
        self.uid_next += 1
        self.messages[uid] = Kept(uid, octets, flags, internal_date, step)
        return uid

    def among(self, uids: UidSet) -> list[Kept]:
        return [
            message
            for uid, message in sorted(self.messages.items())
            if any(first <= uid <= last for first, last in uids)
        ]

    def drop(self, messages: list[Kept], step: int) -> list[int]:
        for message in messages:
            del self.messages[message.uid]
            self.expunged.append((step, message.uid))
        return [message.uid for message in messages]


def changed(flags: int, change: FlagChange, mask: int) -> int:
    match change:
        case FlagChange.ADD:
            return flags | mask
        case FlagChange.REMOVE:
            return flags & ~mask
        case FlagChange.REPLACE:
            return mask


class Conformance:
    """One account of a store, and what should be in it."""

    def __init__(self, store: Store, account: AccountId) -> None:
        self.store = store
        self.account = account
        self.boxes: dict[str, Box] = {}
        self._validities: set[int] = set()
        self._step = 0

    async def begin(self) -> None:
        """Learn of the mailboxes that a new account has."""
        for mailbox in await self.store.mailboxes(self.account):
            self._new_box(mailbox.name, mailbox.uid_validity)
        await self.check()

    def _new_box(self, name: str, uid_validity: int) -> None:
        assert uid_validity not in self._validities, "a UIDVALIDITY was used twice"
        self._validities.add(uid_validity)
        self.boxes[name] = Box(uid_validity)

    async def _id(self, name: str) -> MailboxId:
        return (await self.store.stat(self.account, name)).id

    # --- mailboxes ---

    async def create(self, name: str) -> None:
        expected = MailboxExists if name in self.boxes else None
        problem = await self._refused(self.store.create_mailbox(self.account, name))
        assert problem is expected
        if problem is None:
            levels = name.split("/")
            for count in range(1, len(levels) + 1):
                above = "/".join(levels[:count])
                if above not in self.boxes:
                    stat = await self.store.stat(self.account, above)
                    self._new_box(above, stat.uid_validity)

    async def delete(self, name: str) -> None:
        expected: type[StoreProblem] | None = None
        if name == "INBOX" or any(other.startswith(name + "/") for other in self.boxes):
            expected = MailboxInUse
        if name not in self.boxes:
            expected = MailboxNotFound
        assert await self._refused(self.store.delete_mailbox(self.account, name)) is expected
        if expected is None:
            del self.boxes[name]

    async def rename(self, name: str, new_name: str) -> None:
        expected = self._rename_refused(name, new_name)
        problem = await self._refused(self.store.rename_mailbox(self.account, name, new_name))
        assert problem is expected
        if problem is not None:
            return
        self._step += 1
        if name == "INBOX":
            await self._expect_new_boxes()
            inbox = self.boxes[name]
            for message in inbox.among(ALL_UIDS):
                self.boxes[new_name].add(
                    message.octets, message.flags, message.internal_date, self._step
                )
            inbox.drop(inbox.among(ALL_UIDS), self._step)
            return
        moving = [old for old in self.boxes if old == name or old.startswith(name + "/")]
        for old in moving:
            self.boxes[new_name + old[len(name) :]] = self.boxes.pop(old)
        await self._expect_new_boxes()

    def _rename_refused(self, name: str, new_name: str) -> type[StoreProblem] | None:
        if name not in self.boxes:
            return MailboxNotFound
        if new_name in self.boxes:
            return MailboxExists
        if name != "INBOX" and new_name.startswith(name + "/"):
            return MailboxNameRefused
        return None

    async def _expect_new_boxes(self) -> None:
        """Parents that a rename made."""
        for mailbox in await self.store.mailboxes(self.account):
            if mailbox.name not in self.boxes:
                self._new_box(mailbox.name, mailbox.uid_validity)

    async def _refused(self, verb: Awaitable[object]) -> type[StoreProblem] | None:
        try:
            await verb
        except StoreProblem as problem:
            return type(problem)
        return None

    # --- messages ---

    async def append(self, name: str, octets: list[bytes], flags: int, date: int) -> None:
        messages = [new_message(one, flags, date) for one in octets]
        stored = await self.store.append(await self._id(name), messages)
        self._step += 1
        uids = [self.boxes[name].add(one, flags, date, self._step) for one in octets]
        assert [where.uid for where in stored] == uids
        assert {where.uid_validity for where in stored} <= {self.boxes[name].uid_validity}

    async def deliver(self, names: list[str], octets: bytes, date: int) -> None:
        recipients = tuple((self.account, name) for name in names)
        stored = await self.store.deliver(Delivery(new_message(octets, 0, date), recipients))
        self._step += 1
        uids = [self.boxes[name].add(octets, 0, date, self._step) for name in names]
        assert [where.uid for where in stored] == uids

    async def store_flags(self, name: str, uids: UidSet, change: FlagChange, mask: int) -> None:
        box = self.boxes[name]
        now = await self.store.store_flags(await self._id(name), uids, change, mask)
        self._step += 1
        expected = []
        for message in box.among(uids):
            flags = changed(message.flags, change, mask)
            if flags != message.flags:
                box.messages[message.uid] = replace(message, flags=flags, step=self._step)
                expected.append((message.uid, flags))
        assert [(one.uid, one.flags) for one in now] == expected
        assert len({one.mod_seq for one in now}) <= 1, "one call, one mod-sequence"

    async def copy(self, source: str, uids: UidSet, target: str) -> None:
        copied = await self.store.copy(await self._id(source), uids, await self._id(target))
        self._step += 1
        self._expect_copied(self.boxes[source].among(uids), target, copied)

    async def move(self, source: str, uids: UidSet, target: str) -> None:
        copied = await self.store.move(await self._id(source), uids, await self._id(target))
        self._step += 1
        found = self.boxes[source].among(uids)
        self._expect_copied(found, target, copied)
        self.boxes[source].drop(found, self._step)

    def _expect_copied(self, found: list[Kept], target: str, copied: Copied) -> None:
        box = self.boxes[target]
        placed = [box.add(one.octets, one.flags, one.internal_date, self._step) for one in found]
        assert copied == Copied(box.uid_validity, tuple(one.uid for one in found), tuple(placed))

    async def expunge(self, name: str, uids: UidSet) -> None:
        gone = await self.store.expunge(await self._id(name), uids)
        self._step += 1
        found = [one for one in self.boxes[name].among(uids) if one.flags & Flag.DELETED]
        assert gone == self.boxes[name].drop(found, self._step)

    async def remove(self, name: str, uids: UidSet) -> None:
        gone = await self.store.remove(await self._id(name), uids)
        self._step += 1
        assert gone == self.boxes[name].drop(self.boxes[name].among(uids), self._step)

    # --- all that can be read ---

    async def check(self) -> None:
        stats = {stat.name: stat for stat in await self.store.stats(self.account)}
        assert sorted(stats) == sorted(self.boxes)
        for name, stat in stats.items():
            assert await self.store.stat(self.account, name) == stat
            await _check_box(self.store, self.boxes[name], stat)
            self.boxes[name].marks.append((self._step, stat.highest_mod_seq))


async def _check_box(store: Store, box: Box, stat: MailboxStat) -> None:
    messages = box.among(ALL_UIDS)
    assert (stat.uid_validity, stat.uid_next) == (box.uid_validity, box.uid_next)
    assert stat.messages == len(messages)
    assert stat.octets == sum(len(one.octets) for one in messages)
    assert stat.unseen == sum(not one.flags & Flag.SEEN for one in messages)
    assert stat.deleted == sum(bool(one.flags & Flag.DELETED) for one in messages)
    mod_seq, uids = await store.uids(stat.id)
    assert (mod_seq, list(uids)) == (stat.highest_mod_seq, [one.uid for one in messages])
    await _check_rows(store, stat, messages)
    await _check_searches(store, stat, messages)
    await _check_changes(store, box, stat)


async def _check_rows(store: Store, stat: MailboxStat, messages: list[Kept]) -> None:
    rows = [row async for some in store.fetch(stat.id, ALL_UIDS, COLUMNS) for row in some]
    assert [row[:4] for row in rows] == [
        (one.uid, one.flags, len(one.octets), one.internal_date) for one in messages
    ]
    for row, one in zip(rows, messages, strict=True):
        assert row[4] <= stat.highest_mod_seq
        assert row[6] == b"(" + one.octets[:40] + b")"
        body = await store.body(ContentId(row[5]))
        assert body.octets == len(one.octets)
        assert body.read(0, body.octets + 1) == one.octets
        assert body.read(3, 5) == one.octets[3:8]
        body.close()


async def _check_searches(store: Store, stat: MailboxStat, messages: list[Kept]) -> None:
    unseen = await store.search(stat.id, Not(HasFlags(Flag.SEEN)))
    assert list(unseen) == [one.uid for one in messages if not one.flags & Flag.SEEN]
    query = And((Larger(10), HasFlags(Flag.DELETED)))
    assert list(await store.search(stat.id, query)) == [
        one.uid for one in messages if len(one.octets) > 10 and one.flags & Flag.DELETED
    ]


async def _check_changes(store: Store, box: Box, stat: MailboxStat) -> None:
    for step, mod_seq in box.marks:
        assert mod_seq <= stat.highest_mod_seq, "a mod-sequence went back"
        changes = await store.changes_since(stat.id, mod_seq)
        assert (changes.mod_seq, changes.uid_next) == (stat.highest_mod_seq, box.uid_next)
        expected = [one for one in box.among(ALL_UIDS) if one.step > step]
        assert [(now.uid, now.flags) for now in changes.changed] == [
            (one.uid, one.flags) for one in expected
        ]
        gone = uid_set(uid for when, uid in box.expunged if when > step)
        assert uid_set(u for a, b in changes.expunged for u in range(a, b + 1)) == gone

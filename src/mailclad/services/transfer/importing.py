"""Import: mail from Maildir, mbox or .eml into an account's mailboxes.

In come a source on this machine and an account, out go messages in the store, with flags,
keywords and time of arrival, prepared as at delivery.  Mailboxes are made where they are
missing, and subscribed.  One message is in memory at a time beside a batch of at most
``BATCH_MESSAGES`` and about ``BATCH_OCTETS``.  With a journal it can be broken off at any time
and run again: see ``journal``.  What cannot be read is left out and told, it ends nothing; a
refusal of the store (quota, disk full) ends the import, and what was stored stays.
The source is trusted for nothing: see ``source``.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from mailclad.protocols.imap.prepare import prepare
from mailclad.services.transfer.eml import found_in_eml
from mailclad.services.transfer.journal import Batch, Journal, digest_of
from mailclad.services.transfer.maildir import found_in_maildir
from mailclad.services.transfer.mbox import found_in_mbox
from mailclad.services.transfer.model import (
    MAX_TROUBLES_KEPT,
    Found,
    Imported,
    Item,
    Kind,
    Progress,
    Step,
    TransferRefused,
    Trouble,
)
from mailclad.store.errors import MailboxNameRefused, MailboxNotFound, TooManyMailboxes
from mailclad.store.interface import Store
from mailclad.store.model import AccountId, Column, MailboxStat, NewMessage

BATCH_MESSAGES = 100
"""A commit each; more would gain little and show progress late."""

BATCH_OCTETS = 8 * 1024 * 1024

INBOX = "INBOX"

_READERS: Mapping[Kind, Callable[[Path], Iterator[Found]]] = {
    Kind.MAILDIR: found_in_maildir,
    Kind.MBOX: found_in_mbox,
    Kind.EML: found_in_eml,
}


def journal_path(directory: Path, account: AccountId, source: Path, target: str | None) -> Path:
    """Where the journal of this import lies: one for each account, source and target."""
    name = os.fsencode(source.resolve()) + b"\0" + (target or "").encode()
    return directory / f"{account}-{hashlib.blake2b(name, digest_size=8).hexdigest()}.journal"


async def import_mailbox(
    store: Store,
    account: AccountId,
    source: Path,
    kind: Kind,
    target: str | None,
    progress: Progress,
    *,
    journal: Path | None = None,
) -> Imported:
    """All mail of the source; its own mailboxes go below ``target``, or to their own names.

    Raises TransferRefused where the source cannot be read at all, and what the store refuses.
    """
    read = _READERS[kind]
    total = sum(found.size for found in read(source))
    if total == 0:
        raise TransferRefused(f"{source} holds no mail as {kind}: check the kind and the path")
    with Journal(journal) if journal else nullcontext() as kept:
        run = _Import(store, account, kept, progress, total)
        await run.look_for_unsettled()
        before = 0
        for found in read(source):
            await run.take(found, _name(target, found.name), before)
            before += found.size
    return run.imported()


def _name(target: str | None, name: str) -> str:
    if not name:
        return target or INBOX
    return f"{target}/{name}" if target else name


@dataclass(slots=True)
class _Batch:
    """Messages that go to the store together."""

    messages: list[NewMessage] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    octets: int = 0
    full: bool = False


class _Import:
    def __init__(
        self,
        store: Store,
        account: AccountId,
        journal: Journal | None,
        progress: Progress,
        total: int,
    ) -> None:
        self._store = store
        self._account = account
        self._journal = journal
        self._progress = progress
        self._total = total
        self._messages = self._octets = self._known = self._left_out = 0
        self._troubles: list[Trouble] = []
        self._seen: dict[tuple[str, str], int] = {}

    def imported(self) -> Imported:
        return Imported(
            self._messages, self._octets, self._known, self._left_out, tuple(self._troubles)
        )

    def _trouble(self, trouble: Trouble) -> None:
        self._left_out += 1
        if len(self._troubles) < MAX_TROUBLES_KEPT:
            self._troubles.append(trouble)

    async def take(self, found: Found, mailbox: str, before: int) -> None:
        """One mailbox of the source."""
        try:
            await _ensure_mailbox(self._store, self._account, mailbox)
        except (MailboxNameRefused, TooManyMailboxes) as problem:
            self._trouble(Trouble(mailbox, str(problem)))
            return
        batch = _Batch()
        for item in found.items():
            if isinstance(item, Trouble):
                self._trouble(item)
                continue
            await self._add(item, mailbox, batch)
            if batch.full:
                await self._keep(mailbox, batch)
                batch = _Batch()
                self._progress(Step(mailbox, self._messages, before + item.done, self._total))
        await self._keep(mailbox, batch)
        self._progress(Step(mailbox, self._messages, before + found.size, self._total))

    async def _add(self, item: Item, mailbox: str, batch: _Batch) -> None:
        if self._journal is not None:
            key = self._key(mailbox, digest_of(item.octets))
            if self._journal.knows(mailbox, key):
                self._known += 1
                return
            batch.keys.append(key)
        flags = item.flags
        if item.keywords:
            flags |= await self._store.keyword_bits(self._account, item.keywords, create=True)
        prepared = prepare(item.octets)
        batch.messages.append(NewMessage(item.octets, prepared, flags, item.date))
        batch.octets += len(item.octets)
        batch.full = len(batch.messages) >= BATCH_MESSAGES or batch.octets >= BATCH_OCTETS

    def _key(self, mailbox: str, digest: str) -> str:
        """Equal messages of a mailbox are numbered."""
        number = self._seen.get((mailbox, digest), 0) + 1
        self._seen[mailbox, digest] = number
        return f"{digest}.{number}"

    async def _keep(self, mailbox: str, batch: _Batch) -> None:
        if not batch.messages:
            return
        stat = await self._store.stat(self._account, mailbox)
        begun = None
        if self._journal is not None:
            begun = self._journal.begin(mailbox, stat.uid_next, tuple(batch.keys))
        await self._store.append(stat.id, batch.messages)
        if self._journal is not None and begun is not None:
            self._journal.settle(begun)
        self._messages += len(batch.messages)
        self._octets += batch.octets

    async def look_for_unsettled(self) -> None:
        """A batch that an earlier run began and did not see stored: what of it is there?"""
        batch = self._journal.unsettled if self._journal else None
        if self._journal is not None and batch is not None:
            self._journal.remember(batch, await self._stored_of(batch))

    async def _stored_of(self, batch: Batch) -> tuple[str, ...]:
        try:
            stat = await self._store.stat(self._account, batch.mailbox)
        except MailboxNotFound:
            return ()
        there: dict[str, int] = {}
        async for digest in self._digests(stat, batch.uid_next):
            there[digest] = there.get(digest, 0) + 1
        stored = []
        for key in batch.keys:
            digest = key.partition(".")[0]
            if there.get(digest, 0):
                there[digest] -= 1
                stored.append(key)
        return tuple(stored)

    async def _digests(self, stat: MailboxStat, first: int) -> AsyncIterator[str]:
        if stat.uid_next <= first:
            return
        async for rows in self._store.fetch(
            stat.id, ((first, stat.uid_next - 1),), (Column.CONTENT, Column.OCTETS)
        ):
            for content, octets in rows:
                body = await self._store.body(content)
                try:
                    yield digest_of(body.read(0, octets))
                finally:
                    body.close()


async def _ensure_mailbox(store: Store, account: AccountId, name: str) -> None:
    try:
        await store.stat(account, name)
    except MailboxNotFound:
        await store.create_mailbox(account, name)
        await store.subscribe(account, name, subscribed=True)

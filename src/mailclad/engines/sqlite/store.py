"""The embedded store: one index by SQLite, bodies in packs, several processes at once.

    index.db  packs/000000000001.pack  locks/write.lock  locks/maildrop-1

Each verb is a thin method: readers run at once on the event loop, or on a thread when they
may be long; writers go through the committer.  Opened by each worker after the fork.
Every state on disk, every move and what a crash leaves: docs/design/store.md.
"""

import asyncio
import contextlib
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Self

import apsw

from mailclad.engines.packs.disk import Disk
from mailclad.engines.packs.reader import PackReader
from mailclad.engines.packs.writer import PackWriter
from mailclad.engines.sqlite import compacting, flags, mailboxes, placing
from mailclad.engines.sqlite.acme_accounts import SqliteAcmeAccounts
from mailclad.engines.sqlite.arrival import Arrival, Target
from mailclad.engines.sqlite.certificates import SqliteCertificates
from mailclad.engines.sqlite.challenges import SqliteChallenges
from mailclad.engines.sqlite.changes import UidCache, changes_since, load_uids
from mailclad.engines.sqlite.committer import Committer
from mailclad.engines.sqlite.connection import (
    WRITE_CACHE_KIB,
    first_row,
    migrate,
    migrations,
    open_index,
)
from mailclad.engines.sqlite.duties import SqliteDuties
from mailclad.engines.sqlite.fetching import Fetched, message_count, plan_for
from mailclad.engines.sqlite.forwarded_senders import SqliteForwardedSenders
from mailclad.engines.sqlite.greylist import SqliteGreylist
from mailclad.engines.sqlite.lock import MaildropClaim, WriteLock
from mailclad.engines.sqlite.open_body import open_body
from mailclad.engines.sqlite.people import SqliteDirectory
from mailclad.engines.sqlite.problem import problem_of
from mailclad.engines.sqlite.readers import LOOP_ROWS, Readers
from mailclad.engines.sqlite.renewals import SqliteRenewals
from mailclad.engines.sqlite.reports import SqliteReports
from mailclad.engines.sqlite.searching import Search
from mailclad.engines.sqlite.sending import SqliteSending
from mailclad.engines.sqlite.setup_watches import SqliteSetupWatches
from mailclad.engines.sqlite.signing_keys import SqliteSigningKeys
from mailclad.engines.sqlite.sts_policies import SqliteStsPolicies
from mailclad.engines.sqlite.tls_use import SqliteTlsUse
from mailclad.engines.sqlite.tracing import SqliteTrace
from mailclad.engines.sqlite.watching import QUEUE, Watchers
from mailclad.engines.sqlite.web_sessions import SqliteWebSessions
from mailclad.store.errors import BodyDamaged, MailboxNotFound
from mailclad.store.interface import Body, Claim, Row, Store
from mailclad.store.model import (
    ALL_UIDS,
    AccountId,
    Changes,
    Column,
    ContentId,
    Copied,
    Delivery,
    FlagChange,
    FlagsNow,
    Mailbox,
    MailboxId,
    MailboxStat,
    ModSeq,
    NewMessage,
    Query,
    SpecialUse,
    Stored,
    Uid,
    UidSet,
)

Announce = Callable[[MailboxId, ModSeq], None]


def _to_nobody(_mailbox: MailboxId, _mod_seq: ModSeq) -> None:
    """There is no other process."""


def prepare_directory(directory: Path) -> None:
    """The folders, for the owner's eyes only."""
    for folder in (directory, directory / "packs", directory / "locks"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class SqliteStore(
    SqliteDirectory,
    SqliteDuties,
    SqliteGreylist,
    SqliteSetupWatches,
    SqliteSigningKeys,
    SqliteSending,
    SqliteForwardedSenders,
    SqliteReports,
    SqliteTlsUse,
    SqliteTrace,
    SqliteWebSessions,
    SqliteStsPolicies,
    SqliteChallenges,
    SqliteCertificates,
    SqliteRenewals,
    SqliteAcmeAccounts,
    Store,
):
    def __init__(self, directory: Path, announce: Announce, disk: Disk | None) -> None:
        self._directory = directory
        self._announce = announce
        self._disk = disk
        self._lock = WriteLock(directory)
        index = directory / "index.db"
        with self._lock.turn():  # several processes may make the index at once
            db = open_index(index, cache_kib=WRITE_CACHE_KIB)
            migrate(db, migrations())
        self._db = db
        self._packs = PackReader(directory / "packs")
        self._watchers = Watchers()
        self._uids = UidCache()
        writer = PackWriter(directory / "packs", disk)
        super().__init__(Readers(index), Committer(db, self._lock, writer, self._changed))

    @classmethod
    def open(
        cls,
        directory: Path,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        announce: Announce = _to_nobody,
        disk: Disk | None = None,
    ) -> Self:
        """The store in this directory, made when there is none.

        ``announce`` is called on the loop after each commit of this process, for each
        mailbox that it changed.  ``disk`` writes the packs.  Raises StoreUnavailable, DiskFull.
        """
        del loop  # each verb is answered on the loop that asks
        try:
            prepare_directory(directory)
            return cls(directory, announce, disk)
        except (OSError, apsw.Error) as error:
            raise problem_of(error) from error

    async def close(self) -> None:
        """Finish what was asked for, and let go of all files; twice is harmless."""
        if self._readers.closed:
            return
        await self._end_trace()
        await self._committer.close()
        await self._readers.close()
        self._packs.close()
        with self._lock.turn():
            self._db.close()
        self._lock.close()

    async def compact(self) -> int:
        """Write packs that are mostly dead anew; how many went.  Safe while all goes on.

        A pack with a damaged record is left as it is: ``verify`` names it.
        """
        gone = 0
        for number in self._readers.here(compacting.mostly_dead):
            with contextlib.suppress(BodyDamaged):
                gone += await self._compact_one(number)
        return gone

    async def _compact_one(self, number: int) -> bool:
        packs = self._directory / "packs"
        try:
            old = compacting.OldPack(packs, number)
        except FileNotFoundError:  # a crash came between unlink and the row's end
            await self._write(compacting.forget_pack, number)
            return False
        try:
            if not old.is_free():
                return False
            new = await self._write(compacting.take_pack_number)
            copies = await self._readers.there(compacting.copy_alive, packs, old, new, self._disk)
            await self._write(compacting.relocate, copies)
            old.unlink()
            await self._write(compacting.forget_pack, number)
        finally:
            old.close()
        return True

    # --- changes ---

    def _changed(self, touched: dict[MailboxId, ModSeq]) -> None:
        self._watchers.wake(touched)
        for mailbox, mod_seq in touched.items():
            self._announce(mailbox, mod_seq)

    def noticed(self, mailbox: MailboxId, mod_seq: ModSeq) -> None:
        """Another process announced a change."""
        self._watchers.wake((mailbox,))

    def watch(self, mailbox: MailboxId, wake: Callable[[], None]) -> Callable[[], None]:
        return self._watchers.watch(mailbox, wake)

    def watch_queue(self, wake: Callable[[], None]) -> Callable[[], None]:
        return self._watchers.watch(QUEUE, wake)

    def _wake_queue(self) -> None:
        self._watchers.wake((QUEUE,))

    async def changes_since(self, mailbox: MailboxId, mod_seq: ModSeq) -> Changes:
        found = self._readers.here(changes_since, mailbox, mod_seq, LOOP_ROWS)
        if found is None:
            found = await self._readers.there(changes_since, mailbox, mod_seq)
            assert found is not None  # without a limit there is always an answer
        return found

    def claim(self, account: AccountId) -> Claim:
        return MaildropClaim(self._directory, account)

    # --- mailboxes ---

    async def mailboxes(self, account: AccountId) -> list[Mailbox]:
        return self._readers.here(mailboxes.mailboxes, account)

    async def subscriptions(self, account: AccountId) -> list[str]:
        return self._readers.here(mailboxes.subscriptions, account)

    async def stat(self, account: AccountId, name: str) -> MailboxStat:
        return self._readers.here(mailboxes.stat, account, name)

    async def stats(self, account: AccountId) -> list[MailboxStat]:
        return self._readers.here(mailboxes.stats, account)

    async def create_mailbox(
        self, account: AccountId, name: str, special_use: SpecialUse | None = None
    ) -> MailboxStat:
        return await self._write(mailboxes.create, account, name, special_use)

    async def delete_mailbox(self, account: AccountId, name: str) -> None:
        await self._write(mailboxes.delete, account, name)

    async def rename_mailbox(self, account: AccountId, name: str, new_name: str) -> None:
        await self._write(mailboxes.rename, account, name, new_name)

    async def subscribe(self, account: AccountId, name: str, subscribed: bool) -> None:
        await self._write(mailboxes.subscribe, account, name, subscribed)

    async def keywords(self, account: AccountId) -> tuple[str, ...]:
        return self._readers.here(flags.keywords, account)

    async def keyword_bits(self, account: AccountId, names: Sequence[str], create: bool) -> int:
        if not create:
            return self._readers.here(flags.known_bits, account, names)
        there = self._readers.here(flags.keyword_bits, account, names)
        if there is not None:
            return there
        return await self._write(flags.make_keywords, account, names)

    # --- messages in ---

    async def deliver(self, delivery: Delivery) -> tuple[Stored, ...]:
        owners = tuple(account for account, _ in delivery.recipients)
        return await self._arrive((delivery.message,), delivery.recipients, owners)

    async def append(
        self, mailbox: MailboxId, messages: Sequence[NewMessage]
    ) -> tuple[Stored, ...]:
        owner = "SELECT account FROM mailbox WHERE id = ?"
        found = self._readers.here(first_row, owner, (mailbox,))
        if found is None:
            raise MailboxNotFound("the mailbox is gone")
        return await self._arrive(messages, (mailbox,), found)

    async def _arrive(
        self,
        messages: Sequence[NewMessage],
        targets: tuple[Target, ...],
        owners: tuple[int, ...],
    ) -> tuple[Stored, ...]:
        if not messages or not targets:
            return ()
        future = asyncio.get_running_loop().create_future()
        stored: tuple[Stored, ...] = await self._committer.arrive(
            Arrival(messages, targets, owners, future)
        )
        return stored

    # --- messages out ---

    async def uids(self, mailbox: MailboxId) -> "tuple[ModSeq, array[int]]":
        kept = self._readers.here(self._uids.fresh, mailbox)
        if kept is not None:
            return kept
        loaded = await self._readers.there(load_uids, mailbox)
        self._uids.keep(mailbox, loaded)
        return loaded[0], loaded[2]

    def fetch(
        self, mailbox: MailboxId, uids: UidSet, columns: Sequence[Column]
    ) -> AsyncIterator[list[Row]]:
        return Fetched(self._readers, plan_for(tuple(columns)), mailbox, uids)

    async def search(self, mailbox: MailboxId, query: Query) -> "array[int]":
        self._readers.here(message_count, mailbox)
        return await self._readers.there(lambda db: Search(db, self._packs, mailbox).run(query))

    async def body(self, content: ContentId) -> Body:
        return self._readers.here(open_body, self._packs, content)

    # --- changing ---

    async def store_flags(
        self,
        mailbox: MailboxId,
        uids: UidSet,
        change: FlagChange,
        mask: int,
        unchanged_since: ModSeq | None = None,
    ) -> list[FlagsNow]:
        return await self._write(flags.store_flags, mailbox, uids, change, mask, unchanged_since)

    async def copy(self, source: MailboxId, uids: UidSet, target: MailboxId) -> Copied:
        return await self._write(placing.copy, source, uids, target)

    async def move(self, source: MailboxId, uids: UidSet, target: MailboxId) -> Copied:
        return await self._write(placing.move, source, uids, target)

    async def expunge(self, mailbox: MailboxId, uids: UidSet = ALL_UIDS) -> list[Uid]:
        return await self._write(placing.expunge, mailbox, uids)

    async def remove(self, mailbox: MailboxId, uids: UidSet) -> list[Uid]:
        return await self._write(placing.remove, mailbox, uids)

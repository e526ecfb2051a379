"""Export: an account's mailboxes to Maildir, mbox or .eml files.

Goes out what was stored, octet for octet, in Maildir and .eml; in mbox with LF, see there.
A message is read in pieces of 256 KiB and its file appears when it is whole.  Broken off, an
export is run again into the same target: Maildir and .eml leave out what is there already, and an
mbox that was finished is not written over.  Files are for the owner's eyes only.  Nothing is
synced message by message: the copy is durable once the system has written it out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mailclad.services.transfer.eml import EmlWriter
from mailclad.services.transfer.maildir import MaildirWriter
from mailclad.services.transfer.mbox import MboxWriter
from mailclad.services.transfer.model import Exported, Kind, Progress, Step
from mailclad.services.transfer.writing import Writer
from mailclad.store.interface import Body, Store
from mailclad.store.model import ALL_UIDS, AccountId, Column, MailboxStat

PIECE_OCTETS = 256 * 1024

_COLUMNS = (Column.UID, Column.FLAGS, Column.INTERNAL_DATE, Column.CONTENT, Column.OCTETS)
_WRITERS: Mapping[Kind, Callable[[Path, str, int, Sequence[str]], Writer]] = {
    Kind.MAILDIR: MaildirWriter,
    Kind.MBOX: MboxWriter,
    Kind.EML: EmlWriter,
}


async def export_mailbox(
    store: Store,
    account: AccountId,
    target: Path,
    kind: Kind,
    progress: Progress,
    *,
    mailbox: str | None = None,
) -> Exported:
    """All mailboxes, or one; raises TransferRefused, MailboxNotFound, OSError, BodyDamaged."""
    stats = [await store.stat(account, mailbox)] if mailbox else await store.stats(account)
    run = _Export(store, progress, sum(stat.messages for stat in stats))
    for stat in stats:
        words = await store.keywords(account)
        await run.write(stat, _WRITERS[kind](target, stat.name, stat.uid_validity, words))
    return Exported(len(stats), run.messages, run.octets, run.known)


class _Export:
    def __init__(self, store: Store, progress: Progress, total: int) -> None:
        self._store = store
        self._progress = progress
        self._total = total
        self.messages = self.octets = self.known = 0

    async def write(self, stat: MailboxStat, writer: Writer) -> None:
        whole = False
        try:
            await self._write(stat, writer)
            whole = True
        finally:
            writer.close(whole)

    async def _write(self, stat: MailboxStat, writer: Writer) -> None:
        async for rows in self._store.fetch(stat.id, ALL_UIDS, _COLUMNS):
            for uid, flags, date, content, octets in rows:
                if writer.has(uid, octets, date):
                    self.known += 1
                    continue
                body = await self._store.body(content)
                try:
                    writer.write(uid, _pieces(body), octets, flags, date)
                finally:
                    body.close()
                self.messages += 1
                self.octets += octets
            self._progress(Step(stat.name, self.messages, self.messages + self.known, self._total))


def _pieces(body: Body) -> Iterator[bytes]:
    for start in range(0, body.octets, PIECE_OCTETS):
        yield body.read(start, PIECE_OCTETS)

"""The maildrop as this client was shown it: INBOX at the moment of the login.

RFC 1939 §4 and §5: message numbers, sizes and marks of deletion stay as they are until the
session ends, whatever arrives or is removed meanwhile.  Three arrays, no object a message.
"""

from array import array
from collections.abc import AsyncIterator, Iterator

from mailclad.store.interface import Row
from mailclad.store.model import Column, ContentId, MailboxId, UidSet, uid_set

COLUMNS = (Column.UID, Column.OCTETS, Column.CONTENT)


class Maildrop:
    """Messages have numbers from 1; ``deleted`` holds those that QUIT will remove."""

    __slots__ = ("_contents", "_octets", "_uids", "deleted", "mailbox", "uid_validity")

    def __init__(self, mailbox: MailboxId, uid_validity: int) -> None:
        self.mailbox = mailbox
        self.uid_validity = uid_validity
        self.deleted: set[int] = set()
        self._uids = array("I")
        self._octets = array("Q")
        self._contents = array("Q")

    async def take(self, batches: AsyncIterator[list[Row]]) -> None:
        """Take rows of ``COLUMNS``, by ascending UID."""
        async for rows in batches:
            uids, octets, contents = zip(*rows, strict=True)
            self._uids.extend(uids)
            self._octets.extend(octets)
            self._contents.extend(contents)

    def has(self, number: int) -> bool:
        return 1 <= number <= len(self._uids) and number not in self.deleted

    def octets(self, number: int) -> int:
        return self._octets[number - 1]

    def uid(self, number: int) -> int:
        return self._uids[number - 1]

    def content(self, number: int) -> ContentId:
        return ContentId(self._contents[number - 1])

    def totals(self) -> tuple[int, int]:
        """Messages and octets that are not marked."""
        gone = sum(map(self.octets, self.deleted))
        return len(self._uids) - len(self.deleted), sum(self._octets) - gone

    def scan_listing(self) -> Iterator[list[tuple[int, int]]]:
        return self._batches(self._octets)

    def unique_ids(self) -> Iterator[list[tuple[int, int]]]:
        return self._batches(self._uids)

    def uids_deleted(self) -> UidSet:
        return uid_set(map(self.uid, self.deleted))

    def _batches(self, values: "array[int]") -> Iterator[list[tuple[int, int]]]:
        deleted = self.deleted
        for start in range(0, len(values), BATCH):
            rows = list(enumerate(values[start : start + BATCH], start + 1))
            yield [row for row in rows if row[0] not in deleted] if deleted else rows


BATCH = 1_000
"""Lines that are made at once: about 16 KB."""

"""What one client has been told of its selected mailbox (RFC 9051 §2.3.1, §5.2, §7.4.1, §7.5.1).

In: the counters of SELECT, later the store's ``Changes``.  Out: what to tell now
(``News``), and translations between sequence numbers and UIDs.

SELECT needs only counters.  The UIDs are loaded when a sequence number is first
needed, and then must be those of the moment of SELECT: the UIDs that are there
now, without those that came later, with those that went since (``load``).

Expunged messages keep their sequence numbers until the client is told; where the
standard forbids telling (FETCH, STORE, SEARCH by number), they wait in ``_gone``.
The UIDs are the store's own array wherever they can be, and are let go when the mailbox
has changed: a thousand clients of one large mailbox hold one array, not a thousand.
The view trusts the store's changes and never asks the store itself.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.protocols.imap.sequence_set import SequenceSet, join_runs
from mailclad.store.model import Changes, FlagsNow, MailboxId, MailboxStat, ModSeq, UidSet

OWN_CHANGES = 64
"""Changes of our own that wait for their echo; older ones are told twice, which is harmless."""


@dataclass(frozen=True, slots=True)
class News:
    """What the client is told now, in this order.

    ``expunged`` are runs of sequence numbers, each from high to low and the highest run
    first, so that no number depends on an earlier one.
    """

    expunged: tuple[range, ...]
    exists: int | None
    flags: tuple[FlagsNow, ...]


class MailboxView:
    __slots__ = ("_gone", "_own", "_uids", "exists", "keywords", "mailbox", "mod_seq",
                 "saved", "stale", "uid_next")  # fmt: skip

    def __init__(self, stat: MailboxStat, keywords: int) -> None:
        self.mailbox: MailboxId = stat.id
        self.exists = stat.messages
        self.uid_next = stat.uid_next
        self.mod_seq: ModSeq = stat.highest_mod_seq
        self.saved: UidSet = ()
        """The result that SEARCH saved, ``$`` (RFC 9051 §6.4.4.1)."""
        self.keywords = keywords
        """How many keywords the client knows by name."""
        self.stale = True
        """Whether there may be changes that were not asked for: at first, or by a hint."""
        self._uids: array[int] | None = None
        self._gone: UidSet = ()
        self._own: tuple[ModSeq, ...] = ()

    @property
    def loaded(self) -> bool:
        return self._uids is not None

    def load(self, uids: "array[int]", changes: Changes) -> None:
        """Take the UIDs there are; ``changes`` since ``mod_seq`` were asked for after them."""
        known = uids
        if uids and uids[-1] >= self.uid_next:
            known = uids[: bisect_left(uids, self.uid_next)]
        gone = [uid for run in _below(changes.expunged, self.uid_next) + self._gone
                for uid in range(run[0], run[1] + 1)]  # fmt: skip
        self._uids = array("I", sorted({*known, *gone})) if gone else known
        assert len(self._uids) == self.exists  # else the client would act on wrong messages

    # --- numbers and UIDs --------------------------------------------------------

    @property
    def uids(self) -> "array[int]":
        assert self._uids is not None  # whoever needs numbers has loaded the view
        return self._uids

    @property
    def highest_uid(self) -> int:
        """The UID that ``*`` means; 0 in an empty mailbox."""
        return self.uids[-1] if self.exists else 0

    @property
    def known(self) -> UidSet:
        """A run that holds every message the client has been told of, and no later one."""
        return ((1, self.uid_next - 1),) if self.exists else ()

    def resolving_takes_uids(self, numbers: SequenceSet, *, by_uid: bool) -> bool:
        """Whether ``resolve`` needs a loaded view; ``1:*`` by UID does not."""
        if self.loaded or numbers.saved or not self.exists:
            return False
        return not by_uid or any(0 in run and run != (1, 0) for run in numbers.ranges)

    def is_beyond(self, numbers: SequenceSet) -> bool:
        """Whether a sequence number is written out, or ``*``, that no message has."""
        if numbers.saved:
            return False
        return numbers.highest() > self.exists or not self.exists

    def resolve(self, numbers: SequenceSet, *, by_uid: bool) -> UidSet:
        """The UIDs meant; sequence numbers that no message has are left out."""
        if numbers.saved:
            return self.saved
        if not self.exists:
            return ()
        if by_uid:
            highest = self.highest_uid if self.loaded else self.uid_next - 1
            return _below(numbers.runs(highest), self.uid_next)
        uids, exists = self.uids, self.exists
        return tuple(
            (uids[first - 1], uids[min(last, exists) - 1])
            for first, last in numbers.runs(exists)
            if first <= exists
        )

    def count(self, uids: UidSet) -> int:
        """How many messages of the view these are."""
        known = self.uids
        return sum(bisect_right(known, last) - bisect_left(known, first) for first, last in uids)

    def number(self, uid: int) -> int:
        """The sequence number of a UID that is in the view."""
        return bisect_right(self.uids, uid)

    def numbers(self, uids: Sequence[int]) -> Sequence[int]:
        """The sequence numbers of ascending UIDs, all in the view; a range where it can be."""
        if not uids:
            return ()
        first = self.number(uids[0])
        last = bisect_right(self.uids, uids[-1], first - 1)
        if last - first + 1 == len(uids):
            return range(first, last + 1)
        all_uids = self.uids
        return [bisect_right(all_uids, uid, first - 1, last) for uid in uids]

    @property
    def owes_expunges(self) -> bool:
        """Whether messages are gone that the client has not been told of."""
        return bool(self._gone)

    # --- changes -----------------------------------------------------------------

    def expect(self, mod_seq: ModSeq, *, certain: bool) -> None:
        """A change of our own was stored, and the client is not to hear of it again.

        ``certain``: the client knows the flags that the messages have now, whoever set them.
        Otherwise somebody's change may have come just before ours, to the same message, and
        is only ruled out where ours is the very next; else the client hears of ours too.
        """
        if mod_seq == self.mod_seq + 1:
            self.mod_seq = mod_seq
        elif certain:
            self._own = (*self._own, mod_seq)[-OWN_CHANGES:]

    def needs_uids(self, changes: Changes) -> bool:
        """Whether telling these changes takes sequence numbers."""
        return bool(_below(changes.expunged, self.uid_next)) or any(
            row.uid < self.uid_next and row.mod_seq not in self._own for row in changes.changed
        )

    def take(self, changes: Changes, *, hold_expunged: bool) -> News:
        """Bring the view up to date; the caller tells the client exactly what is returned.

        It may have to be loaded anew before sequence numbers are asked for.
        """
        gone = join_runs((*self._gone, *_below(changes.expunged, self.uid_next)))
        own = self._own
        flags = tuple(
            row for row in changes.changed if row.uid < self.uid_next and row.mod_seq not in own
        )
        arrived = [row.uid for row in changes.changed if row.uid >= self.uid_next]
        expunged: tuple[range, ...] = ()
        if gone and not hold_expunged:
            expunged = self._remove(gone)
            gone = ()
        self._gone = gone
        if arrived:
            self._add(arrived)
        self._own = tuple(mod_seq for mod_seq in own if mod_seq > changes.mod_seq)
        self.uid_next = max(self.uid_next, changes.uid_next)
        self.mod_seq = changes.mod_seq
        return News(expunged, self.exists if arrived else None, flags)

    def _remove(self, gone: UidSet) -> tuple[range, ...]:
        uids = self.uids
        cuts = [(bisect_left(uids, first), bisect_right(uids, last)) for first, last in gone]
        numbers = tuple(range(stop, start, -1) for start, stop in reversed(cuts) if start < stop)
        self.exists -= sum(map(len, numbers))
        self._uids = None
        return numbers

    def _add(self, arrived: list[int]) -> None:
        self.exists += len(arrived)
        if self._uids is not None:
            self._uids = self._uids + array("I", sorted(arrived)) if self._gone else None


def _below(runs: UidSet, limit: int) -> UidSet:
    """The part of these runs that lies below ``limit``."""
    if not runs or runs[-1][1] < limit:
        return runs
    return tuple((first, min(last, limit - 1)) for first, last in runs if first < limit)

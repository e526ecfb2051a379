"""The storage port's daily reports: what ours will say, and what those of others said.

Days are counted since 1970 in UTC, other times are seconds.  What a report says is octets here:
``services.reports`` knows what they mean.  Each verb is one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

from mailclad.store.queue import Dispatch

DAY_SECONDS = 86_400

TOPICS_A_DAY = 20_000
"""Domains noted in a day; who sends in the names of more wants to fill our disk."""

KINDS_A_TOPIC = 10_000
"""Different things noted of a domain in a day: as many as readers of a report believe."""

KINDS_A_DAY = 200_000
"""Of all domains: some 100 MB of index."""

RECEIVED_A_DAY = 2_000
"""Reports of others; a domain known everywhere gets some hundreds."""

RECEIVED_OCTETS_A_DAY = 64 * 1024 * 1024
"""Packed; a usual report has one KiB."""

PAGE_REPORTS = 500
"""Listed or removed at a time."""

PAGE_RECEIVED = 100
"""Listed at a time with all that they say."""

TopicId = NewType("TopicId", int)
ReceivedId = NewType("ReceivedId", int)


class ReportKind(StrEnum):
    """TLS: sessions with other servers (RFC 8460); DMARC: mail judged by its author's policy."""

    TLS = "tls"
    DMARC = "dmarc"


class SendOutcome(StrEnum):
    """What became of a report of ours."""

    SENT = "sent"
    UNWANTED = "unwanted"
    """The domain asks for none, or names only places that did not agree to it."""
    TOO_LARGE = "too large"
    """For every place that the domain names."""
    UNSIGNED = "unsigned"
    """It must be signed, and there is no key."""
    FAILED = "failed"
    """DNS, or whoever takes it, did not answer for a day."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that was seen ``number`` times; ``due`` is when its report may be sent."""

    day: int
    kind: ReportKind
    domain: str
    due: int
    facts: bytes
    number: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was seen and not kept apart, because too much was."""

    day: int
    kind: ReportKind
    number: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A report of ours; ``outcome`` None: not settled.  ``places`` are where it went.

    ``domain`` "" is all that no room was left for; it is never sent.
    """

    id: TopicId
    day: int
    kind: ReportKind
    domain: str
    due: int
    kinds: int
    seen: int
    left_out: int
    outcome: SendOutcome | None = None
    places: tuple[str, ...] = ()
    settled_at: int | None = None

    @property
    def begin(self) -> int:
        return self.day * DAY_SECONDS

    @property
    def end(self) -> int:
        """The last second."""
        return self.begin + DAY_SECONDS - 1


@dataclass(frozen=True, slots=True)
class NewReceived:
    """A report of somebody else about a domain of ours.

    ``vouched`` is the domain whose signature the mail had, "" without one; ``passed`` and
    ``failed`` count messages or sessions; ``content`` is the report itself.
    """

    kind: ReportKind
    domain: str
    organization: str
    report_id: str
    contact: str
    begin: int
    end: int
    received_at: int
    vouched: str
    passed: int
    failed: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Received:
    id: ReceivedId
    report: NewReceived


class Keeping(StrEnum):
    """What became of a report that was to be kept."""

    KEPT = "kept"
    KNOWN = "known"
    """The same organization sent one with this identifier about this domain."""
    TOO_MANY = "too many"
    """``RECEIVED_A_DAY`` or ``RECEIVED_OCTETS_A_DAY`` are here since midnight."""


class Reports(Protocol):
    # --- ours ---
    async def add_notes(self, notes: Sequence[Noted], left_out: Sequence[LeftOut]) -> None:
        """Count these; what has no room, or comes after its report was settled, is left out."""
        ...

    async def take_due_reports(self, now: int, again: int, limit: int) -> list[Topic]:
        """Reports that are due, by their time; nobody else gets them before ``again``."""
        ...

    async def report_notes(self, topic: TopicId) -> list[tuple[bytes, int]]:
        """Facts and number of each."""
        ...

    async def settle_report(
        self,
        topic: TopicId,
        outcome: SendOutcome,
        places: Sequence[str],
        now: int,
        mails: Sequence[Dispatch] = (),
    ) -> bool:
        """Queue the mails and write the outcome down, all or nothing.

        False: it was settled before, and nothing is queued.
        """
        ...

    async def reports_of_ours(self, since_day: int) -> list[Topic]:
        """The last ``PAGE_REPORTS``, newest first, unsettled ones included."""
        ...

    # --- those of others ---
    async def keep_received(self, report: NewReceived) -> Keeping: ...
    async def received_reports(
        self, since: int, domain: str | None = None, after: ReceivedId | None = None
    ) -> list[Received]:
        """Up to ``PAGE_RECEIVED`` that ended at ``since`` or later, by id, behind ``after``."""
        ...

    async def received_report(self, report: ReceivedId) -> Received | None: ...

    async def count_ignored(self, day: int, reason: str) -> None: ...
    async def ignored_reports(self, since_day: int) -> list[tuple[str, int]]:
        """Reason and number, the most frequent first."""
        ...

    async def forget_reports(self, noted_before: int, received_before: int) -> int:
        """Drop what ours said before that day, and others' received before that time.

        How many went, at most ``PAGE_REPORTS`` of each: repeat until it is 0.
        """
        ...

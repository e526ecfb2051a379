"""The queue's part of the storage port: mail that waits to leave for other domains.

Each verb is one transaction, durable when it returns (see ``store.interface``).  Times are
seconds since 1970 UTC and given by the caller.  A queued message is one envelope; each of its
recipients has a state of its own.  Every state on disk and every move: docs/design/queue.md.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntFlag, StrEnum
from typing import NewType, Protocol

from mailclad.base.octets import Octets
from mailclad.mail.prepared import Prepared
from mailclad.store.model import AccountId, ContentId

QueueId = NewType("QueueId", int)
"""Ascends with the time it was made: ``queued_at``."""

QUEUE_ID_BITS = 20
"""Below the second stands a count: a million messages a second do not run ahead of the clock."""

PAGE_MESSAGES = 1_000
"""What one call lists or changes at most, so that no transaction lasts long."""

DESTINATIONS_AT_ONCE = 100
"""In a summary: each is counted, and may have very many recipients."""

LEASED_AT_ONCE = 1_000
"""Recipients that one call leases at most; more would wait in memory, not be sent sooner."""

LONGEST_LEASE_SECONDS = 86_400
"""One that ends later was made by a clock that was ahead, and has run out."""

ATTEMPTS_KEPT = 20
"""Of each message; five days of the usual schedule make about that many."""

ANSWER_LETTERS = 1_000
"""Of an answer of another server; what is longer is cut off when it is stored."""


def queued_at(message: QueueId) -> int:
    """When a message was queued."""
    return message >> QUEUE_ID_BITS


class RecipientState(StrEnum):
    WAITING = "waiting"
    LEASED = "leased"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"


OPEN_STATES = (RecipientState.WAITING, RecipientState.LEASED, RecipientState.HELD)
"""A message is in the queue as long as one of its recipients is in one of these."""


class Notify(IntFlag):
    """RFC 3461 §4.1; none of them: the sender did not say."""

    SUCCESS = 1
    FAILURE = 2
    DELAY = 4
    NEVER = 8


class Return(StrEnum):
    """RFC 3461 §4.3: how much of the message a notice brings back."""

    FULL = "FULL"
    HEADERS = "HDRS"


@dataclass(frozen=True, slots=True)
class Deadline:
    """RFC 2852: deliver by then, or else give it up, or (not ``gives_up``) tell and go on."""

    at: int
    gives_up: bool


# --- in --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """``destination`` is the domain in A-labels; ``orcpt`` as it was given, still encoded."""

    address: str
    destination: str
    notify: Notify = Notify(0)
    orcpt: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is said before a message is handed over, and how long that is tried.

    ``sender`` is "" for ``<>``.  ``start`` octets in front of the message stay here.
    ``identity`` is the id in our Received field.  Nothing is tried before ``not_before``
    (FUTURERELEASE).  ``priority`` is RFC 6710's, −9 to 9.
    """

    sender: str
    recipients: tuple[NewRecipient, ...]
    expires: int
    warn_at: int
    identity: str = ""
    start: int = 0
    account: AccountId | None = None
    envid: str | None = None
    ret: Return | None = None
    priority: int = 0
    not_before: int = 0
    requiretls: bool = False
    smtputf8: bool = False
    eight_bit: bool = False
    deadline: Deadline | None = None

    def __post_init__(self) -> None:
        if not self.recipients or not -9 <= self.priority <= 9:
            raise ValueError("an envelope has a recipient, and a priority from -9 to 9")


@dataclass(frozen=True, slots=True)
class LocalShare:
    """The mailboxes of ours that get the same octets, by account and name."""

    prepared: Prepared
    recipients: tuple[tuple[AccountId, str], ...]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message's octets, and all whom they are for; every envelope becomes a queued message."""

    octets: Octets
    now: int
    envelopes: tuple[Envelope, ...] = ()
    local: LocalShare | None = None

    def __post_init__(self) -> None:
        if not self.envelopes and not (self.local and self.local.recipients):
            raise ValueError("a message is for somebody")


# --- what is there ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """An envelope in the queue; ``octets`` counts what is sent, without the first ``start``."""

    id: QueueId
    content: ContentId
    octets: int
    start: int
    identity: str
    sender: str
    expires: int
    warn_at: int
    not_before: int
    account: AccountId | None
    envid: str | None
    ret: Return | None
    priority: int
    requiretls: bool
    smtputf8: bool
    eight_bit: bool
    deadline: Deadline | None = None

    @property
    def created(self) -> int:
        return queued_at(self.id)

    def is_late(self, now: int) -> bool:
        return self.deadline is not None and now >= self.deadline.at


@dataclass(frozen=True, slots=True)
class QueuedRecipient:
    """``number`` counts the recipients of a message; ``owner`` has leased it ``leased_until``."""

    number: int
    address: str
    destination: str
    notify: Notify
    orcpt: str | None
    state: RecipientState
    next_attempt: int
    attempts: int
    warned: bool
    answer: str
    owner: str | None
    leased_until: int | None


@dataclass(frozen=True, slots=True)
class Work:
    """What one transaction with another server can carry: a message, and who is there."""

    destination: str
    message: QueuedMessage
    recipients: tuple[QueuedRecipient, ...]


@dataclass(frozen=True, slots=True)
class Queued:
    """A message as a list shows it, all recipients included."""

    message: QueuedMessage
    recipients: tuple[QueuedRecipient, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """``next`` is what to ask for the page behind it, None when there is none."""

    messages: tuple[Queued, ...]
    next: QueueId | None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """``octets`` counts a message once for each envelope; ``oldest`` is when it was queued."""

    messages: int
    octets: int
    waiting: int
    leased: int
    held: int
    oldest: int | None


# --- what an attempt did ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection's try at a message, as a person would want it told.

    ``verified`` says by what the server was proven to be the right one, in the words of
    whoever made the attempt; the TLS fields are "" where there was none.
    """

    at: int
    destination: str
    host: str
    address: str
    tls_version: str
    tls_suite: str
    tls_group: str
    verified: str
    answer: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a recipient: DELIVERED, FAILED, or WAITING until ``next_attempt``.

    ``warned``: a notice of the delay goes out with this.
    """

    number: int
    state: RecipientState
    answer: str
    next_attempt: int = 0
    warned: bool = False

    def __post_init__(self) -> None:
        if self.state in (RecipientState.LEASED, RecipientState.HELD):
            raise ValueError("an attempt ends in delivered, failed or waiting")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What was done with a leased message, or with some of its leased recipients."""

    message: QueueId
    results: tuple[Result, ...]
    attempts: tuple[Attempt, ...] = ()


# --- administration --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """All that are given must hold; destination and state of one and the same recipient."""

    message: QueueId | None = None
    sender: str | None = None
    destination: str | None = None
    queued_before: int | None = None
    state: RecipientState | None = None


EVERYTHING = QueueFilter()


class Change(Enum):
    """HOLD waiting ones; RELEASE held ones; RETRY waiting ones now; DROP both, without notice."""

    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Changed:
    """How many recipients were changed, and where to go on (None: that was all)."""

    recipients: int
    next: QueueId | None


@dataclass(frozen=True, slots=True)
class DestinationSummary:
    """Recipients by state, at one domain; nothing is tried there before ``paused_until``.

    ``oldest`` is when the first of those messages was queued, ``answer`` what it heard last.
    """

    name: str
    waiting: int
    leased: int
    held: int
    oldest: int
    next_attempt: int | None
    paused_until: int
    answer: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address that gets nothing, why, and until when (None: until it is removed)."""

    address: str
    reason: str
    added_at: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages that may be under way at once to a destination; ``exceptions`` by its name."""

    each: int = 20
    exceptions: Mapping[str, int] = field(default_factory=dict)

    def of(self, destination: str) -> int:
        return self.exceptions.get(destination, self.each)


USUAL_LIMITS = Limits()
"""As Postfix: 20 connections do not hurt a small server, and fill the pipe to a large one."""


class Queue(Protocol):
    """The queue's verbs, each one transaction."""

    async def enqueue(self, dispatch: Dispatch) -> tuple[QueueId, ...]:
        """Queue the envelopes and store the local share in one commit; the ids, in order.

        Raises MailboxNotFound where a mailbox of the local share is gone: nothing is queued.
        """
        ...

    async def lease_due(
        self,
        now: int,
        owner: str,
        until: int,
        limit: int = LEASED_AT_ONCE,
        limits: Limits = USUAL_LIMITS,
    ) -> list[Work]:
        """Take at most ``limit`` recipients that are due, grouped by destination.

        Nobody else gets them before ``until``; leases that ran out are due again.
        """
        ...

    async def next_due(self) -> int | None:
        """When ``lease_due`` may find something at the earliest; None with nobody waiting.

        What is past already is due, but at a destination that is at its limit: wait for a
        settlement.
        """
        ...

    async def settle(
        self,
        owner: str,
        settlements: Sequence[Settlement],
        notices: Sequence[Dispatch] = (),
        pauses: Mapping[str, int] | None = None,
    ) -> int:
        """Write down results, log and notices (DSNs), all or nothing; how many results counted.

        Final results count unless the recipient is final or gone; others only from who holds
        the lease.  Nothing is tried at a destination before the end of its pause.
        """
        ...

    async def extend_leases(
        self, owner: str, until: int, messages: Collection[QueueId]
    ) -> int: ...
    async def return_leases(self, owner: str, messages: Collection[QueueId] | None = None) -> int:
        """Nothing was tried: they wait again, as before; how many recipients."""
        ...

    async def change(
        self, change: Change, which: QueueFilter, now: int, after: QueueId | None = None
    ) -> Changed:
        """Change up to ``PAGE_MESSAGES`` messages behind ``after``; leased ones are left alone.

        The trace tells of it, except of RETRY.
        """
        ...

    def watch_queue(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have ``wake`` called when this process has queued something, and when RELEASE or RETRY
        made something due, in any process.

        On the event loop, and only a hint; returns how to stop.
        """
        ...

    async def queue_page(
        self,
        which: QueueFilter = EVERYTHING,
        after: QueueId | None = None,
        limit: int = PAGE_MESSAGES,
    ) -> Page:
        """Messages by ascending id, behind ``after``."""
        ...

    async def queue_matches(self, which: QueueFilter) -> int:
        """How many messages."""
        ...

    async def queue_counts(self) -> QueueCounts: ...
    async def destinations(
        self, after: str = "", limit: int = DESTINATIONS_AT_ONCE
    ) -> list[DestinationSummary]:
        """By name, behind ``after``."""
        ...

    async def queue_attempts(self, message: QueueId) -> list[Attempt]:
        """The last ``ATTEMPTS_KEPT``, oldest first; of messages that have gone, too."""
        ...

    async def forget_attempts(self, before: int) -> int:
        """Drop the log of messages that have gone and were queued before; how many entries.

        At most ``PAGE_MESSAGES`` in a call: repeat until it is 0.
        """
        ...

    async def suppress(self, suppressed: Suppressed) -> None: ...
    async def unsuppress(self, address: str) -> bool:
        """Whether it was suppressed."""
        ...

    async def suppressed(self, addresses: Sequence[str], now: int) -> dict[str, Suppressed]:
        """Those among these that get nothing now."""
        ...

    async def suppressions(self, after: str = "", limit: int = PAGE_MESSAGES) -> list[Suppressed]:
        """By address, behind ``after``, those that ran out included."""
        ...

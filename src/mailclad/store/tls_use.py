"""The storage port of what TLS programs come with: handshakes that failed, sessions that did not.

A help for people, not a ledger: what was counted in the last minute may be lost in a crash.
Days and hours are counted since 1970 in UTC.  Texts are strangers', cut by who counts.  Each
verb is one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailclad.base.tls_offer import Offer

KEPT_DAYS = 30
HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400

FAILURES_A_DAY = 2_000
"""Rows: anybody can make failures.  With all details some 2 MB a day, 60 MB in all; what is
beyond is counted by its kind."""

SESSIONS_A_DAY = 20_000
"""Rows: an account on a network with one program.  Some 100 MB in 30 days at most; what is beyond
is counted without names."""

PAGE_ROWS = 5_000
"""Removed at a time: other writers wait for as long as a transaction lasts."""

DELIVERY = "delivery"
"""The service of sessions in which we are the client; the others are those of listeners."""


class FailureKind(StrEnum):
    OLD_VERSIONS = "old versions"
    """The client offers nothing that we speak: TLS 1.1 and older."""
    NOTHING_SHARED = "nothing shared"
    """Suites, groups or signatures."""
    DISTRUST = "distrust"
    """The client said by an alert that it does not take our certificate."""
    LEFT = "left"
    """It went without a word when it had seen our certificate."""
    OTHER_PROTOCOL = "other protocol"
    """By ALPN."""
    TLS_TOO_SOON = "TLS too soon"
    """On a port that begins in the clear."""
    WAITED = "waited"
    """In silence, for a greeting, on a port that is encrypted from the first octet."""
    SPOKE_PLAIN = "spoke plain"
    """A command of mail in the clear on an encrypted port."""
    SLOW = "slow"
    BROKEN = "broken"
    """Anything else."""
    HTTP = "HTTP"
    GARBAGE = "no TLS"
    TOUCHED = "touched"
    """Opened, and closed without an octet."""


NOISE = frozenset({FailureKind.HTTP, FailureKind.GARBAGE, FailureKind.TOUCHED})
"""Counted only, without addresses: scanners and monitors make any number of them."""


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """What failed ``number`` times within the hour; ``offer`` None: no ClientHello was read.

    ``certificate`` says which of ours was shown, "" where it did not come to that.
    """

    hour: int
    service: str
    port: int
    address: str
    network: str
    kind: FailureKind
    offer: Offer | None
    server_name: str
    alpn: str
    sent_alert: int | None
    received_alert: int | None
    reason: str
    certificate: str
    number: int
    last_at: int


@dataclass(frozen=True, slots=True)
class TlsNoise:
    day: int
    service: str
    port: int
    kind: FailureKind
    number: int
    last_at: int


@dataclass(frozen=True, slots=True)
class TlsSession:
    """``program`` is what the client calls itself; ``offer`` None: not kept, or we are it."""

    day: int
    service: str
    version: str
    suite: str
    group: str
    who: str
    network: str
    program: str
    offer: Offer | None
    number: int
    last_at: int


@dataclass(frozen=True, slots=True)
class TlsUse:
    """What one process has counted since the last time."""

    failures: Sequence[TlsFailure] = ()
    noise: Sequence[TlsNoise] = ()
    sessions: Sequence[TlsSession] = ()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who has signed in from a network with a program, as far as that is known."""

    network: str
    who: str
    program: str
    offer: Offer | None


class TlsUseCounter(Protocol):
    async def add_tls_use(self, use: TlsUse) -> None:
        """Count these; beyond ``FAILURES_A_DAY`` and ``SESSIONS_A_DAY`` without details."""
        ...


class KeptTlsUse(TlsUseCounter, Protocol):
    async def tls_failures(self, since_hour: int) -> list[TlsFailure]:
        """The newest first."""
        ...

    async def tls_noise(self, since_day: int) -> list[TlsNoise]: ...

    async def tls_visitors(self, since_hour: int) -> list[Visitor]:
        """Of the networks, or with the offers, of the failures since then; in 30 days."""
        ...

    async def tls_sessions(self, since_day: int) -> list[TlsSession]:
        """Added up over days and networks; ``day`` is the first, ``network`` is ""."""
        ...

    async def tls_counted_since(self) -> int | None:
        """The day of the oldest session that is known."""
        ...

    async def forget_tls_use(self, before_day: int) -> int:
        """Drop what is older.  How many rows; does a part of it: repeat until it is 0."""
        ...

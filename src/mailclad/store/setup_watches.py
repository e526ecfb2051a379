"""The storage port of live watches: pages that wait for one device to sign in.

A help for people, not a ledger: a watch lives for minutes.  What was noticed is kept for the page
that waits, which another process may serve.  Each verb is one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailclad.store.model import AccountId

WATCH_SECONDS = 15 * 60
"""How long a page waits: somebody may have to look for a password or a program first."""

WATCHES_PER_ACCOUNT = 8
"""Pages that one person has open; a further one ends the oldest."""

NOTICES_PER_WATCH = 200
"""Kept of one watch: the first of each kind, service and port, and the latest.  A program that
tries again each second still has its light turned when it succeeds at last."""


class NoticeKind(StrEnum):
    KNOCKED = "knocked"
    """Silence on a port that is encrypted from the first octet: it waits for us to speak."""
    TLS_TOO_SOON = "TLS too soon"
    """On a port that begins in the clear."""
    DISTRUST = "distrust"
    TOO_OLD = "too old"
    TLS_FAILED = "TLS failed"
    CONNECTED = "connected"
    """A handshake is done on a port of mail; ``detail`` is the version of TLS."""
    LEFT_IN_CLEAR = "left in the clear"
    """It heard that there is no sign-in without encryption, and did not try."""
    PLAIN_SIGN_IN = "plain sign-in"
    """Wanted without encryption, the password was not sent."""
    PASSWORD_SENT = "password sent"  # noqa: S105 - not a password
    """Readable; the watch's app password has been cancelled."""
    SIGNED_IN = "signed in"
    """With the app password that is watched."""
    OTHER_PASSWORD = "other password"  # noqa: S105 - not a password
    """The account has signed in with its chosen password."""
    WRONG_PASSWORD = "wrong password"  # noqa: S105 - not a password
    """In the form of an app password."""
    WRONG_MAIN_PASSWORD = "wrong main password"  # noqa: S105 - not a password
    """Not in the form of an app password."""
    SHORT_NAME = "short name"
    """It has no @, and says nobody here."""
    SENT = "sent"
    """A message was accepted for sending."""


@dataclass(frozen=True, slots=True)
class NewWatch:
    """``address`` is the client's address of the page; ``client`` a key of the programs' list."""

    account: AccountId
    app_password: int
    address: str
    client: str
    opened_at: int


@dataclass(frozen=True, slots=True)
class Watch:
    id: int
    account: AccountId
    app_password: int
    address: str
    client: str
    opened_at: int


@dataclass(frozen=True, slots=True)
class Notice:
    """``service`` is the listener's, ``port`` its number; "" and 0 where neither is known."""

    kind: NoticeKind
    at: int
    service: str = ""
    port: int = 0
    detail: str = ""


class SetupWatches(Protocol):
    async def open_setup_watch(self, new: NewWatch) -> Watch: ...

    async def open_setup_watches(self, now: int) -> list[Watch]:
        """All that have not ended."""
        ...

    async def setup_watch(
        self, account: AccountId, watch: int
    ) -> tuple[Watch, list[Notice]] | None:
        """With what was noticed, in order; None where the account has no such watch."""
        ...

    async def add_setup_notices(self, watch: int, notices: Sequence[Notice]) -> None:
        """Nothing happens where the watch is gone; the oldest repeat makes room."""
        ...

    async def forget_setup_watches(self, now: int) -> int:
        """Drop what has ended.  How many."""
        ...

"""The storage port of signed-in browsers, and of links that work once.

Only digests of tokens are kept: who reads the index cannot use them.  Each verb is one
transaction.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailclad.store.model import Account, AccountId

IDLE_SECONDS = 14 * 86_400
"""A browser that was not used for so long has to sign in again."""

LONGEST_SECONDS = 90 * 86_400
"""However much it is used."""

SESSIONS_PER_ACCOUNT = 50
"""Browsers of one person; a further one signs the one out that was used longest ago."""

LINKS_PER_ACCOUNT = 20
"""That wait to be used; a further one ends the oldest."""


@dataclass(frozen=True, slots=True)
class WebSession:
    """``signed_in_at``: when the password was typed last; ``browser``: what it calls itself."""

    id: int
    account: Account
    created_at: int
    signed_in_at: int
    used_at: int
    address: str
    tls_version: str
    browser: str


@dataclass(frozen=True, slots=True)
class NewWebSession:
    account: AccountId
    digest: bytes
    now: int
    address: str
    tls_version: str
    browser: str


class LinkPurpose(StrEnum):
    PROFILE = "profile"
    """Apple's profile with an app password of its own, made when the link is followed."""


@dataclass(frozen=True, slots=True)
class OnceLink:
    """``app_password`` is the device's whose letters are made anew, 0 for none."""

    account: AccountId
    purpose: LinkPurpose
    app_password: int
    until: int


@dataclass(frozen=True, slots=True)
class TakenLink:
    """What it was for, and the account's address."""

    address: str
    link: OnceLink


class WebSessions(Protocol):
    async def add_web_session(self, new: NewWebSession) -> int: ...

    async def web_session(self, digest: bytes, now: int) -> WebSession | None:
        """None where there is none, it has ended, or the account is disabled."""
        ...

    async def touch_web_session(self, session: int, now: int) -> None: ...

    async def rotate_web_session(self, session: int, digest: bytes, now: int) -> None:
        """Another token from now on; the password was typed again."""
        ...

    async def web_sessions(self, account: AccountId, now: int) -> list[WebSession]:
        """The last used first."""
        ...

    async def end_web_session(self, account: AccountId, session: int) -> None: ...

    async def end_web_sessions(self, account: AccountId) -> int:
        """All of an account.  How many."""
        ...

    async def add_once_link(self, digest: bytes, link: OnceLink) -> None: ...

    async def take_once_link(self, digest: bytes, now: int) -> TakenLink | None:
        """Once: it is gone afterwards.

        None where there is none, its time is over, or the account is disabled.
        """
        ...

    async def forget_web_sessions(self, now: int) -> int:
        """Drop sessions and links whose time is over.  How many."""
        ...

"""What every storage engine must offer: verbs of mail, each one transaction.

When a verb that changes something returns, the change is durable; when it
raises, nothing was changed, except after ``StoreUnavailable``, where the outcome
is unknown and a retry may make a duplicate.  No verb hands out a cursor.
"""

from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from mailclad.store.acme_accounts import AcmeAccounts
from mailclad.store.certificates import KeptCertificates
from mailclad.store.challenges import Challenges
from mailclad.store.duties import Duties
from mailclad.store.forwarded_senders import ForwardedSenders
from mailclad.store.greylist import Greylist
from mailclad.store.model import (
    Account,
    AccountId,
    Alias,
    AppPassword,
    AppPasswordUse,
    Changes,
    Column,
    ContentId,
    Copied,
    Credentials,
    Delivery,
    FlagChange,
    FlagsNow,
    Mailbox,
    MailboxId,
    MailboxStat,
    ModSeq,
    NewMessage,
    Query,
    Resolved,
    Scope,
    ScramKeys,
    SpecialUse,
    Stored,
    Uid,
    UidSet,
)
from mailclad.store.queue import Queue
from mailclad.store.renewals import Renewals
from mailclad.store.reports import Reports
from mailclad.store.sending import Sending
from mailclad.store.setup_watches import SetupWatches
from mailclad.store.signing_keys import SigningKeys
from mailclad.store.sts_policies import StsPolicies
from mailclad.store.tls_use import KeptTlsUse
from mailclad.store.trace import Trace, TraceReader
from mailclad.store.web_sessions import WebSessions

Row = tuple[Any, ...]
"""The columns that were asked for, in that order."""


class Body(Protocol):
    """The octets of one stored message; stays readable while packs are compacted."""

    @property
    def octets(self) -> int: ...

    def read(self, start: int, octets: int) -> bytes:
        """Up to ``octets`` from ``start``, less only at the end; raises BodyDamaged.

        Costs no more than the 256 KiB blocks that the range touches.
        """
        ...

    def close(self) -> None: ...


class Claim(Protocol):
    """Sole use of an account's maildrop; ends with the process at the latest."""

    def release(self) -> None: ...


class Directory(Protocol):
    """Domains, accounts, aliases and credentials; addresses are normalised by the caller."""

    async def domains(self) -> list[str]: ...
    async def add_domain(self, name: str) -> None: ...
    async def remove_domain(self, name: str) -> None: ...

    async def accounts(self) -> list[Account]: ...
    async def add_account(self, address: str, display_name: str, now: int) -> Account:
        """With INBOX and the special-use mailboxes; raises DomainNotFound, AddressTaken."""
        ...

    async def remove_account(self, address: str) -> None: ...
    async def set_disabled(self, address: str, disabled: bool) -> None: ...
    async def find_account(self, address: str) -> Account: ...
    async def oldest_account(self, domain: str) -> AccountId | None:
        """The first that was added to the domain and is not disabled."""
        ...

    async def credentials(self, address: str) -> Credentials | None: ...
    async def set_password(
        self,
        account: AccountId,
        password_hash: str,
        salt: bytes,
        iterations: int,
        scram: ScramKeys,
    ) -> None:
        """A new salt makes the SCRAM keys of app passwords useless: callers keep the account's."""
        ...

    async def add_app_password(
        self,
        account: AccountId,
        name: str,
        scope: Scope,
        digest: bytes,
        scram: ScramKeys,
        now: int,
        unused_until: int | None = None,
    ) -> AppPassword: ...
    async def renew_app_password(
        self, account: AccountId, app_password: int, digest: bytes, scram: ScramKeys
    ) -> None:
        """Other letters from now on; raises AppPasswordNotFound."""
        ...

    async def confirm_app_password(self, app_password: int) -> None:
        """It was used in time, and stays."""
        ...

    async def remove_app_password(self, account: AccountId, app_password: int) -> None: ...
    async def forget_unused_app_passwords(self, now: int) -> int:
        """Remove those that were not used in time.  How many."""
        ...

    async def add_app_password_uses(self, uses: Sequence[AppPasswordUse]) -> None:
        """Keep the latest of each; those of app passwords that are gone are dropped."""
        ...

    async def app_password_uses(self, account: AccountId) -> list[AppPasswordUse]: ...

    async def aliases(self) -> list[Alias]: ...
    async def set_alias(self, alias: Alias) -> None: ...
    async def remove_alias(self, address: str) -> None: ...

    async def has_address(self, address: str) -> bool:
        """Whether an account or an alias has this very address; a catch-all does not count."""
        ...

    async def resolve(self, address: str) -> Resolved:
        """Where mail to this address goes, aliases and catch-all followed.

        Nowhere: nobody here has it.  Raises DomainNotFound where the domain is not ours.
        """
        ...

    async def owns(self, account: AccountId, address: str) -> bool:
        """Whether the account may send as this address: its own, or an alias that names it."""
        ...


class Store(
    Directory,
    Queue,
    Duties,
    Greylist,
    SetupWatches,
    SigningKeys,
    Sending,
    ForwardedSenders,
    Reports,
    WebSessions,
    KeptTlsUse,
    Trace,
    TraceReader,
    StsPolicies,
    Challenges,
    KeptCertificates,
    Renewals,
    AcmeAccounts,
    Protocol,
):
    """All that is kept for one installation: mail, the queue, and what is known beside it."""

    # --- mailboxes ---
    async def mailboxes(self, account: AccountId) -> list[Mailbox]: ...
    async def subscriptions(self, account: AccountId) -> list[str]:
        """Subscribed names, those of mailboxes that are gone included."""
        ...

    async def stat(self, account: AccountId, name: str) -> MailboxStat: ...
    async def stats(self, account: AccountId) -> list[MailboxStat]: ...
    async def create_mailbox(
        self, account: AccountId, name: str, special_use: SpecialUse | None = None
    ) -> MailboxStat:
        """Missing parents are made too; raises MailboxExists, MailboxNameRefused, TooMany…"""
        ...

    async def delete_mailbox(self, account: AccountId, name: str) -> None: ...
    async def rename_mailbox(self, account: AccountId, name: str, new_name: str) -> None:
        """Children move along; renaming INBOX moves its messages and leaves it empty."""
        ...

    async def subscribe(self, account: AccountId, name: str, subscribed: bool) -> None: ...

    async def keywords(self, account: AccountId) -> tuple[str, ...]:
        """The account's keywords, keyword ``n`` being bit ``FIRST_KEYWORD_BIT + n``."""
        ...

    async def keyword_bits(self, account: AccountId, names: Sequence[str], create: bool) -> int:
        """The mask of these keywords; unknown ones are made (or left out, without ``create``)."""
        ...

    # --- messages in ---
    async def deliver(self, delivery: Delivery) -> tuple[Stored, ...]: ...
    async def append(
        self, mailbox: MailboxId, messages: Sequence[NewMessage]
    ) -> tuple[Stored, ...]: ...

    # --- messages out ---
    async def uids(self, mailbox: MailboxId) -> tuple[ModSeq, "array[int]"]:
        """All UIDs, ascending, as ``array('I')``, and the mod-sequence they are true for.

        The array is shared: callers copy it before they change it.
        """
        ...

    def fetch(
        self, mailbox: MailboxId, uids: UidSet, columns: Sequence[Column]
    ) -> AsyncIterator[list[Row]]:
        """Rows by ascending UID in lists of at most 1,000; missing UIDs are left out."""
        ...

    async def search(self, mailbox: MailboxId, query: Query) -> "array[int]":
        """The UIDs that match, ascending, as ``array('I')``."""
        ...

    async def body(self, content: ContentId) -> Body: ...

    # --- changing ---
    async def store_flags(
        self,
        mailbox: MailboxId,
        uids: UidSet,
        change: FlagChange,
        mask: int,
        unchanged_since: ModSeq | None = None,
    ) -> list[FlagsNow]:
        """The messages whose flags did change.  All of one call get one mod-sequence."""
        ...

    async def copy(self, source: MailboxId, uids: UidSet, target: MailboxId) -> Copied: ...
    async def move(self, source: MailboxId, uids: UidSet, target: MailboxId) -> Copied: ...
    async def expunge(self, mailbox: MailboxId, uids: UidSet = ...) -> list[Uid]:
        """Remove the messages that have Flag.DELETED, among these UIDs; the UIDs removed."""
        ...

    async def remove(self, mailbox: MailboxId, uids: UidSet) -> list[Uid]:
        """Remove these messages whatever their flags (POP3)."""
        ...

    # --- changes ---
    async def changes_since(self, mailbox: MailboxId, mod_seq: ModSeq) -> Changes: ...
    def watch(self, mailbox: MailboxId, wake: Callable[[], None]) -> Callable[[], None]:
        """Have ``wake`` called on the event loop after each change; returns how to stop.

        A hint, and it may come late or once too often: ask ``changes_since``.
        """
        ...

    def claim(self, account: AccountId) -> Claim:
        """Sole use of the maildrop, among all processes; raises ClaimHeld."""
        ...

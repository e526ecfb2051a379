"""The storage port's ACME accounts: who we are to each authority (RFC 8555 §7.1.2).

The key is kept before the authority hears of it, so that no account is ever without its owner.
Each verb is one transaction.
"""

from dataclasses import dataclass
from typing import Protocol

from mailclad.base.secret import Secret


@dataclass(frozen=True, slots=True)
class AcmeAccount:
    """``authority`` is its directory's URL, the account's name here; ``url`` what it calls us,
    "" until it has answered.  ``contact`` are the mail addresses that it was told."""

    authority: str
    key_pem: Secret
    url: str = ""
    contact: tuple[str, ...] = ()


class AcmeAccounts(Protocol):
    async def acme_account(self, authority: str) -> AcmeAccount | None: ...

    async def keep_acme_account(self, account: AcmeAccount) -> None:
        """In place of the one of that authority."""
        ...

"""The storage port's DKIM keys: which domain signs with what (RFC 6376 §3.1).

A key is PREPARED while its record is being published, ACTIVE while it signs, RETIRED while
signatures made with it may still be checked; then it is removed.  Each verb is one transaction.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailclad.base.secret import Secret


class KeyState(StrEnum):
    PREPARED = "prepared"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """``kind`` is "rsa" or "ed25519"; ``pem`` the private key, as ``mail.dkim`` loads it."""

    domain: str
    selector: str
    kind: str
    pem: Secret
    state: KeyState
    created_at: int


class SigningKeys(Protocol):
    async def signing_keys(self, domain: str | None = None) -> tuple[StoredKey, ...]:
        """A domain's keys, or all, by domain and age."""
        ...

    async def add_signing_key(self, key: StoredKey) -> None:
        """Raises DomainNotFound; SelectorTaken where the selector is in use."""
        ...

    async def set_key_state(self, domain: str, selector: str, state: KeyState) -> None:
        """Raises SigningKeyNotFound, as removing does."""
        ...

    async def remove_signing_key(self, domain: str, selector: str) -> None: ...

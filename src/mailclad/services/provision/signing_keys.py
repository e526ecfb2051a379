"""DKIM keys as an administrator makes, publishes and retires them (RFC 6376 §3.6.1).

A domain signs with two kinds of key, since not everybody reads the newer (RFC 8463).  New keys
sign only when they are activated, so that their records can be published first; the first ones
of a domain are active at once: until their record is there, their signatures count as none.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from mailclad.base.clock import Clock
from mailclad.mail.dkim.signing_key import KeyKind, load_key, make_key, public_record
from mailclad.store.errors import SelectorTaken
from mailclad.store.interface import Store
from mailclad.store.signing_keys import KeyState, StoredKey

_MARK = {KeyKind.RSA: "r", KeyKind.ED25519: "e"}


@dataclass(frozen=True, slots=True)
class Published:
    """The TXT record that a key needs in DNS."""

    name: str
    value: str


class DomainKeys:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def ensure(self, domain: str) -> tuple[StoredKey, ...]:
        """The domain's keys; its first ones are made, and sign at once."""
        found = await self._store.signing_keys(domain)
        if found:
            return found
        try:
            return await self.make(domain, KeyState.ACTIVE)
        except SelectorTaken:  # another process was first
            return await self._store.signing_keys(domain)

    async def ensure_all(self) -> None:
        """Each domain gets its first keys."""
        for domain in await self._store.domains():
            await self.ensure(domain)

    async def make(
        self, domain: str, state: KeyState = KeyState.PREPARED
    ) -> tuple[StoredKey, ...]:
        """One new key of each kind; raises DomainNotFound."""
        taken = {key.selector for key in await self._store.signing_keys(domain)}
        now = self._clock.now()
        made = []
        for kind in KeyKind:
            pem = await asyncio.to_thread(make_key, kind)
            key = StoredKey(domain, _selector(kind, now, taken), kind.value, pem, state, now)
            await self._store.add_signing_key(key)
            made.append(key)
        return tuple(made)


def published(key: StoredKey) -> Published:
    signing = load_key(key.pem, key.domain, key.selector)
    return Published(f"{key.selector}._domainkey.{key.domain}", public_record(signing))


def _selector(kind: KeyKind, now: int, taken: Collection[str]) -> str:
    """``m20261130r``; with a number where the day has one already."""
    first = f"m{datetime.fromtimestamp(now, UTC):%Y%m%d}{_MARK[kind]}"
    names = (first if number == 1 else f"{first}{number}" for number in count(1))
    return next(name for name in names if name not in taken)

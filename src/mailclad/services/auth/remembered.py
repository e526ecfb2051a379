"""Right passwords, remembered for minutes, so that argon2id is paid for once.

A mail program logs in with the same password again and again.  What is kept is one BLAKE2b
of account and password, keyed with octets that live and die with the process, beside the
password hash that it was checked against: a changed password makes it worthless at once.
"""

import hashlib
import hmac
import secrets

from mailclad.base.clock import Clock

LIFE_SECONDS = 300.0
ENTRIES = 4_096
"""About 1 MB; a full memory forgets its oldest entry."""


class RememberedPasswords:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._entries: dict[bytes, tuple[str, float]] = {}

    def holds(self, account: int, password: bytes, password_hash: str) -> bool:
        """Whether this password was right for this very hash a short while ago."""
        name = self._name(account, password)
        entry = self._entries.get(name)
        if entry is None:
            return False
        checked_against, until = entry
        changed = not hmac.compare_digest(checked_against, password_hash)
        if changed or self._clock.monotonic() >= until:
            del self._entries[name]
            return False
        return True

    def add(self, account: int, password: bytes, password_hash: str) -> None:
        name = self._name(account, password)
        self._entries.pop(name, None)
        self._entries[name] = password_hash, self._clock.monotonic() + LIFE_SECONDS
        if len(self._entries) > ENTRIES:
            del self._entries[next(iter(self._entries))]

    def _name(self, account: int, password: bytes) -> bytes:
        text = b"%d\0%b" % (account, password)
        return hashlib.blake2b(text, digest_size=16, key=self._key).digest()

"""Chosen passwords: argon2id on a few threads, and the SCRAM keys beside it.

RFC 9106 §4 (its second recommended option: 64 MiB, three passes).  In: prepared passwords.
Out: a PHC string, or whether one fits.  An account that is not there is checked against a
hash that nothing fits, for the same work.  Limits: hashing threads, and how many may wait.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from mailclad.protocols.sasl.base64 import encode
from mailclad.protocols.sasl.scram import derive_keys
from mailclad.services.auth.outcome import AuthenticationUnavailable
from mailclad.store.model import ScramKeys

MEMORY_KIB = 64 * 1024
PASSES = 3
LANES = 1

THREADS = 2
"""Each hash holds 64 MiB and a core for about a tenth of a second."""
WAITING = 64
"""Twenty threads' seconds of work in front of a login: longer than a client waits."""
WAITING_STRANGERS = 32
"""Who never logged in from here before gets no more than half of the queue."""

SCRAM_ITERATIONS = 10_000
"""RFC 7677 §4 asks for 4,096 at least; one count for all, so it tells accounts apart from none."""

T = TypeVar("T")


class Argon2(Protocol):
    """The slow hash itself; counted in tests."""

    def hash(self, password: bytes) -> str: ...
    def verify(self, password_hash: str, password: bytes) -> bool: ...
    def nothing_fits(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Argon2id:
    memory_kib: int = MEMORY_KIB
    passes: int = PASSES

    def hash(self, password: bytes) -> str:
        return self._hasher().hash(password)

    def verify(self, password_hash: str, password: bytes) -> bool:
        try:
            return self._hasher().verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    def nothing_fits(self) -> str:
        """A hash of the same cost that no password has (its digest is random)."""
        salt, digest = (encode(secrets.token_bytes(n)).rstrip(b"=").decode() for n in (16, 32))
        costs = f"m={self.memory_kib},t={self.passes},p={LANES}"
        return f"$argon2id$v=19${costs}${salt}${digest}"

    def _hasher(self) -> PasswordHasher:
        return PasswordHasher(
            time_cost=self.passes, memory_cost=self.memory_kib, parallelism=LANES, type=Type.ID
        )


class PasswordChecker:
    """Hashes and checks on its own threads; one for each process, made after the fork."""

    def __init__(self, argon2: Argon2 | None = None, threads: int = THREADS) -> None:
        self._argon2 = argon2 or Argon2id()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._waiting = 0
        self._nothing_fits = self._argon2.nothing_fits()

    async def verify(self, password_hash: str | None, password: bytes, *, known: bool) -> bool:
        """Whether it fits; None stands for an account without a chosen password, or none.

        ``known`` is whether this peer has logged in to the account before.
        """
        if self._waiting >= (WAITING if known else WAITING_STRANGERS):
            raise AuthenticationUnavailable
        return await self._run(
            lambda: self._argon2.verify(password_hash or self._nothing_fits, password)
        )

    async def hash(self, password: bytes) -> str:
        return await self._run(lambda: self._argon2.hash(password))

    async def scram_keys(self, password: bytes, salt: bytes, iterations: int) -> ScramKeys:
        return ScramKeys(*await self._run(lambda: derive_keys(password, salt, iterations)))

    async def _run(self, work: Callable[[], T]) -> T:
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

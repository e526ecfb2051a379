"""The store, opened for the doctor: it may be damaged, or held by a process that hangs.

Comes in: a data directory.  Goes out: the store, or StoreShut with the reason in words.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import apsw

from mailclad.app.doctor_wire import has_address
from mailclad.app.open import opened
from mailclad.engines.sqlite.lock import WriteLock
from mailclad.services.auth.installation_secret import InstallationSecretDamaged
from mailclad.services.diagnose.doctor_handshakes import judge_failures
from mailclad.services.diagnose.found import Found
from mailclad.services.tls_watch.known import know
from mailclad.services.tls_watch.told import tell
from mailclad.store.errors import StoreProblem
from mailclad.store.interface import Store
from mailclad.store.tls_use import HOUR_SECONDS

INDEX = "index.db"

LOCK_SECONDS = 5.0
"""Writers hold the lock for milliseconds, at worst for one large transaction."""

LOOK_SECONDS = 0.05
LAST_HOURS = 24


class StoreShut(Exception):
    """The text says why nothing can be known of the store, without a full stop."""


@asynccontextmanager
async def opened_store(directory: Path) -> AsyncIterator[Store]:
    """Raises StoreShut, also where the damage is seen only while it is read."""
    try:
        await _wait_for_lock(directory)
        async with opened(directory) as things:
            yield things.store
    except (StoreProblem, InstallationSecretDamaged, apsw.Error) as problem:
        raise StoreShut(f"{directory / INDEX}: {problem}".rstrip(".")) from problem


async def _wait_for_lock(directory: Path) -> None:
    """Who opens a store waits for its lock, for ever if need be."""
    if not (directory / "locks").exists():
        return
    lock = WriteLock(directory)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOCK_SECONDS):
                while not lock.is_free():  # noqa: ASYNC110 - of others
                    await asyncio.sleep(LOOK_SECONDS)
                return
    finally:
        lock.close()
    text = "a process holds the lock and does not go on (fuser locks/write.lock names it)"
    raise StoreShut(f"{directory / INDEX}: {text}")


async def recent_failures(store: Store, now: int) -> tuple[Found, ...]:
    """Those that came from this machine are most often our own looks at old encryption."""
    hour = now // HOUR_SECONDS - LAST_HOURS
    failures = [one for one in await store.tls_failures(hour) if _is_of_others(one.address)]
    known = know(await store.tls_visitors(hour))
    return tuple(judge_failures(tell(failures, (), known)))


def _is_of_others(address: str) -> bool:
    return bool(address) and not has_address(address)

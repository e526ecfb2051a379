"""The data directory opened without a server: for the command line and for first accounts.

May be done while the server runs: the store has many processes in one directory, and workers
are told what changes.
"""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mailclad.app.clock import SystemClock
from mailclad.app.postbox import announcer
from mailclad.app.privileges import give_up_root
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.auth.installation_secret import ensure_installation_secret
from mailclad.services.auth.password import Argon2, PasswordChecker
from mailclad.services.provision.accounts import Provision
from mailclad.services.provision.signing_keys import DomainKeys
from mailclad.store.interface import Store

DIRECTORY_MODE = 0o700
"""Mail is for its owners: nobody else on the machine may look."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The store, and the means to make and change what is in the directory; DKIM keys."""

    directory: Path
    store: Store
    provision: Provision
    keys: DomainKeys


@asynccontextmanager
async def opened(directory: Path, argon2: Argon2 | None = None) -> AsyncIterator[Opened]:
    """Open the data directory, making what is missing."""
    ensure_directory(directory)
    secret = ensure_installation_secret(directory)
    checker = PasswordChecker(argon2)
    announce, silence = announcer(directory)
    store = SqliteStore.open(directory, asyncio.get_running_loop(), announce=announce)
    try:
        clock = SystemClock()
        provision = Provision(store, secret, checker, clock)
        yield Opened(directory, store, provision, DomainKeys(store, clock))
    finally:
        await store.close()
        silence()
        checker.close()


def ensure_directory(directory: Path) -> None:
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)


def become_owner(directory: Path) -> None:
    """As root: become the user who owns the data, so that files made now are the server's too."""
    if os.geteuid() != 0 or not directory.exists():
        return
    owner = directory.stat().st_uid
    if owner != 0:
        give_up_root(pwd.getpwuid(owner))

"""When each app password was used last: remembered in memory, written down every minute.

A sign-in costs a step in a dictionary.  What was noted in the last minute is lost with the
process: it helps people to know their devices.  One that would die unused is confirmed at once.
Limit: ``WAITING`` app passwords in memory.
"""

import asyncio

import structlog

from mailclad.base.clock import Clock
from mailclad.services.auth.sign_ins import FailedSignIn, SignIn, SignIns
from mailclad.store.errors import StoreProblem
from mailclad.store.interface import Directory
from mailclad.store.model import AppPasswordUse

FLUSH_SECONDS = 60.0
WAITING = 100_000
"""Some 20 MB; beyond them nothing is noted until the next minute."""

_log = structlog.get_logger()


class DeviceUse(SignIns):
    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory, self._clock = directory, clock
        self._waiting: dict[int, AppPasswordUse] = {}
        self._confirming: set[asyncio.Task[None]] = set()

    def signed_in(self, sign_in: SignIn) -> None:
        used = sign_in.app_password
        if used is None or (used.id not in self._waiting and len(self._waiting) >= WAITING):
            return
        self._waiting[used.id] = AppPasswordUse(
            used.id, self._clock.now(), sign_in.use, sign_in.tls_version, sign_in.peer
        )
        if used.unused_until is not None:
            task = asyncio.get_running_loop().create_task(self._confirm(used.id))
            self._confirming.add(task)
            task.add_done_callback(self._confirming.discard)

    def failed(self, failed: FailedSignIn) -> None: ...

    async def run(self) -> None:
        """Write down now and then, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            await self._directory.add_app_password_uses(list(waiting.values()))
        except StoreProblem as problem:
            _log.warning("use of app passwords not written down", reason=str(problem))
            self._waiting = waiting | self._waiting

    async def close(self) -> None:
        """Before the store is closed: nothing of what is known is lost."""
        await asyncio.gather(*self._confirming)
        await self.flush()

    async def _confirm(self, app_password: int) -> None:
        await self.flush()
        try:
            await self._directory.confirm_app_password(app_password)
        except StoreProblem as problem:  # the next sign-in confirms it, if it comes in time
            _log.warning("app password not confirmed", reason=str(problem))

"""What happens on the ports, told to the pages that watch a device being set up.

Comes in: what listeners and the authenticator notice, of anybody.  Goes out: notices in the store,
for the page's process to read.  Before a sign-in a watch gets what comes from the same client
address as its page; after it, what its own account does; never anything of another's.  A password
that crossed the network readable ends the app password which that page has just made, and no
other.  Nobody waits for this, and nothing is done while no page waits (:mod:`board`).
Limit: ``WAITING`` in the queue; beyond it nothing more is noticed.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from mailclad.base.clock import Clock
from mailclad.services.auth.outcome import Use
from mailclad.services.auth.sign_ins import FailedSignIn, SignIn, SignIns
from mailclad.services.client_setup.board import WatchBoard
from mailclad.store.errors import AppPasswordNotFound, StoreProblem
from mailclad.store.interface import Directory
from mailclad.store.model import AccountId
from mailclad.store.setup_watches import Notice, NoticeKind, SetupWatches, Watch

WAITING = 1_000

_log = structlog.get_logger()

_Concerns = Callable[[Watch], Notice | None]
"""What a watch is to be told, if anything."""


class WatchStore(SetupWatches, Directory, Protocol):
    """Of the store, what watching needs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happened: the client's address, the listener's service and port."""

    address: str
    service: str
    port: int


class Lookout(SignIns):
    """Of one process."""

    def __init__(self, store: WatchStore, board: WatchBoard, clock: Clock) -> None:
        self._store, self._board, self._clock = store, board, clock
        self._queue: asyncio.Queue[_Concerns] = asyncio.Queue(WAITING)

    @property
    def is_open(self) -> bool:
        """Whether it is worth noticing anything."""
        return self._board.is_open(self._clock.now())

    def noticed(self, place: Place, kind: NoticeKind, detail: str = "") -> None:
        """Before anybody has signed in."""
        if self.is_open:
            notice = Notice(kind, self._clock.now(), place.service, place.port, detail)
            self._put(lambda watch: notice if watch.address == place.address else None)

    def signed_in(self, sign_in: SignIn) -> None:
        if not self.is_open or sign_in.use is Use.WEB:
            return
        used, account = sign_in.app_password, sign_in.account.id
        notice = self._notice(NoticeKind.SIGNED_IN, sign_in.use, sign_in.tls_version)
        if used is None:
            other = replace(notice, kind=NoticeKind.OTHER_PASSWORD)
            peer = sign_in.peer
            self._put(
                lambda watch: other if watch.account == account and watch.address == peer else None
            )
        else:
            number = used.id
            self._put(
                lambda watch: (
                    notice if (watch.account, watch.app_password) == (account, number) else None
                )
            )

    def failed(self, failed: FailedSignIn) -> None:
        if not self.is_open or failed.use is Use.WEB:
            return
        account = failed.account.id if failed.account is not None else None
        notice = self._notice(_failure(failed), failed.use)
        self._put(
            lambda watch: (
                notice
                if watch.address == failed.peer and account in {None, watch.account}
                else None
            )
        )

    def sent(self, account: AccountId) -> None:
        """A message of theirs was accepted for sending."""
        if self.is_open:
            notice = self._notice(NoticeKind.SENT, Use.SUBMISSION)
            self._put(lambda watch: notice if watch.account == account else None)

    async def run(self) -> None:
        """Write down what was noticed, in its order, until cancelled."""
        while True:
            concerns = await self._queue.get()
            try:
                for watch in await self._store.open_setup_watches(self._clock.now()):
                    notice = concerns(watch)
                    if notice is not None:
                        await self._tell(watch, notice)
            except StoreProblem as problem:
                _log.warning("not told to who sets up a device", reason=str(problem))

    def _put(self, concerns: _Concerns) -> None:
        if not self._queue.full():
            self._queue.put_nowait(concerns)

    async def _tell(self, watch: Watch, notice: Notice) -> None:
        if notice.kind is NoticeKind.PASSWORD_SENT:
            try:
                await self._store.remove_app_password(watch.account, watch.app_password)
            except AppPasswordNotFound:  # it was sent before, or removed by its owner
                return
            _log.warning("app password cancelled: it was sent readable", address=watch.address)
        await self._store.add_setup_notices(watch.id, [notice])

    def _notice(self, kind: NoticeKind, use: Use, detail: str = "") -> Notice:
        return Notice(kind, self._clock.now(), use.value, 0, detail)


_FAILURES: Mapping[bool | None, NoticeKind] = {
    True: NoticeKind.WRONG_PASSWORD,
    None: NoticeKind.WRONG_PASSWORD,
    False: NoticeKind.WRONG_MAIN_PASSWORD,
}


def _failure(failed: FailedSignIn) -> NoticeKind:
    if failed.account is None and not failed.whole_address:
        return NoticeKind.SHORT_NAME
    return _FAILURES[failed.like_app_password]

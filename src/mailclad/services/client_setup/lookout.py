"""What happens on the ports, told to the pages that watch a device being set up.

Comes in: what listeners and the authenticator notice, of anybody.  Goes out: notices in the store,
for the page's process to read.  Before a sign-in a watch gets what comes from the same client
address as its page (of IPv6 the same /64: each device of a household has its own); after it, what
its own account does; never anything of another's, nor whether there is another.  A password that
crossed the network readable ends the app password which that page has just made, and no other.
Nobody waits for this, and nothing is done while no page waits (:mod:`board`).
Limits: ``WAITING`` in the queue, beyond it nothing more is noticed; the store is asked once in
``PAUSE_SECONDS``, however much happens.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol

import structlog

from mailclad.base.clock import Clock
from mailclad.services.auth.outcome import Use
from mailclad.services.auth.sign_ins import FailedSignIn, SignIn, SignIns
from mailclad.services.client_setup.board import WatchBoard
from mailclad.services.receive.networks import HOST_BITS, network_of
from mailclad.store.errors import AppPasswordNotFound, StoreProblem
from mailclad.store.interface import Directory
from mailclad.store.model import AccountId
from mailclad.store.setup_watches import (
    WATCH_SECONDS,
    Notice,
    NoticeKind,
    SetupWatches,
    Watch,
)

WAITING = 1_000

PAUSE_SECONDS = 0.1
"""Pages look twice a second: they do not see the difference, and a busy server does."""

PLACES_REMEMBERED = 1_024

_log = structlog.get_logger()

LOOPBACK = "this machine"

_Concerns = Callable[[Watch], bool]
"""Whether a watch is to be told."""


@lru_cache(PLACES_REMEMBERED)
def place_of(address: str) -> str:
    """What the devices of one household have in common: an IPv4 address, or an IPv6 /64.

    The two addresses of this machine itself are one place, for demonstrations.
    """
    try:
        return LOOPBACK if ip_address(address).is_loopback else network_of(address, HOST_BITS)
    except ValueError:
        return address


def is_same_place(watch: Watch, address: str) -> bool:
    """Never where the address is not known, as on a Unix socket: that would be everybody."""
    return bool(address) and place_of(watch.address) == place_of(address)


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
        self._queue: asyncio.Queue[tuple[Notice, _Concerns]] = asyncio.Queue(WAITING)

    @property
    def is_open(self) -> bool:
        """Whether it is worth noticing anything."""
        return self._board.is_open(self._clock.now())

    @property
    def waiting(self) -> int:
        """How much has been noticed and not written down yet."""
        return self._queue.qsize()

    def noticed(self, place: Place, kind: NoticeKind, detail: str = "") -> None:
        """Before anybody has signed in."""
        if self.is_open:
            notice = Notice(kind, self._clock.now(), place.service, place.port, detail)
            self._put(notice, lambda watch: is_same_place(watch, place.address))

    def signed_in(self, sign_in: SignIn) -> None:
        if not self.is_open or sign_in.use is Use.WEB:
            return
        used, account, peer = sign_in.app_password, sign_in.account.id, sign_in.peer
        if used is not None:
            device = (account, used.id)
            notice = self._notice(NoticeKind.SIGNED_IN, sign_in.use, sign_in.tls_version)
            self._put(notice, lambda watch: (watch.account, watch.app_password) == device)
        else:
            notice = self._notice(NoticeKind.OTHER_PASSWORD, sign_in.use)
            self._put(
                notice, lambda watch: watch.account == account and is_same_place(watch, peer)
            )

    def failed(self, failed: FailedSignIn) -> None:
        if not self.is_open or failed.use is Use.WEB:
            return
        account = failed.account.id if failed.account is not None else None
        if account is None and failed.whole_address:
            return  # told as little as of another's account: else pages would say who is there
        self._put(
            self._notice(_failure(failed), failed.use),
            lambda watch: account in {None, watch.account} and is_same_place(watch, failed.peer),
        )

    def sent(self, account: AccountId) -> None:
        """A message of theirs was accepted for sending."""
        if self.is_open:
            notice = self._notice(NoticeKind.SENT, Use.SUBMISSION)
            self._put(notice, lambda watch: watch.account == account)

    async def run(self) -> None:
        """Write down what was noticed, in its order, until cancelled."""
        await self._look_who_waits()
        while True:
            await self.tell()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _look_who_waits(self) -> None:
        """Pages that were opened before this process and its board began."""
        try:
            for watch in await self._store.open_setup_watches(self._clock.now()):
                self._board.open_until(watch.opened_at + WATCH_SECONDS)
        except StoreProblem as problem:
            _log.warning("pages that wait were not looked up", reason=str(problem))

    async def tell(self) -> None:
        """All that waits, or the next thing that is noticed."""
        noticed = [await self._queue.get()]
        while not self._queue.empty():
            noticed.append(self._queue.get_nowait())
        try:
            for watch in await self._store.open_setup_watches(self._clock.now()):
                theirs = [notice for notice, concerns in noticed if concerns(watch)]
                if theirs:
                    await self._tell(watch, theirs)
        except StoreProblem as problem:
            _log.warning("not told to who sets up a device", reason=str(problem))

    def _put(self, notice: Notice, concerns: _Concerns) -> None:
        if not self._queue.full():
            self._queue.put_nowait((notice, concerns))

    async def _tell(self, watch: Watch, notices: Sequence[Notice]) -> None:
        told = [
            notice
            for notice in notices
            if notice.kind is not NoticeKind.PASSWORD_SENT or await self._cancel(watch)
        ]
        if told:
            await self._store.add_setup_notices(watch.id, told)

    async def _cancel(self, watch: Watch) -> bool:
        """False where it is worthless already: it was sent before, or removed by its owner."""
        try:
            await self._store.remove_app_password(watch.account, watch.app_password)
        except AppPasswordNotFound:
            return False
        _log.warning("app password cancelled: it was sent readable", address=watch.address)
        return True

    def _notice(self, kind: NoticeKind, use: Use, detail: str = "") -> Notice:
        return Notice(kind, self._clock.now(), use.value, 0, detail)


_FAILURES: Mapping[bool | None, NoticeKind] = {
    True: NoticeKind.WRONG_PASSWORD,
    None: NoticeKind.WRONG_PASSWORD,
    False: NoticeKind.WRONG_MAIN_PASSWORD,
}


def _failure(failed: FailedSignIn) -> NoticeKind:
    if failed.account is None:
        return NoticeKind.SHORT_NAME
    return _FAILURES[failed.like_app_password]

"""Live watches for the pages: opened for one new device, looked at again and again.

Comes in: whose device it is, and from which address its page was opened.  Goes out: what the page
shows (:mod:`lights`).  Nobody sees another's watch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailclad.base.clock import Clock
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint
from mailclad.services.client_setup.board import WatchBoard
from mailclad.services.client_setup.clients import clients
from mailclad.services.client_setup.lights import WatchView, Words, view
from mailclad.services.client_setup.lookout import WatchStore
from mailclad.store.model import AccountId
from mailclad.store.setup_watches import WATCH_SECONDS, NewWatch, Watch


class WatchEnded(Exception):
    """There is no such watch of this account any more."""


@dataclass(frozen=True, slots=True)
class SetupWatching:
    """``endpoints`` are those that programs are told."""

    store: WatchStore
    board: WatchBoard
    clock: Clock
    endpoints: tuple[Endpoint, ...]

    async def open(
        self, account: AccountId, app_password: int, address: str, client: str
    ) -> Watch:
        """``address`` is the client's of the page, ``client`` a program's key."""
        now = self.clock.now()
        watch = await self.store.open_setup_watch(
            NewWatch(account, app_password, address, client, now)
        )
        self.board.open_until(now + WATCH_SECONDS)
        return watch

    async def look(self, account: AccountId, watch: int) -> WatchView:
        """Raises WatchEnded."""
        found = await self.store.setup_watch(account, watch)
        if found is None:
            raise WatchEnded
        opened, notices = found
        words = Words(clients()[opened.client], _implicit_ports(self.endpoints))
        return view(opened, notices, words, self.clock.now())


def _implicit_ports(endpoints: Iterable[Endpoint]) -> Mapping[str, int]:
    return {one.protocol: one.port for one in endpoints if one.tls is TlsMode.IMPLICIT}


async def forget_watches(store: WatchStore, clock: Clock) -> None:
    """Those that have ended, and app passwords that were not used in time."""
    await store.forget_setup_watches(clock.now())
    await store.forget_unused_app_passwords(clock.now())

"""A duty: what is old of the trace goes, and of the log of attempts at messages that have gone."""

from mailclad.base.clock import Clock
from mailclad.store.interface import Store
from mailclad.store.trace import KEPT_DAYS

_DAY_SECONDS = 86_400


async def forget(store: Store, clock: Clock) -> None:
    """Piece by piece, so that nobody waits long behind it."""
    now = clock.now()
    while await store.forget_trace(now):
        pass
    while await store.forget_attempts(now - KEPT_DAYS * _DAY_SECONDS):
        pass

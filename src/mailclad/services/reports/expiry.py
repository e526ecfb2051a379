"""When reports are forgotten."""

from mailclad.base.clock import Clock
from mailclad.store.reports import DAY_SECONDS, Reports

NOTED_DAYS = 30
"""What ours said is of use while somebody may ask about it."""

RECEIVED_DAYS = 366
"""Those of others: long enough to compare a month with that of last year."""


async def forget_old_reports(store: Reports, clock: Clock) -> None:
    now = clock.now()
    noted_before = now // DAY_SECONDS - NOTED_DAYS
    while await store.forget_reports(noted_before, now - RECEIVED_DAYS * DAY_SECONDS):
        pass

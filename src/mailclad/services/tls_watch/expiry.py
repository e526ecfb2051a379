"""When it is forgotten which TLS somebody came with."""

from mailclad.base.clock import Clock
from mailclad.store.tls_use import DAY_SECONDS, KEPT_DAYS, KeptTlsUse


async def forget_old_tls_use(store: KeptTlsUse, clock: Clock) -> None:
    """Piece by piece, so that nobody waits long behind it."""
    while await store.forget_tls_use(clock.now() // DAY_SECONDS - KEPT_DAYS):
        pass

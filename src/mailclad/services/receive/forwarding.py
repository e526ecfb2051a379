"""Mail that an alias sends on: under which reverse path it leaves, and whom its bounces reach.

In comes the sender and the address of ours that sends the message on; out comes the reverse path,
rewritten (``mail.srs``) unless the sender's domain is ours or there is no sender.  A bounce to a
rewritten address leads to who wrote the message; anything but a bounce, and what was not made
here, is refused as an address that nobody has.
"""

import hashlib
import hmac

from mailclad.base.clock import Clock
from mailclad.base.secret import Secret
from mailclad.mail.address import Address, normalise_domain, parse_address
from mailclad.mail.srs import (
    DAY_SECONDS,
    LIFETIME_DAYS,
    SrsProblem,
    is_rewritten,
    restore,
    rewrite,
    shorten,
    token_of,
)
from mailclad.services.receive.refusal import NobodyHere
from mailclad.store.interface import Store

_PURPOSE = b"sender rewriting"


class Forwarding:
    """``secret`` is the installation's."""

    def __init__(self, store: Store, secret: Secret, clock: Clock) -> None:
        self._store = store
        self._key = Secret(hmac.new(secret.reveal(), _PURPOSE, hashlib.sha256).digest())
        self._clock = clock

    async def reverse_path(self, sender: Address | None, alias: Address) -> str:
        """Empty for ``<>``; where the sender's address has no room in ours, it is remembered."""
        if sender is None:
            return ""
        domains = await self._store.domains()
        if normalise_domain(sender.domain) in domains:
            return str(sender)
        domain = normalise_domain(alias.domain) or domains[0]  # <Postmaster> has none
        now = self._clock.now()
        rewritten = rewrite(sender, domain, self._key, now)
        if rewritten is None:
            rewritten = shorten(sender, domain, self._key)
            token, until = token_of(rewritten), now + LIFETIME_DAYS * DAY_SECONDS
            assert token is not None, "it was made just now"
            await self._store.remember_sender(token, str(sender), until)
        return str(rewritten)

    async def unwrap(self, address: Address) -> Address | None:
        """Whom a bounce is for; None where the domain is not ours to answer for.

        What came by here twice was rewritten twice.  Raises NobodyHere.
        """
        if normalise_domain(address.domain) not in await self._store.domains():
            return None
        sender = await self._restore(address)
        inner = await self.unwrap(sender) if is_rewritten(sender) else None
        return inner or sender

    async def _restore(self, address: Address) -> Address:
        now = self._clock.now()
        if (token := token_of(address)) is not None:
            sender = await self._store.forwarded_sender(token, now)
            if sender is None:
                raise NobodyHere
            return parse_address(sender)
        try:
            return restore(address, self._key, now)
        except SrsProblem:
            raise NobodyHere from None

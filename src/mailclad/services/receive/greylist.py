"""Greylisting: a network that never sent us mail is told to come back in some minutes (RFC 6647).

Mail servers come back; programs that only send spam often do not.  The first time that a sender
from an unknown network (/24, /64) asks for a recipient, the answer is 451; from ``WAIT_SECONDS``
on the same question is answered yes, and the network is known: nothing from there waits again
for as long as it keeps coming.  Only RCPT is looked at, so nothing of a message is read twice.
Where the store does not answer, mail passes.
"""

import hashlib
from collections import OrderedDict

import structlog

from mailclad.base.clock import Clock
from mailclad.mail.address import Address
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.guard import Client, Guard, MailFrom, Refused, Visit
from mailclad.services.receive.networks import network_of
from mailclad.services.receive.recipients import is_role
from mailclad.store.errors import StoreProblem
from mailclad.store.greylist import Greylist

WAIT_SECONDS = 300
"""Postfix and others come back after five minutes at the earliest."""

WAITING_SECONDS = 2 * 86_400
"""Who has not come back by then never will; RFC 6647 §5 asks for a day at least."""

PASSED_SECONDS = 60 * 86_400
"""A network that was silent for so long is unknown again; monthly newsletters are not."""

NETWORK_BITS = (24, 64)

REMEMBERED = 4_096
"""Known networks that a worker need not ask the store about."""

REMEMBERED_SECONDS = 3_600.0

_LATER = Reply(451, "4.7.1", "Your server is new here; try again in five minutes")
_log = structlog.get_logger()


class Greylisting(Guard):
    def __init__(self, store: Greylist, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._known: OrderedDict[str, float] = OrderedDict()

    def meet(self, client: Client) -> Visit:
        return _Visit(self, network_of(client.peer, NETWORK_BITS))

    async def forget(self) -> None:
        """Remove what is too old: a duty."""
        now = self._clock.now()
        while await self._store.forget_greylist(now - WAITING_SECONDS, now - PASSED_SECONDS):
            pass

    async def passes(self, network: str, sender: Address | None, recipient: Address) -> bool:
        if self._known.get(network, 0.0) > self._clock.monotonic():
            return True
        triplet = hashlib.blake2b(f"{sender}\0{recipient}".encode(), digest_size=16).digest()
        try:
            passes = await self._store.passes_greylist(
                network, triplet, self._clock.now(), WAIT_SECONDS
            )
        except StoreProblem as problem:
            _log.warning("greylist not to be had", reason=str(problem))
            return True
        if passes:
            self._remember(network)
        return passes

    def _remember(self, network: str) -> None:
        self._known[network] = self._clock.monotonic() + REMEMBERED_SECONDS
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


class _Visit(Visit):
    def __init__(self, greylisting: Greylisting, network: str) -> None:
        self._greylisting, self._network = greylisting, network

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        if is_role(recipient):
            return
        if not await self._greylisting.passes(self._network, sender.mail.reverse_path, recipient):
            _log.info("sender told to come back", id=sender.identity, network=self._network)
            raise Refused(_LATER)

"""Mail from outside for our people: who gets it, and keeping it (RFC 5321 §4.2.5, RFC 2033).

In come addresses and then the message, whole, with our trace fields before it; when
``receive`` returns, the message is durable in every recipient's INBOX, and only then may the
sender be told so.  What is listed and searched later is computed here, once.
Raises Refusal, or StoreProblem when the store could not take it: then nobody has it, unless the
store was unavailable; a message twice is better than none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from mailclad.base.clock import Clock
from mailclad.base.octets import Octets
from mailclad.mail.address import Address
from mailclad.protocols.imap.prepare import prepare
from mailclad.services.receive.loops import check_loops
from mailclad.services.receive.recipients import find_recipients
from mailclad.store.interface import Store
from mailclad.store.model import AccountId, Delivery, NewMessage

_INBOX = "INBOX"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that has come whole; the sender's own header begins at ``start``.

    ``recipients`` are addresses as they were given, ``accounts`` whom they lead to, each once.
    """

    identity: str
    octets: Octets
    start: int
    recipients: Sequence[Address]
    accounts: tuple[AccountId, ...]


class Reception:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def recipient(self, address: Address) -> tuple[AccountId, ...]:
        """The accounts behind an address; raises Refusal."""
        return await find_recipients(self._store, address)

    async def receive(self, message: Incoming) -> None:
        """Keep a message from outside."""
        check_loops(message.octets, message.start, message.recipients)
        await self.keep(message.identity, message.octets, message.accounts)

    async def keep(self, identity: str, octets: Octets, accounts: tuple[AccountId, ...]) -> None:
        """Put a message into these accounts' INBOXes: one commit for all."""
        new = NewMessage(octets, prepare(octets), flags=0, internal_date=self._clock.now())
        delivery = Delivery(new, tuple([(account, _INBOX) for account in accounts]))
        await self._store.deliver(delivery)
        _log.info("message accepted", id=identity, octets=len(octets), accounts=len(accounts))

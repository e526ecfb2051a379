"""Mail from outside for our people: who gets it, and keeping it (RFC 5321 §4.2.5, RFC 2033).

In come addresses and then the message, whole, with our trace fields before it; when
``receive`` returns, the message is durable in every recipient's mailbox, and only then may the
sender be told so.  What is listed and searched later is computed here, once.
Raises Refusal, or StoreProblem when the store could not take it: then nobody has it, unless the
store was unavailable; a message twice is better than none.
"""

from collections.abc import Iterable

import structlog

from mailclad.base.clock import Clock
from mailclad.base.octets import Octets
from mailclad.mail.address import Address
from mailclad.mail.message_id import find_message_id
from mailclad.protocols.imap.prepare import prepare
from mailclad.services.receive.guard import NO_OPINION, Opinion
from mailclad.services.receive.incoming import Box, Incoming, Leads
from mailclad.services.receive.loops import check_loops
from mailclad.services.receive.recipients import find_recipients
from mailclad.services.receive.rejects import Rejects
from mailclad.services.receive.traced import taken
from mailclad.store.interface import Store
from mailclad.store.model import AccountId, SpecialUse
from mailclad.store.queue import Dispatch, Envelope, LocalShare
from mailclad.store.queue_name import queue_name
from mailclad.store.trace import NoTrace, Trace

_log = structlog.get_logger()


class Reception:
    def __init__(
        self, store: Store, clock: Clock, rejects_days: int = 0, trace: Trace = NoTrace()
    ) -> None:
        self._store = store
        self._clock = clock
        self._trace = trace
        self._rejects = Rejects(store, clock, rejects_days)

    async def recipient(self, address: Address) -> Leads:
        """Where mail for an address goes; raises Refusal."""
        return await find_recipients(self._store, address)

    async def receive(self, message: Incoming, opinion: Opinion = NO_OPINION) -> None:
        """Keep a message from outside."""
        given = [one.address for one in message.recipients]
        check_loops(message.octets, message.start, given)
        boxes = boxes_of(message.recipients_lead())
        if opinion.junk:
            boxes = await self._junk(boxes)
        await self.keep(message, message.octets, boxes)

    async def keep_rejected(self, message: Incoming) -> None:
        """A copy for the recipients of a message that is refused; never raises."""
        await self._rejects.keep(message, boxes_of(message.recipients_lead()))

    async def keep(
        self,
        message: Incoming,
        octets: Octets,
        boxes: tuple[Box, ...],
        envelopes: tuple[Envelope, ...] = (),
    ) -> None:
        """Put it, as ``octets`` now are, into mailboxes and the queue: one commit for all."""
        now = self._clock.now()
        local = None
        if boxes:
            places = tuple([(box.account, box.mailbox) for box in boxes])
            local = LocalShare(prepare(octets), places)
        queue_ids = await self._store.enqueue(Dispatch(octets, now, envelopes, local))
        message_id = local.prepared.message_id if local is not None else find_message_id(octets)
        queued = list(zip(queue_ids, envelopes, strict=True))
        for event in taken(message, len(octets), message_id, boxes, queued, now):
            self._trace.note(event)
        _log.info(
            "message accepted",
            id=message.identity,
            queue=[queue_name(each) for each in queue_ids],
            octets=len(octets),
            accounts=len(boxes),
            elsewhere=sum(len(envelope.recipients) for envelope in envelopes),
        )

    async def _junk(self, boxes: tuple[Box, ...]) -> tuple[Box, ...]:
        return tuple([Box(box.account, await self._junk_of(box.account)) for box in boxes])

    async def _junk_of(self, account: AccountId) -> str:
        """The name of an account's Junk; INBOX where it has removed it."""
        for mailbox in await self._store.mailboxes(account):
            if mailbox.special_use is SpecialUse.JUNK:
                return mailbox.name
        return Box(account).mailbox


def boxes_of(leads: Iterable[Leads]) -> tuple[Box, ...]:
    """All mailboxes, each once, in the order in which they were named."""
    return tuple({box: None for lead in leads for box in lead.boxes})

"""Mail from outside for our people: who gets it, and keeping it (RFC 5321 §4.2.5, RFC 2033).

In come addresses and then the message, whole, with our trace fields before it; when
``receive`` returns, the message is durable in every recipient's mailbox, and in the queue for
those elsewhere to whom an alias leads; only then may the sender be told so.  What is listed and
searched later is computed here, once.
Raises Refusal, or StoreProblem when the store could not take it: then nobody has it, unless the
store was unavailable; a message twice is better than none.
"""

from collections.abc import Iterable

import structlog

from mailclad.base.clock import Clock
from mailclad.base.secret import Secret
from mailclad.mail.address import Address
from mailclad.mail.message_id import find_message_id
from mailclad.mail.srs import is_rewritten
from mailclad.protocols.imap.prepare import prepare
from mailclad.protocols.smtp.command import Mail, Rcpt
from mailclad.services.receive.forwarding import Forwarding
from mailclad.services.receive.guard import NO_OPINION, Opinion
from mailclad.services.receive.incoming import Box, Given, Incoming, Leads
from mailclad.services.receive.leaving import add_recipients, make_envelopes, usual_terms
from mailclad.services.receive.loops import check_loops
from mailclad.services.receive.own_name import is_in_our_name
from mailclad.services.receive.recipients import find_recipients
from mailclad.services.receive.refusal import InOurName, NobodyHere, NotOurDomain, Refusal
from mailclad.services.receive.rejects import Rejects
from mailclad.services.receive.success import write_success
from mailclad.services.receive.traced import taken
from mailclad.store.errors import StoreProblem
from mailclad.store.interface import Store
from mailclad.store.model import AccountId, SpecialUse
from mailclad.store.queue import Dispatch, Envelope, LocalShare, NewRecipient
from mailclad.store.sending import Spending
from mailclad.store.trace import NoTrace, Trace

_NO_RETURN = b"Return-Path: <>\r\n"
_log = structlog.get_logger()


class Reception:
    """``secret`` is the installation's."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        secret: Secret,
        host_name: str,
        *,
        rejects_days: int = 0,
        trace: Trace = NoTrace(),
    ) -> None:
        self._store = store
        self._clock = clock
        self._host_name = host_name
        self._forwarding = Forwarding(store, secret, clock)
        self._rejects = Rejects(store, clock, rejects_days)
        self._trace = trace

    async def recipient(self, address: Address, *, bounce: bool = False) -> Leads:
        """Where mail for an address goes; ``bounce``: it comes from ``<>``.  Raises Refusal."""
        if address.domain and is_rewritten(address):
            return await self._bounced(address, bounce)
        return await find_recipients(self._store, address)

    async def _bounced(self, address: Address, bounce: bool) -> Leads:
        sender = await self._forwarding.unwrap(address)
        if sender is None:
            raise NotOurDomain
        if not bounce or sender.is_literal:
            raise NobodyHere
        try:
            return await find_recipients(self._store, sender)
        except NotOurDomain:
            return Leads(elsewhere=(sender,))

    async def receive(self, message: Incoming, opinion: Opinion = NO_OPINION) -> None:
        """Keep a message from outside."""
        given = [one.address for one in message.recipients]
        check_loops(message.octets, message.start, given)
        boxes = boxes_of(message.recipients_lead())
        if opinion.junk:
            boxes = await self._junk(boxes)
            await self._check_name(message)
        # Senders of junk are rarely who they say they are: they are told nothing.
        await self.keep(message, boxes, await self._forwarded(message), tell=not opinion.junk)

    async def keep_rejected(self, message: Incoming) -> None:
        """A copy for the recipients of a message that is refused; never raises."""
        await self._rejects.keep(message, boxes_of(message.recipients_lead()))

    async def keep(
        self,
        message: Incoming,
        boxes: tuple[Box, ...],
        envelopes: tuple[Envelope, ...] = (),
        spending: Spending | None = None,
        *,
        tell: bool = True,
    ) -> None:
        """Put a message into these mailboxes and into the queue: one commit for all.

        ``tell``: whoever asked hears that it has arrived.
        """
        await self._store_share(message, boxes, envelopes, spending)
        _log.info(
            "message accepted",
            id=message.identity,
            octets=len(message.octets),
            accounts=len(boxes),
            elsewhere=sum(len(envelope.recipients) for envelope in envelopes),
        )
        if tell:
            await self._tell(message)

    async def _store_share(
        self,
        message: Incoming,
        boxes: tuple[Box, ...],
        envelopes: tuple[Envelope, ...],
        spending: Spending | None = None,
        *,
        notice: bool = False,
    ) -> None:
        octets, now = message.octets, self._clock.now()
        local = None
        if boxes:
            places = tuple([(box.account, box.mailbox) for box in boxes])
            local = LocalShare(prepare(octets), places)
        dispatch = Dispatch(octets, now, envelopes, local)
        if spending is None:
            queued = await self._store.enqueue(dispatch)
        else:
            queued = await self._store.enqueue_counted(dispatch, spending)
        message_id = find_message_id(octets) if local is None else local.prepared.message_id
        paired = list(zip(queued, envelopes, strict=True))
        for event in taken(message, message_id, boxes, paired, now, notice=notice):
            self._trace.note(event)

    async def _tell(self, message: Incoming) -> None:
        """Senders who asked hear that it has arrived; it is safe, whatever becomes of this."""
        sender = message.mail.reverse_path
        if sender is None or sender.is_literal:
            return
        notice = write_success(message, sender, self._host_name, self._clock.now())
        if notice is None:
            return
        mail = Mail(None, smtputf8=notice.utf8, require_tls=message.mail.require_tls)
        try:
            leads = await self._find_sender(sender)
            octets = _NO_RETURN + notice.octets
            told = [Given(Rcpt(sender), leads)]
            written = Incoming(message.identity, octets, len(_NO_RETURN), mail, told)
            envelopes = await self._forwarded(written)
            await self._store_share(written, boxes_of([leads]), envelopes, notice=True)
        except (Refusal, StoreProblem) as problem:
            _log.warning("no notice of delivery", id=message.identity, reason=repr(problem))

    async def _find_sender(self, sender: Address) -> Leads:
        try:
            return await self.recipient(sender, bounce=True)
        except NotOurDomain:
            return Leads(elsewhere=(sender,))

    async def _forwarded(self, message: Incoming) -> tuple[Envelope, ...]:
        """What our aliases send on."""
        reverse_paths: dict[str, dict[str, NewRecipient]] = {}
        sender = message.mail.reverse_path
        for given in message.recipients:
            if given.leads.elsewhere:
                path = await self._forwarding.reverse_path(sender, given.address)
                add_recipients(reverse_paths.setdefault(path, {}), given)
        return make_envelopes(message, reverse_paths, usual_terms(self._clock.now()))

    async def _check_name(self, message: Incoming) -> None:
        """Raises InOurName."""
        if any(leads.elsewhere for leads in message.recipients_lead()):
            domains = await self._store.domains()
            if is_in_our_name(message.octets, message.start, domains):
                raise InOurName

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

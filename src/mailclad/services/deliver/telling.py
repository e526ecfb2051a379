"""Where a notice goes that the queue has to write: a mailbox here, or back into the queue.

RFC 3464, RFC 5321 §6.1 (never a notice about a notice), RFC 8689 §5.  Comes in: a message, its
octets and what became of its recipients.  Goes out: what is to be stored together with the
attempt's results, or nothing, where the sender is nobody here; that is logged and traced.
Limit: of the message no more than a notice can bring back is held.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from mailclad.base.clock import Clock
from mailclad.mail.address import Address, normalise_domain
from mailclad.mail.dsn import RETURNED_OCTETS, Composed
from mailclad.protocols.imap.prepare import prepare
from mailclad.services.deliver.carried import address_of
from mailclad.services.deliver.connect import Body
from mailclad.services.queue.notice import Event, Writing, write_notice
from mailclad.services.queue.schedule import LIFETIME_SECONDS, WARN_SECONDS
from mailclad.services.receive.incoming import Leads
from mailclad.services.receive.refusal import NotOurDomain, Refusal
from mailclad.store.queue import (
    Dispatch,
    Envelope,
    LocalShare,
    NewRecipient,
    QueuedMessage,
    Return,
)
from mailclad.store.trace import Happening, Trace, TraceEvent

_RETURN_PATH = b"Return-Path: <>\r\n"

_log = structlog.get_logger()


class Telling:
    """``find`` says where mail for an address leads; ``new_token`` makes what was never used."""

    def __init__(
        self,
        host_name: str,
        find: Callable[[Address], Awaitable[Leads]],
        trace: Trace,
        clock: Clock,
        new_token: Callable[[], str],
    ) -> None:
        self._host_name = host_name
        self._find = find
        self._trace = trace
        self._clock = clock
        self._new_token = new_token

    async def notice(
        self, message: QueuedMessage, body: Body, events: Sequence[Event]
    ) -> Dispatch | None:
        """Raises what reading the message raises."""
        now = self._clock.now()
        if message.requiretls:
            message = replace(message, ret=Return.HEADERS)
        # One octet more than can be brought back says that the message is longer.
        octets = body.read(0, RETURNED_OCTETS + 1)
        writing = Writing(self._host_name, now, self._new_token())
        composed = write_notice(replace(message, start=0), octets, events, writing)
        if composed is None:
            return None
        dispatch = await self._addressed(message, composed, writing.token, now)
        heard = "told" if dispatch is not None else "not told: nobody has that address"
        self._trace.note(
            TraceEvent(
                at=now,
                identity=message.identity,
                happening=Happening.NOTICE,
                text=f"the sender was {heard}",
                queue=message.id,
                addresses=(message.sender,),
            )
        )
        return dispatch

    async def _addressed(
        self, message: QueuedMessage, composed: Composed, token: str, now: int
    ) -> Dispatch | None:
        sender = address_of(message.sender)
        leads = await self._leads(sender) if sender is not None else None
        if leads is None:
            _log.warning("notice dropped: its addressee is nobody", id=message.identity)
            return None
        octets = _RETURN_PATH + composed.octets
        envelopes = tuple(
            self._envelope(address, message, composed, token, now) for address in leads.elsewhere
        )
        local = None
        if leads.boxes:
            boxes = tuple((box.account, box.mailbox) for box in leads.boxes)
            local = LocalShare(prepare(octets), boxes)
        return Dispatch(octets, now, envelopes, local)

    async def _leads(self, sender: Address) -> Leads | None:
        try:
            return await self._find(sender)
        except NotOurDomain:
            return Leads(elsewhere=(sender,))
        except Refusal:
            return None

    def _envelope(
        self, to: Address, message: QueuedMessage, composed: Composed, token: str, now: int
    ) -> Envelope:
        return Envelope(
            sender="",
            recipients=(NewRecipient(str(to), normalise_domain(to.domain)),),
            expires=now + LIFETIME_SECONDS,
            warn_at=now + WARN_SECONDS,
            identity=token,
            start=len(_RETURN_PATH),
            requiretls=message.requiretls,
            smtputf8=composed.utf8,
            eight_bit=composed.eight_bit,
        )

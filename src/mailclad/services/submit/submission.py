"""Mail from our own people (RFC 6409): may they send as this, to whom, and in good form.

In come an account, addresses and the message, whole, with our trace fields before it; out
goes the message to the INBOXes of its recipients and into the queue for those elsewhere, in ASCII
where its form allows that (``plain``), signed, durable when ``submit`` returns.
The envelope's sender and every address in From must be the account's own (or an alias that
leads to it), so that nobody writes in another's name.  A message that is to be held (RFC 4865)
waits in the queue as a whole, for people here too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool, Octets
from mailclad.mail.address import Address
from mailclad.mail.headers import MAX_HEADER_OCTETS, find_body
from mailclad.protocols.smtp.command import Mail
from mailclad.services.receive.incoming import Given, Incoming, Leads
from mailclad.services.receive.leaving import Terms, add_recipients, make_envelopes, usual_terms
from mailclad.services.receive.loops import check_loops
from mailclad.services.receive.reception import Reception, boxes_of
from mailclad.services.receive.refusal import NotOurDomain
from mailclad.services.submit.header import SubmittedHeader
from mailclad.services.submit.plain import copy_from, plain_spool
from mailclad.services.submit.refusal import (
    AuthorNotOwned,
    HeldBeyondDelivery,
    HeldTooLong,
    NotADomain,
    SenderNotOwned,
)
from mailclad.services.submit.signing import Signing
from mailclad.services.submit.terms import HOLD_SECONDS, SubmitTerms
from mailclad.store.errors import SentTooMuch
from mailclad.store.interface import Directory
from mailclad.store.model import Account, AccountId
from mailclad.store.queue import Deadline, NewRecipient
from mailclad.store.sending import Spending

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Written:
    """A message to be put together: our trace fields, its header, and where its body lies."""

    front: bytes
    header: bytes
    octets: Octets
    body: int


class Submission:
    def __init__(
        self,
        directory: Directory,
        reception: Reception,
        signing: Signing,
        new_spool: NewSpool,
        clock: Clock,
        host_name: str,
        terms: SubmitTerms = SubmitTerms(),
        on_sent: Callable[[AccountId], None] = lambda _: None,
    ) -> None:
        """``on_sent`` is told whose message was kept, to be sent or delivered."""
        self._directory = directory
        self._reception = reception
        self._signing = signing
        self._new_spool = new_spool
        self._clock = clock
        self._host_name = host_name
        self._terms = terms
        self._on_sent = on_sent

    async def sender(self, account: Account, mail: Mail) -> None:
        """Raises Refusal; ``<>`` is everybody's (read receipts are sent with it)."""
        reverse_path = mail.reverse_path
        if reverse_path is not None and not await self._owns(account, reverse_path.normalised):
            raise SenderNotOwned
        now = self._clock.now()
        held = _held_until(mail, now) - now
        if held > HOLD_SECONDS:
            raise HeldTooLong
        if mail.by is not None and held > 0 and mail.by.seconds < held:
            raise HeldBeyondDelivery

    def priority(self, mail: Mail) -> int:
        """What the message gets of the priority that was asked for (RFC 6710)."""
        return min(mail.priority, self._terms.highest_priority)

    async def recipient(self, address: Address, *, bounce: bool = False) -> Leads:
        """Where mail for an address goes; raises Refusal."""
        try:
            return await self._reception.recipient(address, bounce=bounce)
        except NotOurDomain:
            if address.is_literal or "." not in address.domain:
                raise NotADomain from None
            return Leads(elsewhere=(address,))

    async def submit(self, account: Account, message: Incoming) -> None:
        """Keep a message from one of us."""
        octets, start = message.octets, message.start
        # Not held against Delivered-To: people do send on what they were sent.
        check_loops(octets, start, ())
        header = SubmittedHeader(octets[start : start + MAX_HEADER_OCTETS])
        authors = header.authors()
        for author in {each.normalised for each in authors}:
            if not await self._owns(account, author):
                raise AuthorNotOwned
        terms = self._terms_of(account, message.mail)
        leaves = terms.not_before > 0 or any(lead.elsewhere for lead in message.recipients_lead())
        repaired = header.repaired(
            account.address, message.identity, self._host_name, self._clock.now()
        )
        if repaired is None and not leaves:
            await self._keep(account, message, terms)
            return
        body = start + header.body_start
        finished = octets[start:body] if repaired is None else repaired
        written = _Written(octets[:start], finished, octets, body)
        if leaves:
            domain = (authors[0].normalised if authors else account.address).rpartition("@")[2]
            await self._sign(account, message, terms, written, domain)
        else:
            await self._rewrite(account, message, terms, written)

    async def _sign(
        self, account: Account, message: Incoming, terms: Terms, written: _Written, domain: str
    ) -> None:
        """Keep it with our signatures before it, which nobody has to break on the way."""
        plain = await plain_spool(written.header, written.octets, written.body, self._new_spool)
        try:
            if plain is not None:
                octets = plain.view()
                body = find_body(octets)
                written = _Written(written.front, octets[:body], octets, body)
            signed = await self._signing.sign(domain, written.header, written.octets, written.body)
            written = replace(written, front=written.front + signed)
            await self._rewrite(account, message, terms, written)
        finally:
            if plain is not None:
                plain.close()

    async def _rewrite(
        self, account: Account, message: Incoming, terms: Terms, written: _Written
    ) -> None:
        spool = self._new_spool()
        try:
            spool.write(written.front + written.header)
            copy_from(written.octets, written.body, spool)
            whole = replace(message, octets=spool.view(), start=len(written.front))
            await self._keep(account, whole, terms)
        finally:
            spool.close()

    async def _keep(self, account: Account, message: Incoming, terms: Terms) -> None:
        given = message.recipients
        if terms.not_before:
            given = [replace(one, leads=_by_queue(one, account)) for one in given]
        leaving: dict[str, NewRecipient] = {}
        for one in given:
            add_recipients(leaving, one)
        sender = message.mail.reverse_path
        reverse_paths = {str(sender or ""): leaving} if leaving else {}
        spending = Spending(account.id, len(given), self._terms.allowance)
        try:
            await self._reception.keep(
                replace(message, recipients=given),
                boxes_of(one.leads for one in given),
                make_envelopes(message, reverse_paths, terms),
                spending,
            )
        except SentTooMuch:  # perhaps a stolen password
            _log.warning("account sends too much", account=account.address, id=message.identity)
            raise
        self._on_sent(account.id)

    def _terms_of(self, account: Account, mail: Mail) -> Terms:
        """What the sender asked for (RFC 4865, RFC 2852, RFC 6710)."""
        now = self._clock.now()
        held_until = _held_until(mail, now)
        usual = usual_terms(max(now, held_until))
        expires, warn_at = usual.expires, usual.warn_at
        deadline = None
        if mail.by is not None:
            deadline = Deadline(now + mail.by.seconds, mail.by.give_up)
        if deadline is not None and deadline.gives_up:
            expires = min(expires, deadline.at)
        elif deadline is not None:
            warn_at = deadline.at
        not_before = held_until if held_until > now else 0
        return Terms(expires, warn_at, not_before, self.priority(mail), account.id, deadline)

    async def _owns(self, account: Account, address: str) -> bool:
        return address == account.address or await self._directory.owns(account.id, address)


def _held_until(mail: Mail, now: int) -> int:
    if mail.hold_for is not None:
        return now + mail.hold_for
    return mail.hold_until or 0


def _by_queue(given: Given, account: Account) -> Leads:
    """Held mail for somebody here comes back to us when its time has come."""
    address = given.address
    if not address.domain:
        address = Address(address.local_part, account.address.rpartition("@")[2])
    return Leads(elsewhere=(address,))

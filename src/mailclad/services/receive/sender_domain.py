"""A sender whose domain cannot be answered is refused (RFC 7505 §4.2, RFC 5321 §3.6.2).

The domain of MAIL FROM is looked up at the first recipient who exists.  It can be answered if it
has an MX that is not null or, without any MX, an address (RFC 5321 §5.1).  DNS trouble refuses
nobody, ``<>`` and address literals have no domain, postmaster and abuse take mail from anybody.
"""

import asyncio
from enum import Enum

import structlog

from mailclad.base.resolver import DnsProblem, Resolver
from mailclad.mail.address import Address, AddressProblem, normalise_domain
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.guard import Client, Guard, MailFrom, Refused, Visit
from mailclad.services.receive.recipients import is_role

_log = structlog.get_logger()

TOTAL_SECONDS = 10.0
"""What is not known by then is let pass."""


class DomainState(Enum):
    """The values of the two that are refused are the answers."""

    ANSWERED = "fine"
    ABSENT = Reply(550, "5.1.8", "The sender's domain does not exist, or takes no mail")
    NULL_MX = Reply(550, "5.7.27", "The sender's domain says that it takes no mail (null MX)")


class SenderDomain(Guard):
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def meet(self, client: Client) -> Visit:
        return _Visit(self._resolver)


class _Visit(Visit):
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: tuple[str, DomainState] | None = None

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        reverse_path = sender.mail.reverse_path
        if reverse_path is None or reverse_path.is_literal or is_role(recipient):
            return
        domain = reverse_path.domain
        if self._known is None or self._known[0] != domain:
            self._known = domain, await look_up(self._resolver, domain)
        answer = self._known[1].value
        if isinstance(answer, Reply):
            _log.info("sender refused", id=sender.identity, domain=domain, reason=answer.text)
            raise Refused(answer)


async def look_up(resolver: Resolver, domain: str) -> DomainState:
    """Whether mail could be sent to it."""
    try:
        async with asyncio.timeout(TOTAL_SECONDS):
            return await _look_up(resolver, normalise_domain(domain))
    except (DnsProblem, TimeoutError):
        return DomainState.ANSWERED
    except AddressProblem:
        return DomainState.ABSENT


async def _look_up(resolver: Resolver, domain: str) -> DomainState:
    answer = await resolver.mx(domain)
    if answer.records:
        null = all(record.host == "" for record in answer.records)
        return DomainState.NULL_MX if null else DomainState.ANSWERED
    if answer.exists:
        for version in (4, 6):
            if (await resolver.addresses(domain, version)).records:
                return DomainState.ANSWERED
    return DomainState.ABSENT

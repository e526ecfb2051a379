"""Clients that block lists name are refused, or their mail goes into Junk (RFC 5782, RFC 6471).

The lists are asked at a connection's first recipient who exists.  Weights of those that name
the address are added up: ``refuse_at`` and more is refused, less is Junk.  A list that does not
answer, or not like one, says nothing; the log tells of it.  Mail to postmaster and abuse is let
through: there a wrong listing is complained of.
"""

import asyncio
from collections.abc import Sequence

import structlog

from mailclad.base.resolver import Resolver
from mailclad.mail.address import Address
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.dnsbl import DnsList, Listings, ListState, check_lists
from mailclad.services.receive.guard import (
    NO_OPINION,
    Arrived,
    Client,
    Guard,
    MailFrom,
    Opinion,
    Refused,
    Visit,
)
from mailclad.services.receive.recipients import is_role

TOTAL_SECONDS = 10.0
"""For all lists together."""

_NOTHING = Listings(())
_log = structlog.get_logger()


class BlockLists(Guard):
    def __init__(self, resolver: Resolver, lists: Sequence[DnsList], refuse_at: int) -> None:
        self._resolver, self._lists, self.refuse_at = resolver, lists, refuse_at
        self._told: set[str] = set()

    def meet(self, client: Client) -> Visit:
        return _Visit(self, client.peer)

    async def ask(self, peer: str) -> Listings:
        """Nothing where it takes too long."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                listings = await check_lists(self._resolver, peer, self._lists)
        except TimeoutError:
            _log.warning("block lists too slow", peer=peer)
            return _NOTHING
        for answer in listings.answers:
            zone = answer.dns_list.zone
            if answer.state is ListState.WRONG and zone not in self._told:
                self._told.add(zone)  # the log is told once, not for each client
                _log.warning("block list unusable", zone=zone, reason=answer.reason)
        return listings


class _Visit(Visit):
    def __init__(self, lists: BlockLists, peer: str) -> None:
        self._lists, self._peer = lists, peer
        self._listings: Listings | None = None

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        if is_role(recipient):
            return
        if self._listings is None:
            self._listings = await self._lists.ask(self._peer)
        listings = self._listings
        if listings.listed and listings.weight >= self._lists.refuse_at:
            _log.info("client on block list", peer=self._peer, lists=_zones(listings))
            raise Refused(Reply(550, "5.7.1", _words(listings)))

    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        listings = self._listings
        if listings is None or not listings.listed or all(map(is_role, message.recipients)):
            return NO_OPINION
        return Opinion(junk=f"the sending server is on {_zones(listings)}")


def _zones(listings: Listings) -> str:
    return ", ".join([answer.dns_list.zone for answer in listings.listed])


def _words(listings: Listings) -> str:
    """The first list's own reason says how to get off it."""
    said = next((answer.reason for answer in listings.listed if answer.reason), "")
    return f"Your address is on {_zones(listings)}" + (f": {said}" if said else "")

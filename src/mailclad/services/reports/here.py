"""Reports for addresses of ours: mail in our name comes here, and other domains of ours see it."""

from typing import Protocol

from mailclad.base.clock import Clock
from mailclad.mail.address import Address
from mailclad.protocols.imap.prepare import prepare
from mailclad.services.reports.addresses import ReportAddresses
from mailclad.services.reports.intake import Intake
from mailclad.store.interface import Directory
from mailclad.store.queue import Dispatch, LocalShare, Queue


class _Store(Directory, Queue, Protocol):
    """What is needed of it."""


class LocalPost:
    """``vouched`` is who signs for what we report ourselves."""

    def __init__(
        self,
        store: _Store,
        addresses: ReportAddresses,
        intake: Intake,
        clock: Clock,
        vouched: str,
    ) -> None:
        self._store, self._addresses, self._intake = store, addresses, intake
        self._clock, self._vouched = clock, vouched

    async def take(self, address: Address, octets: bytes) -> bool:
        """Whether somebody here has it; the mail is for the queue where not."""
        if address.domain not in await self._store.domains():
            return False
        boxes = (await self._store.resolve(address.normalised)).accounts
        if boxes:
            share = LocalShare(prepare(octets), tuple([(account, "INBOX") for account in boxes]))
            await self._store.enqueue(Dispatch(octets, self._clock.now(), (), share))
        if self._addresses.include(address):
            await self._intake.take(octets, vouched=self._vouched)
            return True
        return bool(boxes)

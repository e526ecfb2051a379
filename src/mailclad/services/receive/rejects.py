"""Mail that a rule turned away, kept for a few days where its recipients can look.

The sender was told no, so nothing here is promised: what cannot be kept is not, and the log
says so.  Messages go after ``days``; a mailbox of that name that its owner made is used alike.
"""

import contextlib
from collections.abc import Iterable

import structlog

from mailclad.base.clock import Clock
from mailclad.protocols.imap.prepare import prepare
from mailclad.services.receive.incoming import Box, Incoming
from mailclad.store.errors import MailboxExists, StoreProblem
from mailclad.store.interface import Store
from mailclad.store.model import Before, DateOf, NewMessage, uid_set

REJECTS = "Rejects"
_DAY_SECONDS = 86_400
_log = structlog.get_logger()


class Rejects:
    """``days`` 0: nothing is kept."""

    def __init__(self, store: Store, clock: Clock, days: int) -> None:
        self._store, self._clock, self._days = store, clock, days

    async def keep(self, message: Incoming, boxes: Iterable[Box]) -> None:
        """Put a copy into the recipients' Rejects."""
        if not self._days:
            return
        prepared = prepare(message.octets)
        new = NewMessage(message.octets, prepared, flags=0, internal_date=self._clock.now())
        for account in {box.account for box in boxes}:
            try:
                with contextlib.suppress(MailboxExists):
                    await self._store.create_mailbox(account, REJECTS)
                stat = await self._store.stat(account, REJECTS)
                await self._store.append(stat.id, [new])
            except StoreProblem as problem:
                _log.warning("refused mail not kept", id=message.identity, reason=str(problem))

    async def expire(self) -> int:
        """Remove what is older than it may be; how many messages."""
        if not self._days:
            return 0
        gone = 0
        oldest = self._clock.now() - self._days * _DAY_SECONDS
        for account in await self._store.accounts():
            for mailbox in await self._store.mailboxes(account.id):
                if mailbox.name == REJECTS:
                    old = await self._store.search(mailbox.id, Before(DateOf.INTERNAL, oldest))
                    gone += len(await self._store.remove(mailbox.id, uid_set(old)))
        return gone

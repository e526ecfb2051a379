"""Mail from our own people (RFC 6409): may they send as this, to whom, and in good form.

In come an account, addresses and the message, whole, with our trace fields before it; out
goes the message to the INBOXes of its recipients, durable when ``submit`` returns.
The envelope's sender and every address in From must be the account's own (or an alias that
leads to it), so that nobody writes in another's name.  Recipients elsewhere are refused: mail
leaves for other domains when there is a queue to carry it.
"""

from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool
from mailclad.mail.address import Address
from mailclad.mail.headers import MAX_HEADER_OCTETS
from mailclad.services.receive.incoming import Incoming, Leads
from mailclad.services.receive.loops import check_loops
from mailclad.services.receive.reception import Reception, boxes_of
from mailclad.services.receive.refusal import NotOurDomain
from mailclad.services.submit.header import SubmittedHeader
from mailclad.services.submit.refusal import AuthorNotOwned, CannotSendThere, SenderNotOwned
from mailclad.store.interface import Directory
from mailclad.store.model import Account

_COPIED_AT_ONCE = 256 * 1024


class Submission:
    def __init__(
        self,
        directory: Directory,
        reception: Reception,
        new_spool: NewSpool,
        clock: Clock,
        host_name: str,
    ) -> None:
        self._directory = directory
        self._reception = reception
        self._new_spool = new_spool
        self._clock = clock
        self._host_name = host_name

    async def sender(self, account: Account, reverse_path: Address | None) -> None:
        """Raises SenderNotOwned; ``<>`` is everybody's (read receipts are sent with it)."""
        if reverse_path is not None and not await self._owns(account, reverse_path.normalised):
            raise SenderNotOwned

    async def recipient(self, address: Address) -> Leads:
        """Where mail for an address goes; raises Refusal."""
        try:
            return await self._reception.recipient(address)
        except NotOurDomain:
            raise CannotSendThere from None

    async def submit(self, account: Account, message: Incoming) -> None:
        """Keep a message from one of us."""
        octets, start = message.octets, message.start
        # Not held against Delivered-To: people do send on what they were sent.
        check_loops(octets, start, ())
        header = SubmittedHeader(octets[start : start + MAX_HEADER_OCTETS])
        for author in {each.normalised for each in header.authors()}:
            if not await self._owns(account, author):
                raise AuthorNotOwned
        identity, now = message.identity, self._clock.now()
        boxes = boxes_of(message.recipients_lead())
        repaired = header.repaired(account.address, identity, self._host_name, now)
        if repaired is None:
            await self._reception.keep(message, octets, boxes)
            return
        spool = self._new_spool()
        try:
            spool.write(octets[:start] + repaired)
            for at in range(start + header.body_start, len(octets), _COPIED_AT_ONCE):
                spool.write(octets[at : at + _COPIED_AT_ONCE])
            await self._reception.keep(message, spool.view(), boxes)
        finally:
            spool.close()

    async def _owns(self, account: Account, address: str) -> bool:
        return address == account.address or await self._directory.owns(account.id, address)

"""Mail for the addresses of reports (``dmarc@`` and ``tlsrpt@`` of every domain of ours).

A guard that is itself the recipient: reports are for ``mailclad report``, and lie in nobody's
mailbox, unless an account or alias has that very address.  A catch-all does not get them.
"""

from collections.abc import Iterable

from mailclad.mail.address import Address
from mailclad.mail.headers import first_values, split_fields
from mailclad.mail.parameters import find_parameter, parse_media_type
from mailclad.protocols.smtp.reply import Reply
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
from mailclad.services.reports.addresses import ReportAddresses
from mailclad.services.reports.intake import TAKEN_OCTETS, Intake, TryLater
from mailclad.store.interface import Directory


def is_tls_report(header: bytes) -> bool:
    """Whether a message says that it is one (RFC 8460 §5.3)."""
    value = first_values(split_fields(header)).get(b"content-type", b"")
    media_type, parameters = parse_media_type(value) or ("", [])
    kind = find_parameter(parameters, b"report-type").lower()
    return media_type == "multipart/report" and kind == b"tlsrpt"


class ReportMail(Guard):
    def __init__(self, addresses: ReportAddresses, directory: Directory, intake: Intake) -> None:
        self._addresses, self._directory, self._intake = addresses, directory, intake

    def meet(self, client: Client) -> Visit:
        del client
        return _Visit(self._addresses, self._directory, self._intake)


class _Visit(Visit):
    def __init__(self, addresses: ReportAddresses, directory: Directory, intake: Intake) -> None:
        self._addresses, self._directory, self._intake = addresses, directory, intake

    def takes(self, recipient: Address) -> bool:
        return self._addresses.include(recipient)

    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        del sender
        reports = await self._reports(message.recipients)
        if not reports:
            return NO_OPINION
        try:
            await self._intake.take(message.octets[message.start : message.start + TAKEN_OCTETS])
        except TryLater as problem:
            raise Refused(Reply(451, "4.3.2", f"Try again later: {problem}")) from None
        owned = await self._owned(reports)
        gone = set(reports) - owned
        rest = tuple([one for one in message.recipients if one not in gone])
        return Opinion(discard=not rest, recipients=rest)

    async def _reports(self, recipients: Iterable[Address]) -> list[Address]:
        """Those that are for reports, of domains of ours."""
        named = [one for one in recipients if self._addresses.include(one)]
        ours = await self._directory.domains() if named else ()
        return [one for one in named if one.normalised.rpartition("@")[2] in ours]

    async def _owned(self, addresses: Iterable[Address]) -> set[Address]:
        """Those that an account or an alias has; its catch-all does not count."""
        return {one for one in addresses if await self._directory.has_address(one.normalised)}

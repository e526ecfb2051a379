"""[reports]: daily reports about TLS and DMARC, sent to others and taken from them."""

from collections.abc import Iterator

from mailclad.app.strict import Strict, Wrong
from mailclad.mail.address import AddressProblem, parse_address
from mailclad.services.reports.addresses import ReportAddresses


class ReportsConfig(Strict, frozen=True, kw_only=True):
    """``addresses`` take reports: a local part on every domain of ours, or a whole address.

    ``contact`` is where people may ask about reports of ours, else postmaster; ``from_address``
    is their author, else the first of ``addresses``.  ``organization`` else is the domain.
    """

    send: bool = True
    organization: str = ""
    contact: str = ""
    from_address: str = ""
    addresses: tuple[str, ...] = ("dmarc", "tlsrpt")

    def wrong(self) -> Iterator[Wrong]:
        if not self.addresses:
            text = "needs one at least: reports of ours come from it, and answers go there"
            yield ("addresses",), text
        for number, name in enumerate(self.addresses):
            try:
                ReportAddresses((name,))
            except AddressProblem:
                text = f"“{name}” is neither an address nor the part before its @"
                yield ("addresses", number), text
        yield from self._wrong_authors()

    def _wrong_authors(self) -> Iterator[Wrong]:
        domains = set()
        for key, value in (("contact", self.contact), ("from_address", self.from_address)):
            if not value:
                continue
            try:
                domains.add(_domain_of_author(value))
            except AddressProblem as problem:
                yield (key,), f"“{value}”: {problem}"
        if len(domains) > 1:
            text = "must be of the same domain as reports.contact: receivers compare them"
            yield ("from_address",), text


def _domain_of_author(value: str) -> str:
    """Raises AddressProblem also for an address that old servers cannot answer to."""
    address = parse_address(value)
    if not address.local_part.isascii():
        raise AddressProblem("there is more than ASCII before its @")
    return address.normalised.rpartition("@")[2]

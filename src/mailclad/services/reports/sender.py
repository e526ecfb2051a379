"""In whose name we report: the domain of this server, and how to reach its people."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailclad.mail.address import Address, normalise_domain, parse_address
from mailclad.services.reports.compose import Sender
from mailclad.store.interface import Directory


@dataclass(frozen=True, slots=True)
class SenderWishes:
    """What the administrator wants; "" is for us to find.  Both addresses are of one domain."""

    organization: str = ""
    contact: str = ""
    author: str = ""


class Senders:
    """``local_part`` is that of our reports' author where nothing else is wished."""

    def __init__(
        self, directory: Directory, host_name: str, local_part: str, wishes: SenderWishes
    ) -> None:
        self._directory, self._host_name = directory, host_name
        self._local_part, self._wishes = local_part, wishes

    async def find(self) -> Sender | None:
        """None while there is no domain."""
        wishes = self._wishes
        given = wishes.contact or wishes.author
        if given:
            domain = _in_a_labels(given).domain
        else:
            domain = primary_domain(self._host_name, await self._directory.domains())
        if not domain:
            return None
        contact, author = f"postmaster@{domain}", f"{self._local_part}@{domain}"
        return Sender(
            organization=wishes.organization or domain,
            contact=_in_a_labels(wishes.contact or contact),
            author=_in_a_labels(wishes.author or author),
            host_name=self._host_name,
        )


def _in_a_labels(text: str) -> Address:
    address = parse_address(text)
    return Address(address.local_part, normalise_domain(address.domain))


def primary_domain(host_name: str, domains: Iterable[str]) -> str:
    """Of ours, the one that the host is in; else the first; "" without any."""
    listed = list(domains)
    around = [name for name in listed if f".{host_name}".endswith(f".{name}")]
    return max(around, key=len) if around else next(iter(listed), "")

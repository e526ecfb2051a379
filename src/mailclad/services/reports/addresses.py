"""Which addresses of ours are for reports: nobody needs to have them."""

from collections.abc import Iterable

from mailclad.mail.address import Address, AddressProblem, parse_address, parse_local_part


class ReportAddresses:
    """Local parts count on every domain of ours, whole addresses for themselves."""

    def __init__(self, names: Iterable[str]) -> None:
        """Raises AddressProblem."""
        self._names = frozenset(
            parse_address(name).normalised if "@" in name else parse_local_part(name).lower()
            for name in names
        )

    def include(self, address: Address) -> bool:
        """``address`` is of a domain of ours."""
        try:
            normalised = address.normalised
        except AddressProblem:
            return False
        return normalised in self._names or normalised.rpartition("@")[0] in self._names

"""Networks: which one a client is of, and whether an address is of those somebody named.

In come IP addresses as text, as the kernel or a proxy tells them; an IPv4 one in IPv6 clothes
is the IPv4 address.  "" (a Unix socket) is of no network.
"""

import ipaddress
from collections.abc import Iterable

from mailclad.services.receive.iprev import plain_address

HOST_BITS = (32, 64)
"""What one customer of a provider has, for IPv4 and IPv6."""

NEIGHBOUR_BITS = (24, 48)
"""What usually belongs to one organisation, whose servers take turns."""


class Networks:
    """Raises ValueError when made of what is neither an address nor a network."""

    __slots__ = ("_all",)

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._all = [ipaddress.ip_network(text) for text in texts]

    def __contains__(self, address: str) -> bool:
        if not address or not self._all:
            return False
        plain = plain_address(address)
        return any(plain in network for network in self._all)


def network_of(address: str, bits: tuple[int, int]) -> str:
    """The network around it, with so many bits in IPv4 or IPv6; "" stays "".

    >>> network_of("192.0.2.7", (24, 48))
    '192.0.2.0/24'
    """
    if not address:
        return ""
    plain = plain_address(address)
    width = bits[0] if plain.version == 4 else bits[1]
    return str(ipaddress.ip_network((plain, width), strict=False))

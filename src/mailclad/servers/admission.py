"""Who may connect: how many connections there may be, in all, half-open, and for one address.

One Admission is shared by all listeners of a worker.  It counts and says why not; it closes
nothing itself.  Addresses are the peer's, as the kernel tells them.
"""

from collections import Counter
from dataclasses import dataclass
from socket import AF_INET6, inet_pton

from mailclad.servers.handshake import HANDSHAKE_OCTETS, HANDSHAKE_SECONDS


@dataclass(frozen=True, slots=True)
class Limits:
    """Each is for one worker process.

    ``connections``: at 25 to 40 KB each, 20,000 are 800 MB at the very most.
    ``per_address``: mail programs open up to 10; one household or small office shares one
    address (a /64 network counts as one in IPv6).  Loopback is not counted: proxies, the local
    delivery agent and our own webmail come from there.
    ``handshakes``: connections whose TLS is not yet agreed; at 2,000 a second and a core they
    are gone within half a second unless the peers are slow on purpose.
    ``not_signed_in``: connections to services where people sign in that have not done so yet.
    """

    connections: int = 20_000
    per_address: int = 100
    handshakes: int = 1_000
    not_signed_in: int = 4_000
    counts_loopback: bool = False
    handshake_seconds: float = HANDSHAKE_SECONDS
    handshake_octets: int = HANDSHAKE_OCTETS


class Admission:
    """The counts, against the limits."""

    __slots__ = ("_by_address", "connections", "handshakes", "limits", "not_signed_in")

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits if limits is not None else Limits()
        self.connections = 0
        self.handshakes = 0
        self.not_signed_in = 0
        self._by_address: Counter[str] = Counter()

    def refusal(self, peer: str, *, handshake: bool, sign_in: bool) -> str | None:
        """Say why one more connection from there is too many, or None and count it."""
        limits, key = self.limits, self._key(peer)
        if self.connections >= limits.connections:
            return f"{limits.connections} connections are open"
        if key is not None and self._by_address[key] >= limits.per_address:
            return f"{limits.per_address} connections from one address are open"
        if handshake and self.handshakes >= limits.handshakes:
            return f"{limits.handshakes} TLS handshakes are under way"
        if sign_in and self.not_signed_in >= limits.not_signed_in:
            return f"{limits.not_signed_in} connections have not signed in yet"
        self.connections += 1
        self.handshakes += handshake
        self.not_signed_in += sign_in
        if key is not None:
            self._by_address[key] += 1
        return None

    def left(self, peer: str) -> None:
        """Count a connection down; the caller counts down what else it was."""
        self.connections -= 1
        key = self._key(peer)
        if key is not None:
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]

    def from_address(self, peer: str) -> int:
        """How many connections that address, or its network, has."""
        key = self._key(peer)
        return self._by_address[key] if key is not None and key in self._by_address else 0

    def _key(self, peer: str) -> str | None:
        if not peer:
            return None
        if ":" not in peer:
            return None if peer.startswith("127.") and not self.limits.counts_loopback else peer
        if peer == "::1" and not self.limits.counts_loopback:
            return None
        return inet_pton(AF_INET6, peer.partition("%")[0])[:8].hex()

"""The client's side of TLS to other mail servers, and what their certificates are worth.

RFC 8446, RFC 9325 (versions and suites: as our own server), RFC 6066 §3 (SNI), RFC 7672 §2.2.3
(the name in SNI is the TLSA base domain), RFC 8461 §4.1.

Comes in: whom to trust, a ``TlsDemand``, octets from a server, untrusted.  Goes out: a handshake
for :mod:`tls_transport`, and a ``TlsVerdict`` when it is done.  The handshake itself takes any
certificate: its owner looks at the verdict before a single octet of mail is said.  No session
is resumed, so there is always a chain to judge.
"""

import ipaddress
from collections.abc import Sequence

from mailclad.base.tls_policy import TlsFacts
from mailclad.mail.address import AddressProblem, normalise_domain
from mailclad.mail.dane import judge_dane, usable
from mailclad.mail.tls_verdict import Failure, TlsDemand, TlsVerdict, failed, judge_pkix
from mailclad.servers.tls import ClientSession, ClientTrust, TlsSession, path_fault
from mailclad.servers.tls_failure import HandshakeFailed, received_alert
from mailclad.services.certificates.choose import normalise

HANDSHAKE_SECONDS = 30.0
"""A busy server behind a slow line; our own listeners allow 10, because strangers hold them."""

HANDSHAKE_OCTETS = 128 * 1024
"""What a server may send before the handshake is done; OpenSSL itself takes chains of 100 KB."""


class TlsClient:
    """For one connection to one server."""

    __slots__ = ("_octets", "_protocols", "_session", "_trust", "demand", "seconds")

    def __init__(
        self,
        trust: ClientTrust,
        demand: TlsDemand,
        seconds: float = HANDSHAKE_SECONDS,
        octets: int = HANDSHAKE_OCTETS,
        protocols: Sequence[bytes] = (),
    ) -> None:
        self.demand = demand
        self.seconds = seconds
        self._trust = trust
        self._octets = octets
        self._protocols = protocols
        self._session: ClientSession | None = None

    def handshake(self) -> "ClientHandshake":
        self._session = self._trust.begin(server_name(self.demand), self._protocols)
        return ClientHandshake(self, self._session, self._octets)

    def verdict(self) -> TlsVerdict:
        """What the certificate is worth; the handshake is done."""
        assert self._session is not None, "there was a handshake"
        return judge(self._session, self.demand)

    def chain(self) -> tuple[bytes, ...]:
        """What the server has shown, DER, its own certificate first."""
        assert self._session is not None, "there was a handshake"
        return self._session.chain()


class ClientHandshake:
    """Lives until the handshake is done or has failed; knows no transport."""

    __slots__ = ("_client", "_left", "output", "session")

    def __init__(self, client: TlsClient, session: ClientSession, octets: int) -> None:
        self._client = client
        self._left = octets
        self.session: TlsSession = session
        self.output = b""

    @property
    def seconds(self) -> float:
        return self._client.seconds

    def begin(self) -> bytes:
        """The ClientHello."""
        self._step()
        return self.output

    def take(self, data: bytes) -> bool:
        """Go on with these octets; True when done.  ``output`` is to be sent, also when
        HandshakeFailed is raised: the alert is in it."""
        self.session.feed(data)
        self._left -= len(data)
        if self._step():
            return True
        if self._left <= 0:
            raise self.failed("the server's handshake does not end")
        return False

    def failed(self, reason: str) -> HandshakeFailed:
        return HandshakeFailed(reason, received_alert=received_alert(reason))

    def facts(self) -> TlsFacts:
        return self.session.facts(server_name(self._client.demand), resumed=False)

    def _step(self) -> bool:
        done, reason = self.session.handshake()
        if done:
            self.output = b""  # Finished waits in the session and goes out with the first words
            return True
        self.output = self.session.to_send()
        if reason is not None:
            raise self.failed(reason)
        return False


def judge(session: ClientSession, demand: TlsDemand) -> TlsVerdict:
    """By DANE where there are usable records, else by the authorities of this system."""
    chain = session.chain()
    if usable(demand.records):
        return judge_dane(chain, demand.records, demand.names, path_fault)
    return judge_pkix(chain, session.faults, demand.names)


def server_name(demand: TlsDemand) -> str | None:
    """What to send as SNI: the first name, unless it is an IP address (RFC 6066 §3)."""
    if not demand.names:
        return None
    name = demand.names[0].removesuffix(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        pass
    else:
        return None
    try:
        return normalise(normalise_domain(name).encode("ascii"))
    except AddressProblem:
        return None


def handshake_failure(problem: Exception) -> TlsVerdict:
    """The verdict where no handshake came about (RFC 8460 §4.3.1, validation-failure)."""
    return failed(Failure.VALIDATION, f"the TLS handshake failed: {problem}")

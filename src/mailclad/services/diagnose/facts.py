"""What was seen of a mail server: values, gathered by probes and judged by rules.

Comes in: what an untrusted server said, cut to named limits by whoever probes.  Nothing here is
a judgement: "expired" is for the rules to say.  A probe never sends a password.
"""

from dataclasses import dataclass
from enum import StrEnum

from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.mail.tls_verdict import ChainFault

GREETING_OCTETS = 512
"""What is kept of a server's first words."""


class Reach(StrEnum):
    """What became of a TCP connection."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    """No answer in time: filtered, or nobody there."""
    UNREACHABLE = "unreachable"
    """The network said so, or has no way there (often: no IPv6 here)."""
    RESET = "reset"
    """Open, and ended before a word."""


class Spoken(StrEnum):
    """What a server's first octets in clear are."""

    SMTP = "smtp"
    IMAP = "imap"
    POP3 = "pop3"
    SIEVE = "sieve"
    HTTP = "http"
    SSH = "ssh"
    TLS = "tls"
    """An alert or a record, where words were expected."""
    NOTHING = "nothing"
    OTHER = "other"


class Way(StrEnum):
    """Which of SECURITY 3.2's handshakes it was."""

    OPEN = "open"
    """No verification, old versions and weak ciphers allowed, SNI = host: shows what there is."""
    MODERN = "modern"
    """As a modern program: the system's authorities, TLS 1.2 and newer."""
    STRICT = "strict"
    """The same, with X509_STRICT (Python from 3.13, some companies)."""
    NO_NAME = "no name"
    """Without SNI."""
    DOMAIN = "domain"
    """SNI = the mail domain."""
    TLS12 = "TLS 1.2"
    TLS13 = "TLS 1.3"
    OLD = "old"
    """TLS 1.0 and 1.1 only."""
    RSA = "RSA"
    """Signatures by RSA only, TLS 1.2."""
    ECDSA = "ECDSA"
    ALPN = "ALPN"
    """Offers the protocol's registered name."""
    FOREIGN_ALPN = "foreign ALPN"
    """Offers another protocol's name only."""


@dataclass(frozen=True, slots=True)
class HandshakeSeen:
    """One handshake, whatever became of it.

    ``reason`` is empty where it was done, else the TLS library's words.  ``received_alert`` is
    the peer's alert number.  ``first_octets`` is what the peer sent first instead of TLS.
    ``chain`` is DER as sent, leaf first; ``faults`` against this system's authorities, all of
    them, where the handshake verified.  ``client_certificate_demanded`` is found by the first
    read under TLS 1.3.
    """

    way: Way
    server_name: str | None
    done: bool
    reason: str = ""
    received_alert: int | None = None
    first_octets: bytes = b""
    version: str = ""
    suite: str = ""
    group: str | None = None
    alpn: str | None = None
    chain: tuple[bytes, ...] = ()
    faults: tuple[ChainFault, ...] = ()
    client_certificate_demanded: bool = False
    silent: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PortSeen:
    """Everything seen of one port at one address.

    ``greeting`` are the server's first octets: in clear, or under TLS where it begins at once
    (there too what came in clear instead of TLS); ``spoken`` is what they are.  ``offers_clear``
    and ``offers_tls`` are capability words, upper case (``AUTH=PLAIN``, ``LOGINDISABLED``), before
    and under TLS; None where they were not learnt.  ``upgrade_reply`` is the answer to STARTTLS,
    empty where it was not asked.  ``obeys_injected``: a command sent in the same segment as
    STARTTLS was answered under TLS; None where it was not tried.
    """

    endpoint: Endpoint
    address: str
    reach: Reach
    detail: str = ""
    greeting: bytes = b""
    spoken: Spoken = Spoken.NOTHING
    offers_clear: tuple[str, ...] | None = None
    offers_tls: tuple[str, ...] | None = None
    upgrade_reply: str = ""
    obeys_injected: bool | None = None
    handshakes: tuple[HandshakeSeen, ...] = ()
    seconds: float = 0.0

    def handshake(self, way: Way) -> HandshakeSeen | None:
        return next((one for one in self.handshakes if one.way is way), None)

    @property
    def protocol(self) -> MailProtocol:
        return self.endpoint.protocol

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The chain as sent to a program that gives the name, DER, leaf first."""
        for one in self.handshakes:
            if one.done and one.chain and one.server_name:
                return one.chain
        return next((one.chain for one in self.handshakes if one.chain), ())


@dataclass(frozen=True, slots=True)
class HostSeen:
    """A host with all addresses the DNS has for it; ``problem`` is why there is none."""

    host: str
    addresses: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    problem: str = ""
    exists: bool = True
    ports: tuple[PortSeen, ...] = ()

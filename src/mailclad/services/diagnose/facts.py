"""What was seen of a mail server: values, gathered by probes and judged by rules.

Comes in: what an untrusted server said, cut to named limits by whoever probes.  Nothing here is
a judgement: "expired" is for the rules to say.  A probe never sends a password.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from mailclad.base.resolver import Caa, Mx, Tlsa
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.mail.mta_sts import StsPolicy
from mailclad.mail.tls_verdict import ChainFault

T_co = TypeVar("T_co", covariant=True)

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
    """A host with all addresses the DNS has for it; ``problem`` is why there is none.

    ``unanswered``: the DNS did not answer, so that nothing is known of the name.
    """

    host: str
    addresses: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    problem: str = ""
    exists: bool = True
    unanswered: bool = False
    ports: tuple[PortSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked(Generic[T_co]):
    """What the DNS says, or in ``problem`` why nothing is known; then ``bogus`` may be set.

    ``name`` is where the records stand (for CAA and DMARC: perhaps a parent of what was asked).
    ``secure``: validated by DNSSEC, also where there are no records.
    """

    name: str
    records: tuple[T_co, ...] = ()
    secure: bool = False
    exists: bool = True
    ttl: int = 0
    problem: str = ""
    bogus: bool = False


@dataclass(frozen=True, slots=True)
class ReverseSeen:
    """The names of an address; ``confirmed`` are those that lead back to it (RFC 8601 iprev)."""

    address: str
    names: Asked[str]
    confirmed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExchangeSeen:
    """A host that takes a domain's mail.  ``alias``: its CNAME's target (RFC 2181 §10.3).

    ``tlsa`` stands at ``_25._tcp.host``; it is empty, unasked, where no address is secure
    (RFC 7672 §2.2.2), and then ``tlsa_insecure`` is what stands there nevertheless.
    """

    host: str
    preference: int
    addresses4: Asked[str]
    addresses6: Asked[str]
    alias: str = ""
    tlsa: Asked[Tlsa] = Asked("")
    tlsa_insecure: tuple[Tlsa, ...] = ()
    reverse: tuple[ReverseSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicySeen:
    """What a mail domain says of itself in the DNS and behind it.

    ``mx`` empty and ``exchanges`` not: the domain's own address takes mail (RFC 5321 §5.1).
    ``spf``, ``tls_rpt``, ``sts`` and ``dkim`` hold only records of their kind; of ``dkim`` only
    the selectors that were found, by name, of a list of common ones.  ``sts_policy`` is None
    where ``sts_problem`` says why, or nothing is announced.  ``caa`` is the nearest set for each
    host, by host.  ``twice``: records found at ``NAME.DOMAIN.DOMAIN`` only.  ``set_up`` is what is
    known of the names that programs ask for settings, by host, True where it is there.
    ``proofs``: whether the name server that was asked hands on DNSSEC's proofs at all.
    """

    domain: str
    zone: str
    mx: Asked[Mx]
    exchanges: tuple[ExchangeSeen, ...] = ()
    sts: Asked[bytes] = Asked("")
    sts_policy: StsPolicy | None = None
    sts_problem: str = ""
    tls_rpt: Asked[bytes] = Asked("")
    caa: Mapping[str, Asked[Caa]] = field(default_factory=dict)
    spf: Asked[bytes] = Asked("")
    dmarc: Asked[bytes] = Asked("")
    dkim: Mapping[str, Asked[bytes]] = field(default_factory=dict)
    twice: tuple[str, ...] = ()
    set_up: Mapping[str, bool] = field(default_factory=dict)
    proofs: bool = True

    @property
    def dnssec(self) -> bool | None:
        """Whether the domain is signed; None where that could not be found out."""
        return None if self.mx.problem or not self.proofs else self.mx.secure

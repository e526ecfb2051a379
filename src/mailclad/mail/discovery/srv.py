"""SRV records of mail (RFC 6186, RFC 8314 §5.1, RFC 5804 §1.8): records → endpoints.

Comes in: answers of the DNS, not validated.  Goes out: endpoints, those to be tried first in
front (RFC 2782; weights are for sharing load, here the heavier comes first).  A target of "." says
that the service is not offered.
Limit: endpoints of one service.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mailclad.base.resolver import Srv
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.settings import SettingsProblem, read_host
from mailclad.mail.endpoint import Endpoint, MailProtocol

MAX_TARGETS = 4
"""Of one service; more are for sharing load, and alike."""


@dataclass(frozen=True, slots=True)
class SrvService:
    label: str
    protocol: MailProtocol
    tls: TlsMode

    def name(self, domain: str) -> str:
        return f"{self.label}._tcp.{domain}"


SERVICES: tuple[SrvService, ...] = (
    SrvService("_imaps", MailProtocol.IMAP, TlsMode.IMPLICIT),
    SrvService("_imap", MailProtocol.IMAP, TlsMode.STARTTLS),
    SrvService("_pop3s", MailProtocol.POP3, TlsMode.IMPLICIT),
    SrvService("_pop3", MailProtocol.POP3, TlsMode.STARTTLS),
    SrvService("_submissions", MailProtocol.SUBMISSION, TlsMode.IMPLICIT),
    SrvService("_submission", MailProtocol.SUBMISSION, TlsMode.STARTTLS),
    SrvService("_sieve", MailProtocol.SIEVE, TlsMode.STARTTLS),
)


def read_srv(service: SrvService, records: Iterable[Srv]) -> tuple[Endpoint, ...]:
    """Empty where there are none, or the service is not offered; targets that are no names are
    left out."""
    ordered = sorted(records, key=lambda one: (one.priority, -one.weight))
    found = []
    for record in ordered:
        try:
            host = read_host(record.target)
        except SettingsProblem:
            continue
        if record.port:
            found.append(Endpoint(service.protocol, host, record.port, service.tls))
    return tuple(dict.fromkeys(found))[:MAX_TARGETS]


def is_refused(records: Iterable[Srv]) -> bool:
    """Whether the domain says that it does not offer the service."""
    targets = [record.target for record in records]
    return bool(targets) and not any(targets)

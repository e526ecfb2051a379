"""Where a mail program connects: the one list that set-up pages write and checks read.

RFC 8314 §3 (implicit TLS), RFC 6186.  Plain values: discovery yields them, client settings are
made of them, probing goes through them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailclad.base.tls_policy import TlsMode


class MailProtocol(StrEnum):
    """What is spoken at an endpoint."""

    SMTP = "smtp"
    """Between servers, port 25."""
    SUBMISSION = "submission"
    IMAP = "imap"
    POP3 = "pop3"
    SIEVE = "sieve"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``host``: lower-case A-labels, or an IP address; ``mechanisms``: SASL names."""

    protocol: MailProtocol
    host: str
    port: int
    tls: TlsMode
    mechanisms: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """``imaps://mail.example.net:993``"""
        scheme = _SCHEME_OF[self.protocol, self.tls]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


STANDARD: tuple[tuple[MailProtocol, int, TlsMode], ...] = (
    (MailProtocol.SMTP, 25, TlsMode.STARTTLS),
    (MailProtocol.SUBMISSION, 465, TlsMode.IMPLICIT),
    (MailProtocol.SUBMISSION, 587, TlsMode.STARTTLS),
    (MailProtocol.IMAP, 993, TlsMode.IMPLICIT),
    (MailProtocol.IMAP, 143, TlsMode.STARTTLS),
    (MailProtocol.POP3, 995, TlsMode.IMPLICIT),
    (MailProtocol.POP3, 110, TlsMode.STARTTLS),
    (MailProtocol.SIEVE, 4190, TlsMode.STARTTLS),
    (MailProtocol.HTTPS, 443, TlsMode.IMPLICIT),
)
"""IANA's ports of mail and how each comes to TLS."""

SCHEMES: Mapping[str, tuple[MailProtocol, TlsMode]] = {
    "smtp": (MailProtocol.SMTP, TlsMode.STARTTLS),
    "submissions": (MailProtocol.SUBMISSION, TlsMode.IMPLICIT),
    "submission": (MailProtocol.SUBMISSION, TlsMode.STARTTLS),
    "imaps": (MailProtocol.IMAP, TlsMode.IMPLICIT),
    "imap": (MailProtocol.IMAP, TlsMode.STARTTLS),
    "pop3s": (MailProtocol.POP3, TlsMode.IMPLICIT),
    "pop3": (MailProtocol.POP3, TlsMode.STARTTLS),
    "sieve": (MailProtocol.SIEVE, TlsMode.STARTTLS),
    "https": (MailProtocol.HTTPS, TlsMode.IMPLICIT),
}
"""How a URL begins; IANA's names of the services (RFC 8314 §7, RFC 5804 §1.8)."""

_SCHEME_OF = {service: scheme for scheme, service in SCHEMES.items()}

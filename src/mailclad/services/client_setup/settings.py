"""What a mail program needs to know to read and send an address's mail: the one list.

RFC 8314 §3 (encrypted from the first octet is preferred).  Every form of settings is written from
these values and, in tests, read back to the same endpoints.  Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol

INCOMING = (MailProtocol.IMAP, MailProtocol.POP3)
"""The better one first."""

APP_PASSWORD = "the app password"  # noqa: S105 - words in its place
THEIR_PASSWORD = "yours there, or an app password if that provider wants one"  # noqa: S105 - likewise


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """``endpoints`` are those for programs, the best first; ``address`` is also the login name.

    ``address`` is "" where it is not known yet, on pages for everybody; ``name`` is the person's,
    "" unknown; ``trust_file`` is a PEM file of the authority that signs, "" where the system
    knows it; ``password`` says in words which one to type.  ``help_page`` is the set-up page's
    URL, "" for none; ``authority`` a private one's certificate (DER), which devices must trust.
    """

    address: str
    domain: str
    endpoints: tuple[Endpoint, ...]
    name: str = ""
    trust_file: str = ""
    password: str = APP_PASSWORD
    help_page: str = ""
    authority: bytes = b""

    def of(self, *protocols: MailProtocol) -> Iterator[Endpoint]:
        """The best first; of plain connections none."""
        for protocol in protocols:
            for endpoint in self.endpoints:
                if endpoint.protocol is protocol and endpoint.tls is not TlsMode.NONE:
                    yield endpoint

    def preferring(self, tls: TlsMode) -> "ClientSettings":
        """Of each protocol only the endpoints of this way, where it has one."""
        having = {one.protocol for one in self.endpoints if one.tls is tls}
        kept = [one for one in self.endpoints if one.tls is tls or one.protocol not in having]
        return replace(self, endpoints=tuple(kept))

    def best(self, *protocols: MailProtocol, tls: TlsMode | None = None) -> Endpoint | None:
        """Of the first protocol that has one: encrypted from the first octet, else STARTTLS.

        With ``tls`` only that way.
        """
        for protocol in protocols:
            found = [one for one in self.of(protocol) if tls in {None, one.tls}]
            if found:
                return min(found, key=lambda one: one.tls is not TlsMode.IMPLICIT)
        return None

"""Which of the endpoints a file is written for: encrypted from the first octet where there is one.

RFC 8314 §3.  Raises NotPossible where there is none; the text is for the person.
"""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.settings import INCOMING, ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible


def outgoing(settings: ClientSettings, tls: TlsMode | None = None) -> Endpoint:
    """Where the program sends; with ``tls`` only that way."""
    found = settings.best(MailProtocol.SUBMISSION, tls=tls)
    if found is None:
        how = f" by {tls} TLS" if tls else ""
        raise NotPossible(f"{settings.domain} has no encrypted way{how} to send mail")
    return found


def incoming(
    settings: ClientSettings, *protocols: MailProtocol, tls: TlsMode | None = None
) -> Endpoint:
    """Where the program reads; of the protocols that it knows, and with ``tls`` only that way."""
    found = settings.best(*(protocols or INCOMING), tls=tls)
    if found is None:
        names = " or ".join(one.upper() for one in protocols or INCOMING)
        how = f" by {tls} TLS" if tls else ""
        raise NotPossible(f"{settings.domain} has no encrypted way{how} to read mail by {names}")
    return found


def address_of(settings: ClientSettings) -> str:
    """The person's, or one that shows where theirs belongs."""
    return settings.address or f"you@{settings.domain}"

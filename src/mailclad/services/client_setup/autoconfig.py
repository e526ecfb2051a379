"""Autoconfig XML as it is written: what Thunderbird and most others read.

draft-ietf-mailmaint-autoconfig, version 1.1.  Comes in: the one list of endpoints.  Goes out: the
document, the same octets for everybody: user names are placeholders, so nothing of who asks is in
it.  The better server of a kind comes first.  Sign-in is told as ``password-cleartext``, which
here means a password under TLS; programs find SCRAM in what the server offers.
"""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.settings import INCOMING, ClientSettings
from mailclad.services.client_setup.xml_text import document

MEDIA_TYPE = "text/xml"

_KINDS: Mapping[MailProtocol, tuple[str, str]] = {
    MailProtocol.IMAP: ("incomingServer", "imap"),
    MailProtocol.POP3: ("incomingServer", "pop3"),
    MailProtocol.SUBMISSION: ("outgoingServer", "smtp"),
}
_SOCKET_TYPES: Mapping[TlsMode, str] = {TlsMode.IMPLICIT: "SSL", TlsMode.STARTTLS: "STARTTLS"}
_NAME_CHARACTERS = 60
_SHORT_NAME_CHARACTERS = 20


def write_autoconfig(settings: ClientSettings) -> bytes:
    root = Element("clientConfig", version="1.1")
    provider = SubElement(root, "emailProvider", id=settings.domain)
    SubElement(provider, "domain").text = settings.domain
    SubElement(provider, "displayName").text = settings.domain[:_NAME_CHARACTERS]
    SubElement(provider, "displayShortName").text = settings.domain[:_SHORT_NAME_CHARACTERS]
    for endpoint in _ordered(settings):
        _server(provider, endpoint)
    if settings.help_page:
        documentation = SubElement(provider, "documentation", url=settings.help_page)
        SubElement(documentation, "descr", lang="en").text = "How to set up any mail program"
    return document(root)


def _ordered(settings: ClientSettings) -> Iterator[Endpoint]:
    """Programs take the first of a kind that they can."""
    for protocol in (*INCOMING, MailProtocol.SUBMISSION):
        yield from sorted(settings.of(protocol), key=lambda one: one.tls is not TlsMode.IMPLICIT)


def _server(provider: Element, endpoint: Endpoint) -> None:
    tag, kind = _KINDS[endpoint.protocol]
    server = SubElement(provider, tag, type=kind)
    SubElement(server, "hostname").text = endpoint.host
    SubElement(server, "port").text = str(endpoint.port)
    SubElement(server, "socketType").text = _SOCKET_TYPES[endpoint.tls]
    SubElement(server, "authentication").text = "password-cleartext"
    SubElement(server, "username").text = "%EMAILADDRESS%"

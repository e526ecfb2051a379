"""Microsoft's Autodiscover, the first version (POX) and the JSON that leads to it.

MS-OXDSCLI §2.2.3 (POX).  Comes in: a request document of anybody's.  Goes out: endpoints that are
encrypted from the first octet and nothing else: in the format ``SSL`` means that and ``TLS`` means
STARTTLS, several programs go by the port instead, and with these all come to the same.
Limits: those of ``mail.discovery.xml_tree``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

import msgspec

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.settings import SettingsProblem
from mailclad.mail.discovery.xml_tree import read_tree
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.xml_text import document

MEDIA_TYPE = "application/xml"
JSON_TYPE = "application/json"

_SPACE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
"""The one schema that is answered; others are for servers of Exchange and telephones' sync."""

_TYPES: Mapping[MailProtocol, str] = {
    MailProtocol.IMAP: "IMAP",
    MailProtocol.POP3: "POP3",
    MailProtocol.SUBMISSION: "SMTP",
}
_ADDRESS_CHARACTERS = 320


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom the settings are for, in a stranger's words, and the answer that the program reads."""

    address: str
    schema: str


def read_request(octets: bytes) -> Asked:
    """Raises SettingsProblem."""
    root = read_tree(octets)
    texts = next(root.named("Request"), root).texts()
    address = texts.get("EMailAddress", "")
    if root.name != "Autodiscover" or not address:
        raise SettingsProblem("it is not a request for settings that names an address")
    if len(address) > _ADDRESS_CHARACTERS:
        raise SettingsProblem("the address is too long")
    return Asked(address, texts.get("AcceptableResponseSchema", OUTLOOK))


def write_autodiscover(settings: ClientSettings) -> bytes:
    root = Element("Autodiscover", xmlns=_SPACE)
    response = SubElement(root, "Response", xmlns=OUTLOOK)
    if settings.name:
        user = SubElement(response, "User")
        SubElement(user, "DisplayName").text = settings.name
    account = SubElement(response, "Account")
    SubElement(account, "AccountType").text = "email"
    SubElement(account, "Action").text = "settings"
    for protocol in _TYPES:
        endpoint = settings.best(protocol, tls=TlsMode.IMPLICIT)
        if endpoint is not None:
            _protocol(account, endpoint, settings.address)
    return document(root)


def _protocol(account: Element, endpoint: Endpoint, address: str) -> None:
    values = {
        "Type": _TYPES[endpoint.protocol],
        "Server": endpoint.host,
        "Port": str(endpoint.port),
        "DomainRequired": "off",
        "LoginName": address,
        "SPA": "off",
        "SSL": "on",
        "Encryption": "SSL",
        "AuthRequired": "on",
    }
    if endpoint.protocol is MailProtocol.SUBMISSION:
        values |= {"UsePOPAuth": "off", "SMTPLast": "off"}
    protocol = SubElement(account, "Protocol")
    for name, value in values.items():
        if value:
            SubElement(protocol, name).text = value


def write_refusal(code: int, words: str, time: str) -> bytes:
    """What a program understands instead of settings; 600: bad request, 601: unknown schema.

    ``time`` is the time of day as the format has it: ``17:31:05.0000000``.
    """
    root = Element("Autodiscover", xmlns=_SPACE)
    response = SubElement(root, "Response")
    error = SubElement(response, "Error", Time=time, Id="0")
    SubElement(error, "ErrorCode").text = str(code)
    SubElement(error, "Message").text = words
    SubElement(error, "DebugData")
    return document(root)


def write_json(protocol: str, xml_url: str) -> tuple[int, bytes]:
    """Status and body: where the first version is, or that nothing else is to be had."""
    if protocol.lower() == "autodiscoverv1":
        return 200, msgspec.json.encode({"Protocol": "AutodiscoverV1", "Url": xml_url})
    words = "The only protocol here is AutodiscoverV1."
    return 400, msgspec.json.encode({"ErrorCode": "InvalidProtocol", "ErrorMessage": words})

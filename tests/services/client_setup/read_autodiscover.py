"""Autodiscover's answer as programs read it (MS-OXDSCLI §2.2.3): documents → endpoints.

``Encryption`` counts before ``SSL``: ``SSL`` is encrypted from the first octet, ``TLS`` is
STARTTLS, without it ``SSL`` is on unless it says off.
Limits: those of ``mail.discovery.xml_tree``, endpoints.
"""

from collections.abc import Mapping

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.settings import (
    MAX_ENDPOINTS,
    SettingsProblem,
    read_host,
    read_port,
)
from mailclad.mail.discovery.xml_tree import read_tree
from mailclad.mail.endpoint import Endpoint, MailProtocol

_PROTOCOLS: Mapping[str, MailProtocol] = {
    "IMAP": MailProtocol.IMAP,
    "POP3": MailProtocol.POP3,
    "SMTP": MailProtocol.SUBMISSION,
}
_MODES: Mapping[str, TlsMode] = {
    "ssl": TlsMode.IMPLICIT,
    "tls": TlsMode.STARTTLS,
    "none": TlsMode.NONE,
}


def parse_autodiscover(octets: bytes) -> tuple[Endpoint, ...]:
    """Raises SettingsProblem; servers that cannot be used as they stand are left out."""
    root = read_tree(octets)
    if root.name != "Autodiscover":
        raise SettingsProblem("it is some other XML, not settings for mail programs")
    found: list[Endpoint] = []
    for element in root.named("Protocol"):
        endpoint = _endpoint(element.texts())
        if endpoint is not None and len(found) < MAX_ENDPOINTS:
            found.append(endpoint)
    return tuple(found)


def _endpoint(texts: Mapping[str, str]) -> Endpoint | None:
    protocol = _PROTOCOLS.get(texts.get("Type", ""))
    usual = "none" if texts.get("SSL", "on").lower() == "off" else "ssl"
    mode = _MODES.get(texts.get("Encryption", usual).lower())
    if protocol is None or mode is None:
        return None
    try:
        return Endpoint(
            protocol, read_host(texts.get("Server", "")), read_port(texts.get("Port", "")), mode
        )
    except SettingsProblem:
        return None

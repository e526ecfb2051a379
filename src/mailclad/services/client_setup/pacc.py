"""PACC as it is published: JSON, and the TXT record that pins its octets.

draft-ietf-mailmaint-pacc.  The format knows implicit TLS on the standard port only: what is
elsewhere is left out.  The octets are the same as long as the settings are, since their digest
stands in the DNS.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from mailclad.mail.endpoint import STANDARD, MailProtocol
from mailclad.services.client_setup.settings import ClientSettings

MEDIA_TYPE = "application/json"

_NAMES: Mapping[MailProtocol, str] = {
    MailProtocol.IMAP: "imap",
    MailProtocol.POP3: "pop3",
    MailProtocol.SUBMISSION: "smtp",
}


def write_pacc(settings: ClientSettings) -> bytes:
    hosts = {
        _NAMES[endpoint.protocol]: {"host": endpoint.host}
        for endpoint in reversed(list(settings.of(*_NAMES)))
        if (endpoint.protocol, endpoint.port, endpoint.tls) in STANDARD_IMPLICIT
    }
    body: dict[str, Any] = {
        "protocols": dict(sorted(hosts.items())),
        "authentication": {"password": True},
        "info": {"provider": {"name": settings.domain}},
    }
    if settings.help_page:
        body["info"]["help"] = {"documentation": settings.help_page}
    return msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n"


def pacc_record(octets: bytes) -> str:
    """The text of ``_ua-auto-config.DOMAIN``."""
    digest = base64.b64encode(hashlib.sha256(octets).digest()).decode()
    return f"v=UAAC1; a=sha256; d={digest}"


STANDARD_IMPLICIT = frozenset(
    (protocol, port, tls) for protocol, port, tls in STANDARD if tls == "implicit"
)
"""What the format implies where it names a host."""

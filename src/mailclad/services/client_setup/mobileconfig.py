"""Apple's configuration profile for mail on iPhone, iPad and Mac.

Apple's "Profile-Specific Payload Keys", com.apple.mail.managed.  The format has no word for
STARTTLS, and its default is no TLS at all: every key that matters is written, and only endpoints
that are encrypted from the first octet are.  macOS has built the address from the login name:
they are the same here.  The UUIDs of a server and address never change, so that a new profile
replaces the old one.  A profile for one device may carry that device's app password.
"""

import plistlib
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.settings import INCOMING, ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible

MEDIA_TYPE = "application/x-apple-aspen-config"

_ACCOUNT_TYPES: Mapping[MailProtocol, str] = {
    MailProtocol.IMAP: "EmailTypeIMAP",
    MailProtocol.POP3: "EmailTypePOP",
}


def write_mobileconfig(settings: ClientSettings, app_password: Secret | None = None) -> bytes:
    """Raises NotPossible where a server is missing."""
    content = [_mail(settings, app_password)]
    if settings.authority:
        content.append(_authority(settings))
    return plistlib.dumps(
        _payload(settings, "Configuration", "")
        | {
            "PayloadDisplayName": f"Mail of {settings.domain}",
            "PayloadDescription": f"Sets up {settings.address}, encrypted.",
            "PayloadOrganization": settings.domain,
            "PayloadContent": content,
        }
    )


def _mail(settings: ClientSettings, app_password: Secret | None) -> dict[str, Any]:
    incoming = settings.best(*INCOMING, tls=TlsMode.IMPLICIT)
    outgoing = settings.best(MailProtocol.SUBMISSION, tls=TlsMode.IMPLICIT)
    if incoming is None or outgoing is None:
        raise NotPossible(
            "Apple's profiles need servers for reading and for sending that are encrypted from "
            "the first byte (ports 993 and 465). Set Mail up by hand instead."
        )
    written = {
        "PayloadDisplayName": settings.address,
        "EmailAccountDescription": settings.address,
        "EmailAccountName": settings.name or settings.address,
        "EmailAccountType": _ACCOUNT_TYPES[incoming.protocol],
        "EmailAddress": settings.address,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": incoming.host,
        "IncomingMailServerPortNumber": incoming.port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": settings.address,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": outgoing.host,
        "OutgoingMailServerPortNumber": outgoing.port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerUsername": settings.address,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    if app_password is not None:
        written["IncomingPassword"] = app_password.reveal().decode()
    return _payload(settings, "com.apple.mail.managed", "mail") | written


def _authority(settings: ClientSettings) -> dict[str, Any]:
    return _payload(settings, "com.apple.security.root", "authority") | {
        "PayloadDisplayName": f"The authority of {settings.domain}’s mail server",
        "PayloadContent": settings.authority,
    }


def _payload(settings: ClientSettings, kind: str, part: str) -> dict[str, Any]:
    """What every payload has; the identifier says which one is replaced."""
    host = next((one.host for one in settings.endpoints), settings.domain)
    labels = ".".join(reversed(host.split(".")))
    identifier = ".".join(filter(None, (labels, "mail", settings.address, part)))
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid5(NAMESPACE_DNS, identifier)).upper(),
    }

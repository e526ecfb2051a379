"""Accounts for Thunderbird on Android and K-9 Mail, as the text of a QR code.

Thunderbird's "Export for Mobile", version 1 of February 2025: a JSON array.  Addresses and hosts
are ASCII; with a password it is a secret: whoever shows it sees to that.
"""

from collections.abc import Mapping

import msgspec

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.settings import INCOMING, ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible

_VERSION = 1
_KINDS: Mapping[MailProtocol, int] = {
    MailProtocol.IMAP: 0,
    MailProtocol.POP3: 1,
    MailProtocol.SUBMISSION: 0,
}
_SECURITY: Mapping[TlsMode, int] = {TlsMode.STARTTLS: 2, TlsMode.IMPLICIT: 3}
_PASSWORD = 1  # authentication by it, under TLS


def write_qr_thunderbird(settings: ClientSettings, app_password: Secret | None = None) -> bytes:
    """Raises NotPossible where a server is missing or the address is not ASCII."""
    incoming = settings.best(*INCOMING)
    outgoing = settings.best(MailProtocol.SUBMISSION)
    if incoming is None or outgoing is None:
        raise NotPossible("The QR code needs a server for reading and one for sending.")
    if not settings.address.isascii():
        raise NotPossible(
            "The QR code is for addresses in plain Latin letters only. Type the address into the "
            "program: it finds the settings by itself."
        )
    password = [app_password.reveal().decode()] if app_password is not None else []
    account = [*_server(incoming, settings.address), settings.domain, *password]
    sending = [*_server(outgoing, settings.address), *password]
    identity = [settings.address, settings.name or settings.address]
    return msgspec.json.encode([_VERSION, [1, 1], account, [[sending, identity]]])


def _server(endpoint: Endpoint, address: str) -> list[object]:
    kind, security = _KINDS[endpoint.protocol], _SECURITY[endpoint.tls]
    return [kind, endpoint.host, endpoint.port, security, _PASSWORD, address]

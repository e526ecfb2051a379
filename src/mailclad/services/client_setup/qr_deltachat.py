"""Accounts for Delta Chat, as a ``dclogin:`` URL for a QR code.

Delta Chat's scheme, version 1: servers, ports, encryption and the password.  Certificates are
always checked (``ic``, ``sc``).  It is a secret: whoever shows it sees to that.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible

_STRICT = 1
_MODES: Mapping[TlsMode, str] = {TlsMode.IMPLICIT: "ssl", TlsMode.STARTTLS: "starttls"}


def write_qr_deltachat(settings: ClientSettings, app_password: Secret) -> bytes:
    """Raises NotPossible where a server is missing."""
    imap = settings.best(MailProtocol.IMAP)
    smtp = settings.best(MailProtocol.SUBMISSION)
    if imap is None or smtp is None:
        raise NotPossible("Delta Chat needs IMAP to read and SMTP to send.")
    letters = app_password.reveal().decode()
    values: dict[str, object] = {
        "p": letters,
        "v": 1,
        "ih": imap.host,
        "ip": imap.port,
        "is": _MODES[imap.tls],
        "ic": _STRICT,
        "sh": smtp.host,
        "sp": smtp.port,
        "ss": _MODES[smtp.tls],
        "sc": _STRICT,
        "spw": letters,
    }
    return f"dclogin:{quote(settings.address, safe='@')}?{urlencode(values)}".encode()

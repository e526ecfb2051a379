"""Laravel: lines of its .env; Symfony's mailer does the work."""

from mailclad.base.tls_policy import TlsMode
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_LINES = """\
# MAIL_PASSWORD is not here: set it in the environment of the server's process.
MAIL_MAILER=smtp
MAIL_HOST={host}
MAIL_PORT={port}
# Laravel 11 and newer: smtps is TLS from the first byte, smtp is STARTTLS only if offered.
MAIL_SCHEME=smtps
# Laravel 10 and older: "tls" is TLS from the first byte on port 465 and nowhere else.
MAIL_ENCRYPTION=tls
MAIL_USERNAME={address}
MAIL_FROM_ADDRESS={address}
"""

_TRUST = """\
# PHP trusts the authority of this server if its process starts with SSL_CERT_FILE set to
# {file}
"""


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """From the first octet only: Laravel cannot insist on STARTTLS."""
    endpoint = outgoing(settings, TlsMode.IMPLICIT)
    text = _LINES.format(
        host=quoting.dotenv(endpoint.host),
        port=endpoint.port,
        address=quoting.dotenv(address_of(settings)),
    )
    if settings.trust_file:
        text += _TRUST.format(file=quoting.plain(settings.trust_file))
    return (SetupFile("", text),)

"""Environment variables, by the names that most server programs use."""

from mailclad.base.tls_policy import TlsMode
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_LINES = """\
# The usual names; programs put their own before them (GITEA__mailer__…, NEXTCLOUD_…).
# The password is not here: give SMTP_PASSWORD by your system for secrets.
SMTP_HOST={host}
SMTP_PORT={port}
# Where a program asks for TLS without more words, it mostly means STARTTLS.
SMTP_SECURITY={security}
SMTP_SSL={ssl}
SMTP_STARTTLS={starttls}
SMTP_AUTH=plain
SMTP_USERNAME={address}
SMTP_USER={address}
SMTP_FROM={address}
"""

_WORDS = {TlsMode.IMPLICIT: "force_tls", TlsMode.STARTTLS: "starttls"}


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    endpoint = outgoing(settings)
    address = quoting.unquoted(address_of(settings))
    text = _LINES.format(
        host=endpoint.host,
        port=endpoint.port,
        security=_WORDS[endpoint.tls],
        ssl=str(endpoint.tls is TlsMode.IMPLICIT).lower(),
        starttls=str(endpoint.tls is TlsMode.STARTTLS).lower(),
        address=address,
    )
    return (SetupFile("", text),)

"""Django: the lines of settings.py for its SMTP backend."""

from mailclad.base.tls_policy import TlsMode
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_SETTINGS = """\
# Django 4.2 or newer: older ones do not check the server's certificate.
# The password comes from the environment variable MAIL_PASSWORD.
import os

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = {host}
EMAIL_PORT = {port}
# TLS in Django means STARTTLS, SSL means TLS from the first byte. Never both.
EMAIL_USE_SSL = {ssl}
EMAIL_USE_TLS = {tls}
EMAIL_HOST_USER = {address}
EMAIL_HOST_PASSWORD = os.environ["MAIL_PASSWORD"]
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = {address}
SERVER_EMAIL = {address}
"""

_TRUST = """\
# Django has no setting for the authority that signed the server's certificate.
# With this line the whole process trusts that authority, and no other.
os.environ["SSL_CERT_FILE"] = {file}
"""


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    endpoint = outgoing(settings)
    text = _SETTINGS.format(
        host=quoting.double_quoted(endpoint.host),
        port=endpoint.port,
        ssl=endpoint.tls is TlsMode.IMPLICIT,
        tls=endpoint.tls is TlsMode.STARTTLS,
        address=quoting.double_quoted(address_of(settings)),
    )
    if settings.trust_file:
        text += _TRUST.format(file=quoting.double_quoted(settings.trust_file))
    return (SetupFile("", text),)

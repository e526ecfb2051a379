"""Home Assistant: its SMTP notifier, in configuration.yaml."""

from mailclad.base.tls_policy import TlsMode
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_LINES = """\
# Lines for configuration.yaml. The password stands in secrets.yaml as mail_password.
notify:
  - name: mail
    platform: smtp
    server: {host}
    port: {port}
    # "tls" means TLS from the first byte here.
    encryption: {encryption}
    verify_ssl: true
    username: {address}
    password: !secret mail_password
    sender: {address}
    recipient: {address}
"""

_TRUST = (
    "# Home Assistant trusts the authority of this server only if the environment variable\n"
    "# REQUESTS_CA_BUNDLE of its process names a file that holds the authority's certificate.\n"
)

_WORDS = {TlsMode.IMPLICIT: "tls", TlsMode.STARTTLS: "starttls"}


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    endpoint = outgoing(settings)
    text = _LINES.format(
        host=quoting.double_quoted(endpoint.host),
        port=endpoint.port,
        encryption=_WORDS[endpoint.tls],
        address=quoting.double_quoted(address_of(settings)),
    )
    return (SetupFile("", (_TRUST if settings.trust_file else "") + text),)

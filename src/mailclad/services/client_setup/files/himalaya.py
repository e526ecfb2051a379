"""Himalaya: its TOML, as version 2 reads it (version 1 has other words)."""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming, outgoing
from mailclad.services.client_setup.files.quoting import double_quoted
from mailclad.services.client_setup.files.terminal import trusted, url
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_CONFIG = """\
# For Himalaya 2.  The command prints the password.
[accounts.{name}]
default = true
{imap}{smtp}"""

_SERVER = """
{kind}.server = {url}
{starttls}{trust}{kind}.sasl.plain.username = {address}
{kind}.sasl.plain.password.command = ["sh", "-c", {command}]
"""


def write(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    text = _CONFIG.format(
        name=double_quoted(settings.domain),
        imap=_server("imap", incoming(settings, MailProtocol.IMAP), settings, command),
        smtp=_server("smtp", outgoing(settings), settings, command),
    )
    return (SetupFile(".config/himalaya/config.toml", text),)


def _server(
    kind: str, endpoint: Endpoint, settings: ClientSettings, command: PasswordCommand
) -> str:
    trust = trusted(settings)
    return _SERVER.format(
        kind=kind,
        url=double_quoted(url(endpoint)),
        starttls=f"{kind}.starttls = true\n" if endpoint.tls is TlsMode.STARTTLS else "",
        trust=f"{kind}.tls.cert = {double_quoted(trust)}\n" if trust else "",
        address=double_quoted(address_of(settings)),
        command=double_quoted(command),
    )

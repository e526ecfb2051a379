"""Geary: its account's key file, in the form that versions since 3.32 read."""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming, outgoing
from mailclad.services.client_setup.files.quoting import key_file
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_ACCOUNT = """\
{trust}[Metadata]
version=1
status=enabled

[Account]
ordinal=1
label={address}
sender_mailboxes={mailbox};
service_provider=other
save_sent=true

[Incoming]
{incoming}credentials=custom

[Outgoing]
{outgoing}credentials=use-incoming
"""

_SERVER = """\
login={address}
remember_password=true
host={host}
port={port}
transport_security={security}
"""

_SECURITY = {TlsMode.IMPLICIT: "transport", TlsMode.STARTTLS: "start-tls"}

_TRUST = """\
# Geary trusts only the authorities that the system knows.  Make this one known to it:
# {file}
"""


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """Geary asks for the password and keeps it in the keyring."""
    address = address_of(settings)
    mailbox = key_file(_mailbox(settings.name, address)).replace(";", "\\;")
    trust = _TRUST.format(file=key_file(settings.trust_file)) if settings.trust_file else ""
    text = _ACCOUNT.format(
        trust=trust,
        address=key_file(address),
        mailbox=mailbox,
        incoming=_server(incoming(settings, MailProtocol.IMAP), address),
        outgoing=_server(outgoing(settings), address),
    )
    return (SetupFile(".config/geary/account_01/geary.ini", text),)


def _server(endpoint: Endpoint, address: str) -> str:
    return _SERVER.format(
        address=key_file(address),
        host=endpoint.host,
        port=endpoint.port,
        security=_SECURITY[endpoint.tls],
    )


def _mailbox(name: str, address: str) -> str:
    """RFC 5322 §3.4: a name with special characters stands in quotes."""
    if not name:
        return address
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'

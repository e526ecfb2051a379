"""getmail (getmail6): fetches into ~/Maildir by IMAP or POP3.  It knows no STARTTLS."""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming
from mailclad.services.client_setup.files.terminal import INTO_MAILDIR, bare, trusted
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""Of Debian and many more; getmail has no word for "those that the system knows"."""

_GETMAILRC = """\
[retriever]
type = {kind}
server = {host}
port = {port}
username = {address}
# This command prints the password.
password_command = {command}
# Without this line getmail checks no certificate.  It must be a file of this system:
# Fedora has /etc/pki/tls/certs/ca-bundle.crt, BSD and macOS /etc/ssl/cert.pem.
ca_certs = {trust}

# Into ~/Maildir, which is made at the first message.
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", {delivery})

[options]
# Only what is new; mail stays on the server too.
read_all = false
delete = false
"""

_KINDS = {
    MailProtocol.IMAP: "SimpleIMAPSSLRetriever",
    MailProtocol.POP3: "SimplePOP3SSLRetriever",
}


def write(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    endpoint = incoming(settings, tls=TlsMode.IMPLICIT)
    text = _GETMAILRC.format(
        kind=_KINDS[endpoint.protocol],
        host=endpoint.host,
        port=endpoint.port,
        address=bare(address_of(settings)),
        command=f'("sh", "-c", {command!a})',
        trust=bare(trusted(settings, "$") or SYSTEM_AUTHORITIES),
        delivery=ascii(INTO_MAILDIR),
    )
    return (SetupFile(".config/getmail/getmailrc", text),)

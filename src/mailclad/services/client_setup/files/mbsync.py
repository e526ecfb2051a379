"""mbsync (isync): a copy of all folders in ~/Maildir, kept the same on both sides."""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming
from mailclad.services.client_setup.files.quoting import plain
from mailclad.services.client_setup.files.terminal import trusted
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_MBSYNCRC = """\
IMAPAccount far
Host {host}
Port {port}
User {address}
# This command prints the password.
PassCmd {command}
# IMAPS: encrypted from the first byte.  STARTTLS: refused where the server cannot.
# mbsync 1.5 calls this line TLSType; it knows the old word too, 1.4 only the old one.
SSLType {tls}
{trust}
IMAPStore far
Account far

# Maildir++: folders are .Sent, .Drafts … in ~/Maildir, which is made at the first run.
MaildirStore near
Inbox ~/Maildir
SubFolders Maildir++

# Run: mbsync all
Channel all
Far :far:
Near :near:
Patterns *
Create Both
# What is deleted on one side is marked on the other, and removed from neither.
Expunge None
SyncState *
"""

_WORDS = {TlsMode.IMPLICIT: "IMAPS", TlsMode.STARTTLS: "STARTTLS"}


def write(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    endpoint = incoming(settings, MailProtocol.IMAP)
    trust = trusted(settings)
    text = _MBSYNCRC.format(
        host=_quoted(endpoint.host),
        port=endpoint.port,
        address=_quoted(address_of(settings)),
        command=_quoted(command),
        tls=_WORDS[endpoint.tls],
        trust=f"SystemCertificates no\nCertificateFile {_quoted(trust)}\n" if trust else "",
    )
    return (SetupFile(".mbsyncrc", text),)


def _quoted(text: str) -> str:
    escaped = plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

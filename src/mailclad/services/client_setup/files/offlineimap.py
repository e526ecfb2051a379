"""OfflineIMAP (offlineimap3): a copy of all folders in ~/Maildir, kept the same on both sides.

Its STARTTLS goes on without encryption where the server does not offer it, so it is never written.
"""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming
from mailclad.services.client_setup.files.terminal import bare, trusted
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_OFFLINEIMAPRC = """\
[general]
accounts = mail

[Account mail]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = ~/Maildir

[Repository far]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = {address}
# This command prints the password.
remotepasseval = {password}
# Encrypted from the first byte, and only with the server that its certificate names.
ssl = yes
starttls = no
sslcacertfile = {trust}
"""

_PRINTED = '__import__("subprocess").check_output({command}, shell=True, text=True).rstrip("\\n")'


def write(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    endpoint = incoming(settings, MailProtocol.IMAP, tls=TlsMode.IMPLICIT)
    text = _OFFLINEIMAPRC.format(
        host=endpoint.host,
        port=endpoint.port,
        address=_value(address_of(settings)),
        password=_value(_PRINTED.format(command=ascii(command))),
        trust=_value(trusted(settings, "$") or "OS-DEFAULT"),
    )
    return (SetupFile(".offlineimaprc", text),)


def _value(text: str) -> str:
    return bare(text).replace("%", "%%")

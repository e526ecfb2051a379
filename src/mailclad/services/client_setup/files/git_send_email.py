"""git send-email: a section of git's configuration.

It asks git's credential helpers for the password: ours runs the password command, for this server
only.
"""

from mailclad.base.tls_policy import TlsMode
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_SECTIONS = """\
# Git reads this file besides ~/.gitconfig.
[sendemail]
	smtpServer = {host}
	smtpServerPort = {port}
	# TLS in git means STARTTLS, which it then insists on; SSL means TLS from the first byte.
	smtpEncryption = {encryption}
	smtpUser = {address}
	from = {sender}
{trust}
[credential {server}]
	username = {address}
	helper =
	helper = {helper}
"""

_WORDS = {TlsMode.IMPLICIT: "ssl", TlsMode.STARTTLS: "tls"}


def write(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    endpoint = outgoing(settings)
    address = address_of(settings)
    trust = settings.trust_file
    # git adds the operation ("get") as the last word
    helper = f'!f() {{ test "$1" != get || printf \'password=%s\\n\' "$({command})"; }}; f'
    text = _SECTIONS.format(
        host=quoting.git(endpoint.host),
        port=endpoint.port,
        encryption=_WORDS[endpoint.tls],
        address=quoting.git(address),
        sender=quoting.git(f"<{address}>"),
        trust=f"\tsmtpSSLCertPath = {quoting.git(trust)}\n" if trust else "",
        server=quoting.git(f"smtp://{endpoint.host}:{endpoint.port}"),
        helper=quoting.git(helper),
    )
    return (SetupFile(".config/git/config", text),)

"""mutt and NeoMutt: one muttrc, read by IMAP, sent by SMTP."""

from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming, outgoing
from mailclad.services.client_setup.files.quoting import plain
from mailclad.services.client_setup.files.terminal import trusted, url
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible, PasswordCommand, SetupFile

_MUTTRC = """\
set from={address}
set use_from=yes
set realname={name}

# This command is run at the start and prints the password.
set my_password="`{command}`"

set imap_user={address}
set imap_pass="$my_password"
set folder={folder}
set spoolfile="+INBOX"
set record="+Sent"
set postponed="+Drafts"

set smtp_url={smtp_url}
set smtp_pass="$my_password"

# Never without encryption, and only with the server that its certificate names.
set ssl_force_tls=yes
set ssl_starttls=yes
set ssl_verify_host=yes
set ssl_verify_dates=yes
{trust}
# Else it chooses SCRAM-SHA-256-PLUS and fails: it has no channel binding to give.
set imap_authenticators="{mechanisms}"
set smtp_authenticators="{mechanisms}"
"""


def write_mutt(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    return (SetupFile(".muttrc", _muttrc(settings, command, "scram-sha-256:plain:login")),)


def write_neomutt(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    """Its versions of 2022 refuse a list that names SCRAM."""
    return (SetupFile(".config/neomutt/neomuttrc", _muttrc(settings, command, "plain:login")),)


def _muttrc(settings: ClientSettings, command: PasswordCommand, mechanisms: str) -> str:
    if "`" in command or "\\" in command:
        raise NotPossible("mutt runs no command with ` or \\ in it: put the command into a script")
    address = address_of(settings)
    receives, sends = incoming(settings, MailProtocol.IMAP), outgoing(settings)
    trust = trusted(settings)
    return _MUTTRC.format(
        address=_quoted(address),
        name=_quoted(settings.name),
        command=plain(command),
        folder=_quoted(url(receives) + "/"),
        smtp_url=_quoted(url(sends, address) + "/"),
        trust=f"set certificate_file={_quoted(trust)}\n" if trust else "",
        mechanisms=mechanisms,
    )


def _quoted(text: str) -> str:
    """In single quotes nothing has a meaning but the quote itself."""
    return "'" + plain(text).replace("'", "'\\''") + "'"

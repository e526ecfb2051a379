"""mutt and NeoMutt: one muttrc, read by IMAP (else POP3), sent by SMTP."""

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

{incoming}
set smtp_url={smtp_url}
set smtp_pass="$my_password"

# Never without encryption, and only with the server that its certificate names.
set ssl_force_tls=yes
set ssl_starttls=yes
set ssl_verify_host=yes
set ssl_verify_dates=yes
{trust}
# Without this list mutt chooses SCRAM-SHA-256-PLUS and fails: it knows only its name.
set imap_authenticators="scram-sha-256:plain:login"
set smtp_authenticators="scram-sha-256:plain:login"
"""

_INCOMING = {
    MailProtocol.IMAP: """\
set imap_user={address}
set imap_pass="$my_password"
set folder={folder}
set spoolfile="+INBOX"
set record="+Sent"
set postponed="+Drafts"
""",
    MailProtocol.POP3: """\
set pop_pass="$my_password"
set spoolfile={url}
""",
}


def write_mutt(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    return (SetupFile(".muttrc", _muttrc(settings, command)),)


def write_neomutt(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    return (SetupFile(".config/neomutt/neomuttrc", _muttrc(settings, command)),)


def _muttrc(settings: ClientSettings, command: PasswordCommand) -> str:
    if "`" in command or command.endswith("\\"):
        raise NotPossible("mutt runs no command with a ` in it or a \\ at its end: write $(…)")
    address = address_of(settings)
    receives, sends = incoming(settings), outgoing(settings)
    trust = trusted(settings)
    return _MUTTRC.format(
        address=_quoted(address),
        name=_quoted(settings.name),
        command=plain(command),
        incoming=_INCOMING[receives.protocol].format(
            address=_quoted(address),
            folder=_quoted(url(receives) + "/"),
            url=_quoted(url(receives, address) + "/"),
        ),
        smtp_url=_quoted(url(sends, address) + "/"),
        trust=f"set certificate_file={_quoted(trust)}\n" if trust else "",
    )


def _quoted(text: str) -> str:
    """In single quotes nothing has a meaning but the quote itself."""
    return "'" + plain(text).replace("'", "'\\''") + "'"

"""aerc: its accounts.conf, read by IMAP, sent by SMTP."""

from email.utils import formataddr

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming, outgoing
from mailclad.services.client_setup.files.quoting import plain
from mailclad.services.client_setup.files.terminal import trusted, url
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible, PasswordCommand, SetupFile

_ACCOUNTS = """\
# aerc reads this file only if nobody else may: chmod 600 ~/.config/aerc/accounts.conf
{trust}[{domain}]
from = {sender}
source = {source}
outgoing = {outgoing}
{starttls}# This command prints the password.
source-cred-cmd = {command}
outgoing-cred-cmd = {command}
copy-to = Sent
"""

_STARTTLS = """\
# STARTTLS, and nothing without it.  aerc 0.17 and newer do that without this line.
smtp-starttls = yes
"""

_TRUST = """\
# aerc trusts only the authorities that the system knows.  It trusts the one that signed for
# this server if it is started with SSL_CERT_FILE set to
# {file}
"""


def write(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    address = plain(address_of(settings))
    receives, sends = incoming(settings, MailProtocol.IMAP), outgoing(settings)
    trust = trusted(settings)
    text = _ACCOUNTS.format(
        trust=_TRUST.format(file=trust) if trust else "",
        domain=settings.domain,
        sender=_quoted(_mailbox(settings.name, address)),
        source=url(receives, address),
        outgoing=url(sends, address),
        starttls=_STARTTLS if sends.tls is TlsMode.STARTTLS else "",
        command=_quoted(command),
    )
    return (SetupFile(".config/aerc/accounts.conf", text),)


def _mailbox(name: str, address: str) -> str:
    """A name that is not ASCII is an encoded word (RFC 2047)."""
    return formataddr((plain(name), address)) if address.isascii() else address


def _quoted(text: str) -> str:
    """Between these quotes nothing has a meaning, but that ``%(…)s`` is looked up."""
    if "`" in text or "%(" in text:
        raise NotPossible("aerc's file cannot hold a ` or %( in a name, an address or a command")
    return f"`{plain(text)}`"

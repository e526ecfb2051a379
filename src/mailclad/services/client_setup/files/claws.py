"""Claws Mail: its accounts, and the folder tree that an account of IMAP or POP3 hangs on.

Without a folder tree Claws begins with its assistant and asks all of it again.
"""

from xml.sax.saxutils import quoteattr

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming, outgoing
from mailclad.services.client_setup.files.quoting import plain
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_FOLDER = ".claws-mail"

_ACCOUNT = """\
{trust}[Account: 1]
account_name={address}
is_default=1
name={name}
address={address}
protocol={protocol}
receive_server={receive_host}
user_id={address}
{receive}
use_smtp_auth=1
smtp_server={smtp_host}
ssl_smtp={smtp_ssl}
set_smtpport=1
smtp_port={smtp_port}
ssl_certs_auto_accept=1
"""

_RECEIVE = {
    MailProtocol.IMAP: "ssl_imap={ssl}\nset_imapport=1\nimap_port={port}",
    MailProtocol.POP3: "ssl_pop={ssl}\nset_popport=1\npop_port={port}",
}

_PROTOCOLS = {MailProtocol.POP3: 0, MailProtocol.IMAP: 3}

_SSL = {TlsMode.IMPLICIT: 1, TlsMode.STARTTLS: 2}

_TREE = """\
<?xml version="1.0" encoding="UTF-8"?>
<folderlist>
{imap}    <folder type="mh" name="Mail" path="Mail">
        <folderitem type="inbox" name="inbox" path="inbox" />
        <folderitem type="outbox" name="sent" path="sent" />
        <folderitem type="draft" name="draft" path="draft" />
        <folderitem type="queue" name="queue" path="queue" />
        <folderitem type="trash" name="trash" path="trash" />
    </folder>
</folderlist>
"""

_IMAP_TREE = """\
    <folder type="imap" name={name} account_id="1">
        <folderitem type="inbox" name="INBOX" path="INBOX" />
    </folder>
"""

_TRUST = """\
# Claws trusts the authority of this server if it is started with SSL_CERT_FILE set to
# {file}
"""


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """Claws asks for the password."""
    receives, sends = incoming(settings), outgoing(settings)
    address = plain(address_of(settings))
    trust = _TRUST.format(file=plain(settings.trust_file)) if settings.trust_file else ""
    account = _ACCOUNT.format(
        trust=trust,
        address=address,
        name=plain(settings.name),
        protocol=_PROTOCOLS[receives.protocol],
        receive_host=receives.host,
        receive=_RECEIVE[receives.protocol].format(ssl=_SSL[receives.tls], port=receives.port),
        smtp_host=sends.host,
        smtp_ssl=_SSL[sends.tls],
        smtp_port=sends.port,
    )
    imap = _IMAP_TREE.format(name=quoteattr(address))
    tree = _TREE.format(imap=imap if receives.protocol is MailProtocol.IMAP else "")
    return (
        SetupFile(f"{_FOLDER}/accountrc", account),
        SetupFile(f"{_FOLDER}/folderlist.xml", tree),
    )

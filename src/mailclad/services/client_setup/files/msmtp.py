"""msmtp, which sends, and mpop, which fetches by POP3: of one author, with the same words."""

import re

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming, outgoing
from mailclad.services.client_setup.files.quoting import plain
from mailclad.services.client_setup.files.terminal import INTO_MAILDIR, trusted
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible, PasswordCommand, SetupFile

MAX_LINE = 499
"""Octets; both programs refuse the whole file when a line is longer (``LINEBUFSIZE``)."""

_CONNECTION = """\
host {host}
port {port}
# tls_starttls off: encrypted from the first byte.  on: STARTTLS, and nothing without it.
tls on
tls_starttls {starttls}
tls_certcheck on
tls_trust_file {trust}
auth on
user {address}
# This command prints the password.
passwordeval {command}
"""

_MSMTP = """\
account default
{connection}from {address}
"""

_MPOP = """\
account default
{connection}# Mail stays on the server too.
keep on
delivery mda {delivery}
"""

_SUBSTITUTED = re.compile(r"%[UHCM]|[?*[]")
"""What msmtp replaces in the sender's address, or takes for a pattern of addresses."""


def write_msmtp(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    if _SUBSTITUTED.search(address_of(settings)):
        raise NotPossible("msmtp replaces parts of this address: use another program to send")
    connection = _connection(settings, outgoing(settings), command)
    text = _MSMTP.format(connection=connection, address=_quoted(address_of(settings)))
    return (SetupFile(".msmtprc", _checked(text)),)


def write_mpop(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    """Fetches into ~/Maildir."""
    connection = _connection(settings, incoming(settings, MailProtocol.POP3), command)
    text = _MPOP.format(connection=connection, delivery=_quoted(INTO_MAILDIR))
    return (SetupFile(".mpoprc", _checked(text)),)


def _connection(settings: ClientSettings, endpoint: Endpoint, command: PasswordCommand) -> str:
    return _CONNECTION.format(
        host=endpoint.host,
        port=endpoint.port,
        starttls="on" if endpoint.tls is TlsMode.STARTTLS else "off",
        trust=_quoted(trusted(settings) or "system"),
        address=_quoted(address_of(settings)),
        command=_quoted(command),
    )


def _quoted(text: str) -> str:
    """The first and the last quote of an argument are dropped; what is between stays as it is."""
    return f'"{plain(text)}"'


def _checked(text: str) -> str:
    if any(len(line.encode()) > MAX_LINE for line in text.splitlines()):
        raise NotPossible(f"The program reads no line longer than {MAX_LINE} bytes: shorten it")
    return text

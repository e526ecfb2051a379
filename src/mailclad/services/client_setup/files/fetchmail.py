"""fetchmail: fetches into ~/Maildir by IMAP or POP3."""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files.choice import address_of, incoming
from mailclad.services.client_setup.files.quoting import plain
from mailclad.services.client_setup.files.terminal import INTO_MAILDIR, trusted
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_FETCHMAILRC = """\
# fetchmail reads this file only if nobody else may: chmod 600 ~/.fetchmailrc
#
# It can run no command for the password: it asks when it starts, or finds it in ~/.netrc
# (chmod 600 too), in a line like
#   machine HOST login ADDRESS password PASSWORD
poll {host} service {port} protocol {protocol}{uidl}
  auth password
  user {address}
  {tls}
  sslcertck
{trust}  keep  # mail stays on the server too
  mda {delivery}
"""

_REMEMBERED = " uidl  # what was fetched once is known by its name"

_WORDS = {
    TlsMode.IMPLICIT: 'ssl sslproto "TLS1.2+"  # encrypted from the first byte',
    TlsMode.STARTTLS: 'sslproto "TLS1.2+"  # STARTTLS, and nothing without it',
}


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    endpoint = incoming(settings)
    trust = trusted(settings)
    text = _FETCHMAILRC.format(
        host=_quoted(endpoint.host),
        port=endpoint.port,
        protocol=endpoint.protocol,
        uidl=_REMEMBERED if endpoint.protocol is MailProtocol.POP3 else "",
        address=_quoted(address_of(settings)),
        tls=_WORDS[endpoint.tls],
        trust=f"  sslcertfile {_quoted(trust)}\n" if trust else "",
        delivery=_quoted(INTO_MAILDIR),
    )
    return (SetupFile(".fetchmailrc", text),)


def _quoted(text: str) -> str:
    """A quote ends the string even behind a backslash, so it is written as its number."""
    escaped = plain(text).replace("\\", "\\\\").replace('"', "\\042")
    return f'"{escaped}"'

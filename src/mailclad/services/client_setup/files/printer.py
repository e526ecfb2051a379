"""Printers, scanners, cameras and doorbells: a sheet of what to type at the device."""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_SHEET = """\
Outgoing mail (SMTP) of a printer, scanner or camera

Sign-in             on (SMTP AUTH, “SMTP authentication”)
User name           {address}
Password            an app password of its own, that may only send
Sender address      {address}

{choices}
“TLS” alone mostly means STARTTLS on such devices, “SSL” mostly TLS from the first byte.
Never choose “Auto”, “if available” or “None”. Turn the check of certificates on.
A device that does not know TLS 1.2 is too old: it cannot send here.
"""

_CHOICES = {
    TlsMode.IMPLICIT: """\
{order}
  Server            {host}
  Port              {port}
  Encryption        SSL/TLS (also called SSL, SMTPS, SMTP over SSL)
""",
    TlsMode.STARTTLS: """\
{order}
  Server            {host}
  Port              {port}
  Encryption        STARTTLS (also called TLS)
""",
}

_ORDER = ("Choose", "Where the device cannot do that")


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """The best way first, then the other: many devices know only one."""
    first = outgoing(settings)
    second = settings.best(MailProtocol.SUBMISSION, tls=TlsMode.STARTTLS)
    ways = [first] if second in {None, first} else [first, second]
    choices = [
        _CHOICES[way.tls].format(order=order, host=way.host, port=way.port)
        for way, order in zip(ways, _ORDER, strict=False)
    ]
    address = quoting.plain(address_of(settings))
    text = _SHEET.format(address=address, choices="\n".join(choices))
    return (SetupFile("", text),)

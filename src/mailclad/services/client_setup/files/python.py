"""Python: the standard library sends and reads (smtplib, imaplib)."""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_SEND = """\
# The password comes from the environment variable MAIL_PASSWORD.
import imaplib
import os
import smtplib
import ssl
from email.message import EmailMessage

ADDRESS = {address}
PASSWORD = os.environ["MAIL_PASSWORD"]
# Checks certificates. Without this context Python checks nothing.
CONTEXT = ssl.create_default_context({trust})


def send_mail(to: str, subject: str, text: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ADDRESS, to, subject
    message.set_content(text)
{smtp}
        server.login(ADDRESS, PASSWORD)
        server.send_message(message)
"""

_SMTP = {
    TlsMode.IMPLICIT: "    with smtplib.SMTP_SSL({host}, {port}, context=CONTEXT) as server:",
    TlsMode.STARTTLS: """\
    with smtplib.SMTP({host}, {port}) as server:
        server.starttls(context=CONTEXT)  # raises where the server cannot""",
}

_READ = """

def newest_subjects(count: int = 10) -> list[str]:
{imap}
        server.login(ADDRESS, PASSWORD)
        _, (total,) = server.select("INBOX", readonly=True)
        if total == b"0":
            return []
        newest = f"{{max(1, int(total) - count + 1)}}:*"
        _, answers = server.fetch(newest, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return [one[1].decode().strip() for one in answers if isinstance(one, tuple)]
"""

_IMAP = {
    TlsMode.IMPLICIT: "    with imaplib.IMAP4_SSL({host}, {port}, ssl_context=CONTEXT) as server:",
    TlsMode.STARTTLS: """\
    with imaplib.IMAP4({host}, {port}) as server:
        server.starttls(ssl_context=CONTEXT)  # raises where the server cannot""",
}

_MAIN = """

if __name__ == "__main__":
    send_mail(ADDRESS, "It works", "Sent by Python.\\n")
"""


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """A program that sends a message to oneself, and shows the newest where IMAP is there."""
    trust = f"cafile={quoting.double_quoted(settings.trust_file)}" if settings.trust_file else ""
    smtp = _connect(_SMTP, outgoing(settings))
    text = _SEND.format(
        address=quoting.double_quoted(address_of(settings)), trust=trust, smtp=smtp
    )
    imap = settings.best(MailProtocol.IMAP)
    if imap is None:
        return (SetupFile("", text.replace("import imaplib\n", "") + _MAIN),)
    shown = '    print(*newest_subjects(), sep="\\n")\n'
    return (SetupFile("", text + _READ.format(imap=_connect(_IMAP, imap)) + _MAIN + shown),)


def _connect(lines: dict[TlsMode, str], endpoint: Endpoint) -> str:
    return lines[endpoint.tls].format(
        host=quoting.double_quoted(endpoint.host), port=endpoint.port
    )

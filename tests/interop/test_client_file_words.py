"""Files for terminal programs: what the programs themselves say that they have read."""

import os
import subprocess
from pathlib import Path

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files import FILES
from mailclad.services.client_setup.settings import ClientSettings

IMAP = Endpoint(MailProtocol.IMAP, "imap.example.net", 143, TlsMode.STARTTLS)
IMAPS = Endpoint(MailProtocol.IMAP, "imap.example.net", 993, TlsMode.IMPLICIT)
POP3 = Endpoint(MailProtocol.POP3, "pop.example.net", 110, TlsMode.STARTTLS)
SMTP = Endpoint(MailProtocol.SUBMISSION, "smtp.example.net", 587, TlsMode.STARTTLS)

ODD = "a'; \"x`id`$HOME\\@x %T#b"
ESCAPED = ODD.replace("\\", "\\\\").replace('"', '\\"')

SAYS = {
    "fetchmail": ("fetchmail", "--configdump"),
    "getmail": ("getmail", "--dump"),
    "mpop": ("mpop", "--pretend"),
    "msmtp": ("msmtp", "--pretend"),
    "mutt": ("mutt", *(f"-Q{name}" for name in ("imap_user", "folder", "smtp_url"))),
    "neomutt": ("neomutt", *(f"-Q{name}" for name in ("imap_user", "folder", "smtp_url"))),
}

URL_USER = "a%27%3B%20%22x%60id%60%24HOME%5C%40x%20%25T%23b"
MUTT = (
    ESCAPED,
    "imap://imap.example.net:143/",
    f"smtp://{URL_USER}@smtp.example.net:587/",
)

WORDS = {
    "fetchmail": (
        '"pollname":"imap.example.net"', '"protocol":"IMAP"', '"service":"143"', "'ssl':FALSE",
        '"sslproto":"TLS1.2+"', "'sslcertck':TRUE", "'keep':TRUE", f'"remote":"{ESCAPED}"',
        '"sslcertfile":"/a \\"ca\\".pem"',
    ),
    "getmail": ('server="imap.example.net"', 'port="993"', "IMAPSSL", f'username="{ODD}"'),
    "mpop": (
        "host = pop.example.net", "port = 110", "tls = on", "tls_starttls = on",
        "tls_certcheck = on", f"user = {ODD}", 'tls_trust_file = /a "ca".pem',
    ),
    "msmtp": (
        "host = smtp.example.net", "port = 587", "tls = on", "tls_starttls = on",
        "tls_certcheck = on", f"user = {ODD}", f"from = {ODD}", 'tls_trust_file = /a "ca".pem',
    ),
    "mutt": MUTT,
    "neomutt": MUTT,
}  # fmt: skip


@pytest.mark.parametrize(
    "client", [pytest.param(one, marks=pytest.mark.interop(one)) for one in SAYS]
)
def test_the_program_read_what_was_meant(client: str, tmp_path: Path) -> None:
    trust_file = "" if client == "getmail" else '/a "ca".pem'  # getmail looks whether it is there
    endpoints = (IMAPS,) if client == "getmail" else (IMAP, POP3, SMTP)
    settings = ClientSettings(ODD, "example.net", endpoints, ODD, trust_file)
    (file,) = FILES[client](settings, "echo password")
    path = tmp_path / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text)
    path.chmod(0o600)

    done = subprocess.run(
        SAYS[client],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        timeout=30,
    )

    for words in WORDS[client]:
        assert words in done.stdout.decode()

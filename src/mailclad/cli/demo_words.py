"""How to connect to the demonstration, in the exact words of some mail programs."""

from mailclad.app.demo import Demo
from mailclad.base.tls_policy import Service, TlsMode


def how_to_connect(demo: Demo) -> str:
    """The text that is printed when every port accepts."""
    ports = {(line.service, line.tls): line.port for line in demo.config.listen}
    imaps = ports[Service.IMAP, TlsMode.IMPLICIT]
    pops = ports[Service.POP3, TlsMode.IMPLICIT]
    smtps = ports[Service.SUBMISSION, TlsMode.IMPLICIT]
    web = ports[Service.HTTPS, TlsMode.IMPLICIT]
    (ada, password), (grace, other) = demo.passwords.items()
    return f"""
  {ada}     password  {password}
  {grace}   password  {other}

  Encrypted from the first byte:  IMAP {imaps} · POP3 {pops} · SMTP {smtps} · \
web {web}
  With STARTTLS:  IMAP {ports[Service.IMAP, TlsMode.STARTTLS]} · \
POP3 {ports[Service.POP3, TlsMode.STARTTLS]} · \
SMTP {ports[Service.SUBMISSION, TlsMode.STARTTLS]} and {ports[Service.SMTP, TlsMode.STARTTLS]}
  On this computer only, without: LMTP {ports[Service.LMTP, TlsMode.NONE]}
  Leads to the encrypted web:     http {ports[Service.HTTP, TlsMode.NONE]}

  Programs must trust this certificate authority, made for this computer only:
    {demo.ca}

  Thunderbird
    Settings → Privacy & Security → Manage Certificates → Authorities → Import: the file above,
      tick "Trust this CA to identify websites"
    New account, {ada}, "Configure manually"
      incoming  IMAP  localhost  port {imaps}  connection security "SSL/TLS"  "Normal password"
      outgoing  SMTP  localhost  port {smtps}  connection security "SSL/TLS"  "Normal password"
  curl
    curl --cacert {demo.ca} --user {ada} imaps://localhost:{imaps}/INBOX?ALL
  Any other program, in its own words
    https://localhost:{web}/setup     sign in as {ada}: a password of its own for each
      device, and the page watches it come in
    mailclad clients {ada} --client mutt --config {demo.file}

  Other commands work on it too:  mailclad account list --config {demo.file}
  Ctrl-C ends it.
"""

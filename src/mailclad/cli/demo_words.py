"""How to connect to the demonstration, in the exact words of some mail programs."""

from mailclad.app.demo import Demo
from mailclad.base.tls_policy import Service, TlsMode


def how_to_connect(demo: Demo) -> str:
    """The text that is printed when every port accepts."""
    ports = {(line.service, line.tls): line.port for line in demo.config.listen}
    imaps = ports[Service.IMAP, TlsMode.IMPLICIT]
    pops = ports[Service.POP3, TlsMode.IMPLICIT]
    smtps = ports[Service.SUBMISSION, TlsMode.IMPLICIT]
    (ada, password), (grace, other) = demo.passwords.items()
    return f"""
  {ada}     password  {password}
  {grace}   password  {other}

  Encrypted from the first byte:  IMAP {imaps} · POP3 {pops} · SMTP {smtps} · \
web {ports[Service.HTTPS, TlsMode.IMPLICIT]}
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
  Apple Mail
    Server Settings: clear "Automatically manage connection settings",
      tick "Use TLS/SSL", and type the port: {imaps} (incoming), {smtps} (outgoing)
  mutt
    mutt -e 'set ssl_ca_certificates_file={demo.ca}' -e 'set imap_user={ada}' \\
      -f imaps://localhost:{imaps}/INBOX
  curl
    curl --cacert {demo.ca} --user {ada} imaps://localhost:{imaps}/INBOX?ALL
  swaks
    swaks --server localhost --port {smtps} --tls-on-connect --tls-verify \\
      --tls-ca-path {demo.ca} --auth-user {ada} --from {ada} --to {grace}
  Python
    imaplib.IMAP4_SSL("localhost", {imaps}, ssl_context=ssl.create_default_context(
      cafile="{demo.ca}"))

  Other commands work on it too:  mailclad account list --config {demo.file}
  Ctrl-C ends it.
"""

"""Writes a first configuration file, with a comment for whoever opens it next.

Comes in: what ``mailclad init`` has learnt.  Goes out: TOML text that ``parse_config`` reads.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from mailclad.app.settings.limits import CONNECTIONS, MESSAGE_OCTETS
from mailclad.app.settings.listen import DEFAULT_LISTEN


@dataclass(frozen=True, slots=True)
class FirstConfig:
    """``acme``: certificates of a public authority; else files, or without them the private CA."""

    hostname: str
    data: Path
    user: str
    certificate: Path | None = None
    key: Path | None = None
    acme: bool = False


_FILE = """\
# Mailclad. After a change: systemctl reload mailclad, or send SIGHUP; a mistake in here leaves
# the old settings at work. All settings: docs/reference/configuration.md

[server]
hostname = {hostname}  # what certificates, mail programs and other servers call this one
data = {data}  # all mail, and secret.key: back up the whole directory
{user}
# workers = 0  # processes; 0 is one for each core

{certificates}

{listen}
# Where another web server has ports 443 and 80, leave https and http out.
# Ports 143 (IMAP) and 110 (POP3) begin without encryption and are not needed: leave them closed.
# Only where an old device cannot do otherwise:
# [[listen]]
# service = "imap"
# tls = "starttls"
# port = 143

# Where you cannot connect to port 25 of others, mail leaves through your provider's server:
# [[deliver.route]]
# domain = "*"
# host = "smtp.provider.example"
# port = 465
# tls = "implicit"
# login = "you@provider.example"
# password_file = "smart-host.password"  # the password and nothing else

[dns]
# servers = ["127.0.0.1"]  # a validating one on this machine is best; else those of resolv.conf

[limits]
# message_octets = {message_octets}
# connections = {connections}  # in each worker
"""

_LISTEN = """\
[[listen]]
service = "{line.service}"
tls = "{line.tls}"
port = {line.port}
"""

_USER = "user = {user}  # root is given up for this user once the ports are open"
_NO_USER = '# user = "mailclad"  # root is given up for this user once the ports are open'

_ACME = """\
[acme]  # certificates from Let's Encrypt, whose terms of service are agreed to with this line:
# letsencrypt.org/repository. They renew by themselves; ports 80 and 443 prove our names.
# contact = ["postmaster@example.org"]"""

_OWN_CERTIFICATE = """\
[tls]
certificate = {certificate}  # with its chain; a renewed file is noticed
key = {key}"""

_PRIVATE_CA = """\
[tls]
private_ca = true  # devices must trust it: mailclad ca export
# certificate = "/path/fullchain.pem"  # instead of private_ca
# key = "/path/privkey.pem\""""


def config_text(first: FirstConfig) -> str:
    """The text of the file."""
    certificates = _ACME if first.acme else _PRIVATE_CA
    if first.certificate is not None and first.key is not None:
        certificates = _OWN_CERTIFICATE.format(
            certificate=_quoted(first.certificate), key=_quoted(first.key)
        )
    return _FILE.format(
        hostname=_quoted(first.hostname),
        data=_quoted(first.data),
        user=_USER.format(user=_quoted(first.user)) if first.user else _NO_USER,
        certificates=certificates,
        listen="\n".join(_LISTEN.format(line=line) for line in DEFAULT_LISTEN),
        message_octets=MESSAGE_OCTETS,
        connections=CONNECTIONS,
    )


def _quoted(value: str | Path) -> str:
    return json.dumps(str(value), ensure_ascii=False)  # its escapes are TOML's as well

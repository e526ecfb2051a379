"""Writes a first configuration file, with a comment for whoever opens it next.

Comes in: what ``mailclad init`` has learnt.  Goes out: TOML text that ``parse_config`` reads.
"""

from dataclasses import dataclass
from pathlib import Path

import tomlkit
from tomlkit.items import Table

from mailclad.app.settings.limits import CONNECTIONS, MESSAGE_OCTETS
from mailclad.app.settings.listen import DEFAULT_LISTEN, ListenConfig


@dataclass(frozen=True, slots=True)
class FirstConfig:
    """``certificate`` and ``key`` are None where the private CA is to be used."""

    hostname: str
    data: Path
    user: str
    certificate: Path | None
    key: Path | None


_OFF = """\
Ports 143 (IMAP) and 110 (POP3) begin without encryption and are not needed: leave them closed.
Only where an old device cannot do otherwise:
[[listen]]
service = "imap"
tls = "starttls"
port = 143
"""


def config_text(first: FirstConfig) -> str:
    """The text of the file."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Mailclad. After a change: systemctl reload mailclad, or"))
    document.add(
        tomlkit.comment("send SIGHUP; a mistake in here leaves the old settings at work.")
    )
    document.add(tomlkit.nl())
    document.add("server", _server(first))
    document.add("tls", _tls(first))
    listen = tomlkit.aot()
    for line in DEFAULT_LISTEN:
        listen.append(_listen(line))
    document.add("listen", listen)
    text = tomlkit.dumps(document)
    off = "".join(f"# {line}".rstrip() + "\n" for line in _OFF.splitlines())
    return f"{text.rstrip()}\n\n{off}\n{tomlkit.dumps(_limits())}"


def _server(first: FirstConfig) -> Table:
    table = tomlkit.table()
    table.add("hostname", first.hostname)
    table["hostname"].comment("what certificates and mail programs call this server")
    table.add("data", str(first.data))
    table["data"].comment("all mail, and secret.key: back up the whole directory")
    if first.user:
        table.add("user", first.user)
        table["user"].comment("root is given up for this user once the ports are open")
    table.add(tomlkit.comment("workers = 0  # processes; 0 is one for each core"))
    table.add(tomlkit.nl())
    return table


def _tls(first: FirstConfig) -> Table:
    table = tomlkit.table()
    if first.certificate is not None and first.key is not None:
        table.add("certificate", str(first.certificate))
        table["certificate"].comment("with its chain; a renewed file is noticed")
        table.add("key", str(first.key))
    else:
        private = tomlkit.item(True)
        private.comment("devices must trust it: mailclad ca export")
        table.add("private_ca", private)
        table.add(tomlkit.comment('certificate = "/path/fullchain.pem"  # instead of private_ca'))
        table.add(tomlkit.comment('key = "/path/privkey.pem"'))
    table.add(tomlkit.nl())
    return table


def _listen(line: ListenConfig) -> Table:
    table = tomlkit.table()
    table.add("service", str(line.service))
    table.add("tls", str(line.tls))
    assert line.port is not None
    table.add("port", line.port)
    return table


def _limits() -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    table = tomlkit.table()
    table.add(tomlkit.comment(f"message_octets = {MESSAGE_OCTETS}"))
    table.add(tomlkit.comment(f"connections = {CONNECTIONS}  # in each worker"))
    document.add("limits", table)
    return document

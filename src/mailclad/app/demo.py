"""The demonstration: the same server on loopback, with two people and sample mail.

Comes in: a directory and how to number the ports.  Goes out: a configuration file like any
other, a filled store, and what to print.  Everything it writes lies in that directory; the
passwords are in ``passwords.json`` (0600), because people lose what they saw once.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailclad.app.config import Config
from mailclad.app.demo_messages import Sample, sample_mailbox
from mailclad.app.first import ensure_account, ensure_domain
from mailclad.app.open import Opened, opened
from mailclad.app.settings.listen import ListenConfig
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.protocols.imap.prepare import prepare
from mailclad.store.model import NewMessage

DOMAIN = "demo.localhost"
PEOPLE: Mapping[str, str] = {
    f"ada@{DOMAIN}": "Ada Lovelace",
    f"grace@{DOMAIN}": "Grace Hopper",
}
LOOPBACK = ("127.0.0.1", "::1")
CERTIFICATE_NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1")

STANDARD_PORTS: Sequence[tuple[Service, TlsMode, int]] = (
    (Service.IMAP, TlsMode.IMPLICIT, 993),
    (Service.IMAP, TlsMode.STARTTLS, 143),
    (Service.POP3, TlsMode.IMPLICIT, 995),
    (Service.POP3, TlsMode.STARTTLS, 110),
    (Service.SUBMISSION, TlsMode.IMPLICIT, 465),
    (Service.SUBMISSION, TlsMode.STARTTLS, 587),
    (Service.SMTP, TlsMode.STARTTLS, 25),
    (Service.LMTP, TlsMode.NONE, 24),
    (Service.HTTPS, TlsMode.IMPLICIT, 443),
    (Service.HTTP, TlsMode.NONE, 80),
)

PORT_OFFSET = 1000
"""Where no root is needed and the standard number is still recognised; LMTP is on 1024."""

WEB_PORT, PLAIN_WEB_PORT = 8443, 8080
"""The usual ports of a web server that is not on 443 and 80 (1443 is nobody's habit)."""

_PASSWORD_WORDS = 4


@dataclass(frozen=True, slots=True)
class Demo:
    """A demonstration that is ready to be served; ``ca`` is what programs must trust."""

    directory: Path
    file: Path
    config: Config
    ca: Path
    passwords: Mapping[str, str]


def demo_ports(offset: int | None) -> dict[tuple[Service, TlsMode], int]:
    """``offset`` None: standard ports + 1000, web 8443 and 8080; else all standard ports + it."""
    ports = {
        (service, tls): port + (PORT_OFFSET if offset is None else offset)
        for service, tls, port in STANDARD_PORTS
    }
    if offset is None:
        ports[Service.HTTPS, TlsMode.IMPLICIT] = WEB_PORT
        ports[Service.HTTP, TlsMode.NONE] = PLAIN_WEB_PORT
    return ports


async def prepare_demo(directory: Path, now: int) -> None:
    """Make people and sample mail where they are missing: the second start changes nothing."""
    passwords = ensure_passwords(directory)
    async with opened(directory / "data") as things:
        await ensure_domain(things, DOMAIN)
        for address, name in PEOPLE.items():
            password = Secret(passwords[address].encode())
            await ensure_account(things, address, password, name)
            await _fill(things, address, sample_mailbox(now))


def ensure_passwords(directory: Path) -> dict[str, str]:
    """Address → password, from the file that only this user can read."""
    file = directory / "passwords.json"
    if not file.exists():
        drawn = {address: _password() for address in PEOPLE}
        fresh = file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(drawn, indent=1) + "\n", encoding="ascii")
        fresh.replace(file)
    found = json.loads(file.read_text(encoding="ascii"))
    return {address: str(found[address]) for address in PEOPLE}


def _password() -> str:
    alphabet = "abcdefghijkmnpqrstuvwxyz"
    words = ("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(_PASSWORD_WORDS))
    return "-".join(words)


def write_demo_config(directory: Path, ports: Mapping[tuple[Service, TlsMode], int]) -> Path:
    """A configuration like any other, so that every command works on the demonstration."""
    lines = [
        "# Written by mailclad demo at each start.",
        "[server]",
        'hostname = "localhost"',
        'data = "data"',
        "[tls]",
        "private_ca = true",
        f"names = {json.dumps(CERTIFICATE_NAMES)}",
        "[log]",
        'file = "mailclad.log"',
        "[deliver]",
        "enabled = false",
    ]
    for (service, tls), port in ports.items():
        lines += [
            "[[listen]]",
            f'service = "{service}"',
            f'tls = "{tls}"',
            f"port = {port}",
            f"addresses = {json.dumps(LOOPBACK)}",
        ]
    file = directory / "mailclad.toml"
    file.write_text("\n".join(lines) + "\n", encoding="ascii")
    return file


def json_line(demo: Demo, pid: int) -> str:
    """What ``--json`` prints when everything listens: one line for programs."""
    return json.dumps(
        {
            "ca": str(demo.ca),
            "endpoints": endpoints(demo.config.listen),
            "accounts": [
                {"address": address, "password": password}
                for address, password in demo.passwords.items()
            ],
            "pid": pid,
        }
    )


def endpoints(lines: Sequence[ListenConfig]) -> list[dict[str, object]]:
    return [
        {
            "service": str(line.service),
            "tls": str(line.tls),
            "host": "localhost",
            "port": line.port,
        }
        for line in lines
        if line.port is not None
    ]


async def _fill(things: Opened, address: str, samples: Sequence[Sample]) -> None:
    """Put one person's samples into their mailboxes, unless there ever was mail."""
    owner = await things.store.find_account(address)
    if (await things.store.stat(owner.id, "INBOX")).uid_next > 1:
        return
    for sample in samples:
        if sample.address != address:
            continue
        stat = await things.store.stat(owner.id, sample.mailbox)
        message = NewMessage(sample.octets, prepare(sample.octets), sample.flags, sample.date)
        await things.store.append(stat.id, [message])

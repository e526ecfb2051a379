"""Runs Mailclad as a target of the mail benchmark: its accounts and certificate, our defaults.

    python tools/bench_target.py BENCHMARK_HOME DIRECTORY      # prints one JSON line, then serves

Comes in: the benchmark's work directory (``tls/`` and ``users/users.tsv`` are read) and a
directory for the mail, on the same disk.  Everything that bears on speed is as ``mailclad
serve`` has it after installation; only limits are raised, as one address is all clients.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from mailclad.app.config import load_config
from mailclad.app.open import Opened, opened
from mailclad.app.serve import serve
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode

FIRST_PORT = 26_000
PORTS = {
    (Service.IMAP, TlsMode.IMPLICIT): 993,
    (Service.IMAP, TlsMode.STARTTLS): 143,
    (Service.POP3, TlsMode.IMPLICIT): 995,
    (Service.SUBMISSION, TlsMode.IMPLICIT): 465,
    (Service.SUBMISSION, TlsMode.STARTTLS): 587,
    (Service.SMTP, TlsMode.STARTTLS): 25,
}
CONNECTIONS = 20_000
MESSAGE_OCTETS = 64 * 1024 * 1024
AT_ONCE = 50  # accounts made at a time

APP_PASSWORDS, CHOSEN = "u", "a"  # the benchmark's groups "plain" and "argon2id"


def accounts(home: Path) -> list[tuple[str, str]]:
    """Address and password of the groups that Mailclad has credentials for."""
    rows = [line.split("\t") for line in (home / "users" / "users.tsv").read_text().splitlines()]
    return [(row[0], row[1]) for row in rows if row[0][0] in {APP_PASSWORDS, CHOSEN}]


async def provision(data: Path, people: list[tuple[str, str]]) -> None:
    async with opened(data) as things:
        await things.provision.add_domain(people[0][0].partition("@")[2])
        for first in range(0, len(people), AT_ONCE):
            await asyncio.gather(*(_add(things, *p) for p in people[first : first + AT_ONCE]))


async def _add(things: Opened, address: str, password: str) -> None:
    if address.startswith(CHOSEN):
        await things.provision.add_account(address, Secret(password.encode()))
        return
    await things.provision.add_account(address)
    await things.provision.add_app_password(address, "benchmark", secret=password)


def write_config(home: Path, directory: Path, extra: str) -> Path:
    lines = [
        "[server]",
        'hostname = "mail.bench.test"',
        f"data = {json.dumps(str(directory / 'data'))}",
        "[tls]",
        f"certificate = {json.dumps(str(home / 'tls' / 'chain.pem'))}",
        f"key = {json.dumps(str(home / 'tls' / 'server.key'))}",
        "[limits]",
        f"connections = {CONNECTIONS}",
        f"connections_per_address = {CONNECTIONS}",
        f"message_octets = {MESSAGE_OCTETS}",
        "[log]",
        f"file = {json.dumps(str(directory / 'mailclad.log'))}",
    ]
    for (service, tls), port in PORTS.items():
        lines += ["[[listen]]", f'service = "{service}"', f'tls = "{tls}"']
        lines += [f"port = {FIRST_PORT + port}", 'addresses = ["127.0.0.1"]']
    file = directory / "mailclad.toml"
    file.write_text("\n".join(lines) + f"\n{extra}")
    return file


def demo_line(home: Path, people: list[tuple[str, str]]) -> str:
    """The line that ``mailclad demo --json`` would print."""
    endpoints = [
        {"service": service, "tls": tls, "host": "localhost", "port": FIRST_PORT + port}
        for (service, tls), port in PORTS.items()
    ]
    known = [{"address": address, "password": password} for address, password in people]
    ca = str(home / "tls" / "ca.pem")
    return json.dumps({"ca": ca, "endpoints": endpoints, "accounts": known, "pid": os.getpid()})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("home", type=Path, help="the benchmark's work directory")
    arguments.add_argument("directory", type=Path, help="where the mail goes")
    arguments.add_argument("--extra", type=Path, help="more of the configuration, in TOML")
    given = arguments.parse_args()
    extra = given.extra.read_text() if given.extra else ""
    people = accounts(given.home)
    if not (given.directory / "data").exists():
        print(f"Making {len(people)} accounts: about a minute.", file=sys.stderr)
        given.directory.mkdir(parents=True, exist_ok=True)
        asyncio.run(provision(given.directory / "data", people))
    file = write_config(given.home, given.directory, extra)
    line = demo_line(given.home, people)
    serve(file, load_config(file), on_ready=lambda: print(line, flush=True))


if __name__ == "__main__":
    main()

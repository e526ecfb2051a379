"""Pebble asks our running server: on its ports, in its handshakes, and in the DNS by a program."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.app.acme_command import CommandRecords
from mailclad.app.clock import SystemClock
from mailclad.app.open import opened
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.services.certificates.acme.account import new_key
from mailclad.services.certificates.acme.challenge import Solver
from mailclad.services.certificates.acme.client import AcmeClient
from mailclad.services.certificates.acme.order import Wanted
from mailclad.services.certificates.acme.solvers.dns import DnsSolver
from mailclad.services.certificates.acme.solvers.kept import HttpSolver, TlsAlpnSolver
from tests.acme.authority import Accounts, names_of
from tests.app.served import Served
from tests.interop.pebble import Pebble

pytestmark = [pytest.mark.interop("pebble", "pebble-challtestsrv"), pytest.mark.slow]

OURS = "127.0.0.2"
"""Pebble's companion has the same ports of 127.0.0.1."""

NAMES = ("mail.example.test", "autoconfig.example.test", "example.test")

HOOK = """\
import json, sys, urllib.request
action, name, value = sys.argv[2:]
what = {"present": "set-txt", "withdraw": "clear-txt"}[action]
asked = json.dumps({"host": name + ".", "value": value}).encode()
urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/{what}", asked).read()
"""


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    with Pebble(tmp_path_factory.mktemp("pebble"), AUTHZREUSE=0) as running:
        for name in NAMES:
            running.move(name, OURS)
        yield running


@pytest.fixture(scope="module")
def served(pebble: Pebble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"))
    running.prepare()
    running.configure(
        "".join(
            f'[[listen]]\nservice = "{service}"\ntls = "{tls}"\nport = {port}\n'
            f'addresses = ["{OURS}"]\n'
            for service, tls, port in (
                ("http", "none", pebble.http_port),
                ("https", "implicit", pebble.tls_port),
            )
        )
    )
    running.start()
    yield running
    running.end()


async def obtained(pebble: Pebble, solver: Solver, names: tuple[str, ...]) -> set[str]:
    client = AcmeClient(
        pebble.configured(), pebble.https(), [solver], Accounts(), SystemClock(), hurried
    )
    issued = await client.obtain(Wanted(names, new_key()))
    assert issued.dropped == {}
    return names_of(issued.chain_pem)


async def hurried(seconds: float) -> None:
    await asyncio.sleep(seconds / 20)


@pytest.mark.rfc(8555, "8.3")
@pytest.mark.rfc(8737, "3")
@pytest.mark.rfc(8738, "4")
@pytest.mark.parametrize("kind", [HttpSolver, TlsAlpnSolver])
def test_workers_answer_what_another_process_was_asked(
    pebble: Pebble, served: Served, kind: type[HttpSolver] | type[TlsAlpnSolver]
) -> None:
    names = (*NAMES, OURS)

    async def work() -> None:
        async with opened(served.folder / "data") as things:
            solver = kind(things.store, SystemClock())
            assert await obtained(pebble, solver, names) == set(names)
            assert await things.store.past_challenges(solver.kind, 1 << 40) == ()

    asyncio.run(work())
    told = [line for line in served.log() if line["event"] == "an ACME challenge is answered"]
    asked = {line.get("token") or line["name"] for line in told if line["kind"] == kind.kind}
    assert len(asked) == len(names)


@pytest.mark.rfc(8555, "8.4")
def test_a_program_writes_a_name_and_its_wildcard(
    pebble: Pebble, served: Served, tmp_path: Path
) -> None:
    hook = tmp_path / "hook.py"
    hook.write_text(HOOK)
    names = ("example.test", "*.example.test")
    records = CommandRecords((sys.executable, str(hook), str(pebble.companion)))

    async def work() -> None:
        resolver = DnsResolver([("127.0.0.1", pebble.dns_port)], validate="never")
        async with opened(served.folder / "data") as things:
            solver = DnsSolver(records, resolver, things.store, SystemClock())
            assert await obtained(pebble, solver, names) == set(names)
            assert await things.store.past_challenges(solver.kind, 1 << 40) == ()
        await resolver.close()

    asyncio.run(work())

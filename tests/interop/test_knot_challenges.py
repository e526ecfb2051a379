"""dns-01 in a zone of another's name server: written by a signed update, seen, taken away."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailclad.app.acme_dns import ZoneUpdates, ask_server
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind, SolverProblem
from mailclad.services.certificates.acme.solvers.dns import DnsSolver, record_value
from mailclad.services.certificates.acme.solvers.look_dns import DnsLook
from tests.interop.test_knot import KEY, Knot, ask
from tests.interop.test_knot import knot as knot  # noqa: PLC0414 - a fixture
from tests.services.certificates.acme.keeping import KeptHere, SetClock

pytestmark = pytest.mark.interop("knotd")

NAME = "_acme-challenge.example.test"


@pytest.fixture
def updates(knot: Knot, tmp_path: Path) -> ZoneUpdates:
    file = tmp_path / "tsig.key"
    file.write_text(KEY)
    return ZoneUpdates(knot.server, file)


@dataclass(frozen=True)
class OfOneServer:
    """As ``ask_server``, on the port of the test."""

    port: int

    async def __call__(self, address: str, name: str) -> tuple[bytes, ...]:
        return tuple(await ask_server(address, name, self.port))


def challenge(token: str) -> Challenge:
    return Challenge(ChallengeKind.DNS, "example.test", token, f"{token}.thumb")


def test_two_challenges_of_a_name_stand_beside_each_other_and_go(
    knot: Knot, updates: ZoneUpdates
) -> None:
    async def run() -> None:
        resolver, store, clock = DnsResolver([knot.server]), KeptHere(), SetClock()
        solver = DnsSolver(updates, resolver, store, clock)
        look = DnsLook(resolver, OfOneServer(knot.server[1]), clock)
        values = sorted(f'"{record_value(f"{token}.thumb")}"' for token in ("one", "two"))
        await solver.present(challenge("one"))
        await solver.present(challenge("two"))
        assert await asyncio.to_thread(ask, knot, NAME, "TXT") == values
        assert await look(challenge("one")) == ""
        assert await look(challenge("two")) == ""
        await solver.withdraw(challenge("one"))
        assert len(await asyncio.to_thread(ask, knot, NAME, "TXT")) == 1
        await solver.withdraw(challenge("two"))
        assert await asyncio.to_thread(ask, knot, NAME, "TXT") == []
        assert store.rows == {}
        await resolver.close()

    asyncio.run(run())


def test_a_record_deeper_in_the_zone(knot: Knot, updates: ZoneUpdates) -> None:
    asyncio.run(updates.present("_acme-challenge.a.b.example.test", "value"))
    assert ask(knot, "_acme-challenge.a.b.example.test", "TXT") == ['"value"']
    asyncio.run(updates.withdraw("_acme-challenge.a.b.example.test", "value"))
    asyncio.run(updates.withdraw("_acme-challenge.a.b.example.test", "value"))


def test_what_is_wrong_is_told(knot: Knot, updates: ZoneUpdates, tmp_path: Path) -> None:
    with pytest.raises(SolverProblem, match=r"elsewhere\.test could not be changed: .*REFUSED"):
        asyncio.run(updates.present("_acme-challenge.elsewhere.test", "value"))
    updates.key.write_text(KEY.replace('"tests"', '"nobody"'))
    with pytest.raises(SolverProblem, match="does not take the key nobody"):
        asyncio.run(updates.present(NAME, "value"))
    updates.key.write_text("no key")
    with pytest.raises(SolverProblem, match="key file is not understood"):
        asyncio.run(updates.present(NAME, "value"))
    missing = ZoneUpdates(knot.server, tmp_path / "nowhere")
    with pytest.raises(SolverProblem, match="nowhere cannot be read: No such file"):
        asyncio.run(missing.present(NAME, "value"))

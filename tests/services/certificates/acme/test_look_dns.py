"""Before an authority is asked, all name servers of the zone must say what was written."""

import asyncio
from collections.abc import Sequence

import pytest

from mailclad.base.resolver import DnsProblem
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind
from mailclad.services.certificates.acme.solvers.dns import record_value
from mailclad.services.certificates.acme.solvers.look_dns import MAX_SERVERS, DnsLook
from tests.dns.fake import FakeResolver, Known
from tests.services.certificates.acme.keeping import SetClock

NAME = "_acme-challenge.a.test"
VALUE = record_value("token.thumb").encode()
CHALLENGE = Challenge(ChallengeKind.DNS, "a.test", "token", "token.thumb")
ZONE: dict[tuple[str, str], Known] = {
    ("a.test", "NS"): ["ns1.host.test", "ns2.host.test"],
    ("ns1.host.test", "A"): ["192.0.2.1"],
    ("ns1.host.test", "AAAA"): ["2001:db8::1"],
    ("ns2.host.test", "A"): ["192.0.2.2"],
}


class Servers:
    """Each knows the record from a round on; None: it never answers."""

    def __init__(self, knows_from: dict[str, int | None]) -> None:
        self.knows_from = knows_from
        self.rounds = 0
        self.clock = SetClock()

    async def ask(self, address: str, name: str) -> Sequence[bytes]:
        assert name == NAME
        known = self.knows_from[address]
        if known is None:
            raise DnsProblem("did not answer")
        return (b"of another order", VALUE) if self.rounds >= known else (b"of another order",)

    async def pause(self, seconds: float) -> None:
        self.rounds += 1
        self.clock.time += seconds

    def look(self, known: dict[tuple[str, str], Known] | None = None) -> str:
        look = DnsLook(
            FakeResolver(ZONE if known is None else known), self.ask, self.clock, 60, self.pause
        )
        return asyncio.run(look(CHALLENGE))


def test_the_slowest_is_waited_for() -> None:
    servers = Servers({"192.0.2.1": 0, "2001:db8::1": 0, "192.0.2.2": 7})
    assert servers.look() == ""
    assert servers.rounds == 7


def test_who_never_says_it_is_named() -> None:
    servers = Servers({"192.0.2.1": 0, "2001:db8::1": 0, "192.0.2.2": 1000})
    doubt = servers.look()
    assert "ns2.host.test (192.0.2.2)" in doubt
    assert "ns1" not in doubt
    assert "60 seconds" in doubt
    assert servers.rounds == 30


def test_a_server_that_cannot_be_reached_from_here_stops_nothing() -> None:
    assert Servers({"192.0.2.1": 0, "2001:db8::1": None, "192.0.2.2": 0}).look() == ""


def test_where_nobody_can_be_asked_that_is_said() -> None:
    doubt = Servers(dict.fromkeys(("192.0.2.1", "2001:db8::1", "192.0.2.2"))).look()
    assert "No name server of a.test could be asked" in doubt
    assert "ns1.host.test (2001:db8::1)" in doubt


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({("a.test", "NS"): DnsProblem("SERVFAIL")}, "could not be found: SERVFAIL"),
        ({("a.test", "NS"): ["ns.nowhere.test"]}, "none has an address"),
        ({}, "none has an address"),
    ],
)
def test_a_zone_without_servers_is_told_of(
    known: dict[tuple[str, str], Known], words: str
) -> None:
    servers = Servers({})
    assert words in servers.look(known)
    assert servers.rounds == 0


def test_no_more_servers_are_asked_than_a_delegation_has() -> None:
    count = MAX_SERVERS + 10
    known: dict[tuple[str, str], Known] = {
        (f"ns{n}.test", "A"): [f"192.0.2.{n}", f"198.51.100.{n}"] for n in range(count)
    }
    known["a.test", "NS"] = [f"ns{n}.test" for n in range(count)]
    servers = Servers({f"192.0.2.{n}": 0 for n in range(MAX_SERVERS)})
    assert servers.look(known) == ""

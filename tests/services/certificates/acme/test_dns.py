"""dns-01: what is written where, and that it is taken away again whatever happens between."""

import asyncio

import pytest

from mailclad.base.resolver import DnsProblem
from mailclad.services.certificates.acme.challenge import Challenge, ChallengeKind, SolverProblem
from mailclad.services.certificates.acme.solvers.dns import (
    LEFTOVER_SECONDS,
    MAX_LEFTOVERS,
    DnsSolver,
    record_value,
)
from tests.dns.fake import FakeResolver
from tests.services.certificates.acme.keeping import KeptHere, SetClock

NAME = "_acme-challenge.a.test"


class Zone:
    """TXT records by name and value; ``refuses`` to change."""

    def __init__(self) -> None:
        self.records: set[tuple[str, str]] = set()
        self.tried = 0
        self.refuses = False

    async def present(self, name: str, value: str) -> None:
        self._try()
        self.records.add((name, value))

    async def withdraw(self, name: str, value: str) -> None:
        self._try()
        self.records.discard((name, value))

    def _try(self) -> None:
        self.tried += 1
        if self.refuses:
            raise SolverProblem("the server refuses")


def challenge(token: str = "token", name: str = "a.test") -> Challenge:
    return Challenge(ChallengeKind.DNS, name, token, f"{token}.thumb")


def parts(
    resolver: FakeResolver | None = None,
) -> tuple[DnsSolver, Zone, KeptHere, SetClock]:
    zone, store, clock = Zone(), KeptHere(), SetClock()
    return DnsSolver(zone, resolver or FakeResolver(), store, clock), zone, store, clock


@pytest.mark.rfc(8555, "8.4")
def test_the_value_is_the_digest_of_the_key_authorization() -> None:
    value = record_value(
        "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
    )
    assert len(value) == 43
    assert set("+/=").isdisjoint(value)


@pytest.mark.parametrize(
    ("name", "can"), [("a.test", True), ("*.a.test", True), ("192.0.2.7", False), ("::1", False)]
)
def test_all_names_can_be_proved_and_no_address(name: str, can: bool) -> None:
    assert parts()[0].can(name) is can


def test_a_name_and_all_below_it_have_their_records_beside_each_other() -> None:
    async def run() -> None:
        solver, zone, store, _ = parts()
        apex, wildcard = challenge("one"), challenge("two")
        await solver.present(apex)
        await solver.present(wildcard)
        assert zone.records == {(NAME, record_value(one)) for one in ("one.thumb", "two.thumb")}
        await solver.withdraw(apex)
        assert zone.records == {(NAME, record_value("two.thumb"))}
        await solver.withdraw(wildcard)
        await solver.withdraw(wildcard)
        assert (zone.records, store.rows) == (set(), {})

    asyncio.run(run())


def test_a_challenge_that_lives_in_another_zone_is_written_there() -> None:
    async def run() -> None:
        solver, zone, _, _ = parts(FakeResolver({(NAME, "CNAME"): ["a-test.acme.host.test"]}))
        await solver.present(challenge())
        assert {name for name, _ in zone.records} == {"a-test.acme.host.test"}

    asyncio.run(run())


def test_where_it_lives_must_be_known() -> None:
    async def run() -> None:
        solver, zone, store, _ = parts(FakeResolver({(NAME, "TXT"): DnsProblem("no answer")}))
        with pytest.raises(SolverProblem, match=r"_acme-challenge\.a\.test .*: no answer"):
            await solver.present(challenge())
        assert (zone.tried, store.rows) == (0, {})

    asyncio.run(run())


def test_what_a_process_that_died_has_left_goes_with_the_next_challenge() -> None:
    async def run() -> None:
        solver, zone, store, clock = parts()
        await solver.present(challenge("left"))
        clock.time += LEFTOVER_SECONDS
        await solver.present(challenge("next", "b.test"))
        assert {name for name, _ in zone.records} == {"_acme-challenge.b.test"}
        assert [key for _, key in store.rows] == ["next"]

    asyncio.run(run())


def test_what_cannot_be_taken_away_is_remembered_and_holds_nobody_up() -> None:
    async def run() -> None:
        solver, zone, store, clock = parts()
        for number in range(MAX_LEFTOVERS + 5):
            await solver.present(challenge(f"t{number}"))
        zone.refuses = True
        await solver.withdraw(challenge("t0"))
        assert len(store.rows) == MAX_LEFTOVERS + 5
        clock.time += LEFTOVER_SECONDS
        zone.tried = 0
        with pytest.raises(SolverProblem, match="the server refuses"):
            await solver.present(challenge("next"))
        assert zone.tried == MAX_LEFTOVERS + 1
        zone.refuses = False
        await solver.present(challenge("next"))
        assert len(store.rows) == 5 + 1

    asyncio.run(run())


def test_nothing_is_written_that_cannot_be_remembered() -> None:
    async def run() -> None:
        solver, zone, store, _ = parts()
        store.broken = True
        with pytest.raises(SolverProblem, match="could not be remembered: the disk is full"):
            await solver.present(challenge())
        await solver.withdraw(challenge())
        assert zone.tried == 0

    asyncio.run(run())

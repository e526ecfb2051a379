"""http-01 and tls-alpn-01: put where every process finds it, and gone when it is over."""

import asyncio

import pytest
from cryptography import x509

from mailclad.services.certificates.acme.challenge import (
    Challenge,
    ChallengeKind,
    Solver,
    SolverProblem,
)
from mailclad.services.certificates.acme.solvers.kept import (
    ANSWER_SECONDS,
    HttpSolver,
    TlsAlpnSolver,
    kept_answer,
    kept_certificate,
)
from tests.services.certificates.acme.keeping import KeptHere, SetClock


def challenge(kind: ChallengeKind, name: str, token: str = "token") -> Challenge:
    return Challenge(kind, name, token, f"{token}.thumb")


def solvers(store: KeptHere, clock: SetClock) -> tuple[Solver, Solver]:
    return HttpSolver(store, clock), TlsAlpnSolver(store, clock)


def test_each_answers_its_own_kind_of_question() -> None:
    async def run() -> None:
        store, clock = KeptHere(), SetClock()
        http, tls = solvers(store, clock)
        one = challenge(ChallengeKind.HTTP, "a.test")
        await http.present(one)
        assert kept_answer(store, clock, "token") == "token.thumb"
        assert kept_certificate(store, clock, "a.test") is None
        two = challenge(ChallengeKind.TLS_ALPN, "A.test")
        await tls.present(two)
        assert kept_certificate(store, clock, "a.test") is not None
        assert kept_certificate(store, clock, "b.test") is None
        for solver, asked in ((http, one), (tls, two), (tls, two)):
            await solver.withdraw(asked)
        assert store.rows == {}

    asyncio.run(run())


def test_an_address_is_found_by_the_name_that_authorities_ask_for() -> None:
    async def run() -> None:
        store, clock = KeptHere(), SetClock()
        _, tls = solvers(store, clock)
        asked = challenge(ChallengeKind.TLS_ALPN, "192.0.2.7")
        await tls.present(asked)
        found = kept_certificate(store, clock, "7.2.0.192.in-addr.arpa")
        assert found is not None
        shown = x509.load_pem_x509_certificate(found.chain_pem)
        assert len(shown.extensions) == 2
        await tls.withdraw(asked)
        assert store.rows == {}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "can"), [("a.test", True), ("192.0.2.7", True), ("*.a.test", False)]
)
def test_what_stands_for_many_names_needs_the_dns(name: str, can: bool) -> None:
    assert [one.can(name) for one in solvers(KeptHere(), SetClock())] == [can, can]


def test_what_nobody_withdrew_ends_by_itself() -> None:
    async def run() -> None:
        store, clock = KeptHere(), SetClock()
        http, _ = solvers(store, clock)
        await http.present(challenge(ChallengeKind.HTTP, "a.test", "first"))
        clock.time += ANSWER_SECONDS
        assert kept_answer(store, clock, "first") is None
        await http.present(challenge(ChallengeKind.HTTP, "a.test", "second"))
        assert [key for _, key in store.rows] == ["second"]

    asyncio.run(run())


def test_a_store_that_fails_is_a_problem_of_the_solver_and_silence_to_strangers() -> None:
    async def run() -> None:
        store, clock = KeptHere(), SetClock()
        http, tls = solvers(store, clock)
        store.broken = True
        for solver in (http, tls):
            asked = challenge(solver.kind, "a.test")
            with pytest.raises(SolverProblem, match="the disk is full"):
                await solver.present(asked)
            await solver.withdraw(asked)
        assert kept_answer(store, clock, "token") is None
        assert kept_certificate(store, clock, "a.test") is None

    asyncio.run(run())

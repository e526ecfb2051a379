"""Names that fail are left out and told of, whichever way the authority says so."""

import asyncio
from typing import Any

import pytest

from mailclad.services.certificates.acme.challenge import ChallengeKind
from mailclad.services.certificates.acme.order import AuthorityFailed, OrderFailed, Wanted
from mailclad.services.certificates.acme.ordering import MAX_ORDERS
from tests.acme.authority import MemorySolver, names_of, objection, problem
from tests.acme.world import IMAP, KEY, NAMES, Play, World


@pytest.mark.parametrize("where", ["order", "finalize", "challenge"])
@pytest.mark.parametrize("kind", ["rejectedIdentifier", "caa", "dns"])
def test_a_name_that_fails_is_left_out(play: Play, kind: str, where: str) -> None:
    async def work(world: World) -> None:
        world.authority.refuse["imap.example.test"] = (kind, where)
        issued = await world.obtain()
        assert issued.names == (NAMES[0], NAMES[2])
        assert names_of(issued.chain_pem) == set(issued.names)
        assert list(issued.dropped) == ["imap.example.test"]
        assert f"it is {kind}" in issued.dropped["imap.example.test"]

    play(work)


def test_what_the_authority_finds_proved_is_not_proved_again(play: Play) -> None:
    """A record of dns-persist-01 that stands in the DNS: docs/decisions/0015."""

    async def work(world: World) -> None:
        world.authority.standing = frozenset(NAMES)
        assert (await world.obtain()).names == NAMES
        assert [solver.presented for solver in world.authority.solvers] == [[]]

    play(work)


@pytest.mark.parametrize(
    ("kind", "where", "finding"),
    [
        ("connection", "challenge", "ACME-431"),
        ("unauthorized", "challenge", "ACME-431"),
        ("caa", "finalize", "DNS-419"),
        ("rejectedIdentifier", "order", "ACME-435"),
    ],
)
def test_the_first_name_is_not_left_out(play: Play, kind: str, where: str, finding: str) -> None:
    async def work(world: World) -> None:
        world.authority.refuse |= dict.fromkeys(NAMES[:2], (kind, where))
        with pytest.raises(OrderFailed, match=r"does not certify mail\.example\.test") as caught:
            await world.obtain()
        assert set(caught.value.names) == set(NAMES[:2])
        assert caught.value.finding == finding
        elsewhere = kind in {"caa", "rejectedIdentifier"}
        assert isinstance(caught.value, AuthorityFailed) == elsewhere

    play(work)


@pytest.mark.parametrize("where", ["order", "finalize", "challenge"])
def test_where_no_name_is_more_than_others_the_first_is_left_out_too(
    play: Play, where: str
) -> None:
    async def work(world: World) -> None:
        wanted = Wanted(NAMES, KEY, needs_first=False)
        world.authority.refuse[NAMES[0]] = ("caa", where)
        assert (await world.client().obtain(wanted)).names == NAMES[1:]
        world.authority.refuse = dict.fromkeys(NAMES, ("caa", where))
        with pytest.raises(OrderFailed, match="none of the names") as caught:
            await world.client().obtain(wanted)
        assert set(caught.value.names) == set(NAMES)

    play(work)


def test_one_name_that_is_only_told_of_in_the_text(play: Play) -> None:
    """Let's Encrypt has no subproblem where there is but one."""

    async def work(world: World) -> None:
        detail = "Rechecking CAA for imap.example.test: forbidden, see https://ca.test/caa"
        world.authority.instead["/finalize/0"] = problem("caa", 403, detail)
        issued = await world.obtain()
        assert list(issued.dropped) == ["imap.example.test"]

    play(work)


def test_an_order_that_turns_invalid_tells_which_name(play: Play) -> None:
    async def work(world: World) -> None:
        error = objection("compound", subproblems=[objection("caa", identifier=IMAP)])

        def alter(order: dict[str, Any]) -> dict[str, Any]:
            if order["status"] == "valid" and len(order["identifiers"]) == 3:
                return order | {"status": "invalid", "error": error}
            return order

        world.authority.alter = alter
        assert list((await world.obtain()).dropped) == ["imap.example.test"]

    play(work)


@pytest.mark.parametrize("error", [None, objection("serverInternal")])
def test_an_order_that_is_given_up(play: Play, error: dict[str, Any] | None) -> None:
    async def work(world: World) -> None:
        world.authority.alter = lambda order: (
            order
            | {
                "status": "invalid",
                **({"error": error} if error else {}),
            }
        )
        with pytest.raises(AuthorityFailed, match="fault of its own" if error else "gave"):
            await world.obtain()

    play(work)


def test_the_next_kind_of_proof_is_tried_in_another_order(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.refuse["imap.example.test"] = ("connection", "http-01")
        issued = await world.obtain()
        assert issued.dropped == {}
        _, dns = world.authority.solvers
        assert dns.presented == ["imap.example.test"]
        assert len(world.authority.orders) == 2

    play(work, MemorySolver(), MemorySolver(ChallengeKind.DNS))


def test_all_kinds_of_proof_fail(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.refuse["imap.example.test"] = ("connection", "challenge")
        issued = await world.obtain()
        assert "could not connect" in issued.dropped["imap.example.test"]
        assert len(world.authority.orders) == 3

    play(work, MemorySolver(), MemorySolver(ChallengeKind.DNS))


def test_a_solver_that_cannot_leaves_room_for_the_next(play: Play) -> None:
    async def work(world: World) -> None:
        assert (await world.obtain()).dropped == {}
        assert len(world.authority.orders) == 1

    play(work, MemorySolver(broken="port 80 is taken"), MemorySolver(ChallengeKind.DNS))


def test_no_solver_can(play: Play) -> None:
    async def work(world: World) -> None:
        with pytest.raises(OrderFailed, match=r"port 80 is taken: stop nginx"):
            await world.obtain()

    play(work, MemorySolver(broken="port 80 is taken: stop nginx"))


def test_a_wildcard_needs_what_is_not_set_up(play: Play) -> None:
    async def work(world: World) -> None:
        issued = await world.obtain("example.test", "*.example.test")
        assert issued.names == ("example.test",)
        assert "the authority takes dns-01" in issued.dropped["*.example.test"]
        assert "set up dns-01" in issued.dropped["*.example.test"]

    play(work, MemorySolver(cannot=frozenset({"*.example.test"})))


def test_orders_for_one_certificate_have_a_limit(play: Play) -> None:
    """Another name fails each time."""

    async def work(world: World) -> None:
        names = tuple(f"a{n}.example.test" for n in range(MAX_ORDERS + 2))

        def one_more(order: dict[str, Any]) -> dict[str, Any]:
            last = order["identifiers"][-1]
            error = objection("compound", subproblems=[objection("caa", identifier=last)])
            return order | {"status": "invalid", "error": error}

        world.authority.alter = one_more
        with pytest.raises(OrderFailed, match=f"after {MAX_ORDERS} orders"):
            await world.obtain(*names)
        assert len(world.authority.orders) == MAX_ORDERS

    play(work)


def test_who_stops_waiting_withdraws(play: Play) -> None:
    """TestAuthority itself looks that no answer stands at the end."""

    async def work(world: World) -> None:
        world.authority.polls = 1_000_000
        task = asyncio.create_task(world.obtain())
        while len(world.authority.solvers[0].standing) < len(NAMES):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    play(work)

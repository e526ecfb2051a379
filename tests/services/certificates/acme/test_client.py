"""Certificates from an authority on loopback, over real TLS, when all goes well."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailclad.protocols.acme.objects import MAX_NAMES
from mailclad.services.certificates.acme.order import AuthorityFailed, OrderFailed, Wanted
from mailclad.services.certificates.acme.proof import AT_A_TIME
from tests.acme.authority import Answered, names_of, problem
from tests.acme.world import KEY, NAMES, Play, World


def test_a_certificate_for_all_names(play: Play) -> None:
    async def work(world: World) -> None:
        issued = await world.obtain()
        assert issued.names == NAMES
        assert issued.authority == "the test"
        assert issued.dropped == {}
        assert names_of(issued.chain_pem) == set(NAMES)
        leaf, above = x509.load_pem_x509_certificates(issued.chain_pem)
        leaf.verify_directly_issued_by(above)
        assert leaf.public_key() == load_pem_private_key(KEY.reveal(), None).public_key()

    play(work)


def test_answers_are_withdrawn_and_polled_for_after_the_challenge(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.polls = 2
        await world.obtain("mail.example.test")
        paths = [path.split("/")[1] for path, _, _ in world.authority.requests]
        assert paths == [
            *("dir", "nonce", "account", "order", "authz", "chall"),
            *("authz", "authz", "authz", "finalize", "cert"),
        ]
        assert world.slept == [1.0, 3.0, 3.0]  # the authority says three seconds
        assert world.authority.solvers[0].standing == {}

    play(work)


def test_names_are_written_in_one_way(play: Play) -> None:
    async def work(world: World) -> None:
        issued = await world.obtain("MAIL.example.test.", "mail.example.test", "2001:DB8::01")
        assert issued.names == ("mail.example.test", "2001:db8::1")
        assert names_of(issued.chain_pem) == set(issued.names)
        (order,) = world.authority.orders
        assert [one["type"] for one in order["identifiers"]] == ["dns", "ip"]

    play(work)


@pytest.mark.parametrize("count", [0, MAX_NAMES + 1])
def test_names_have_a_limit(play: Play, count: int) -> None:
    async def work(world: World) -> None:
        with pytest.raises(OrderFailed, match="1 to 100 names"):
            await world.client().obtain(Wanted(tuple(f"a{n}.test" for n in range(count)), KEY))
        assert world.authority.requests == []

    play(work)


@pytest.mark.slow
def test_many_names_are_proved_a_few_at_a_time(play: Play) -> None:
    async def work(world: World) -> None:
        names = tuple(f"a{n}.example.test" for n in range(30))
        issued = await world.obtain(*names)
        assert issued.names == names
        assert 1 < world.authority.most_at_once <= AT_A_TIME

    play(work)


@pytest.mark.rfc(9773, "5")
def test_what_is_replaced_is_said(play: Play) -> None:
    async def work(world: World) -> None:
        await world.obtain(replaces="aYhb.AIdl")
        assert world.authority.orders[0]["replaces"] == "aYhb.AIdl"

    play(work)


@pytest.mark.rfc(9773, "5")
def test_what_was_replaced_already_is_ordered_all_the_same(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.replaced.add("aYhb.AIdl")
        await world.obtain(replaces="aYhb.AIdl")
        assert world.authority.orders[0]["replaces"] is None

    play(work)


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
WINDOW = {"suggestedWindow": {"start": moment(NOON), "end": moment(NOON + timedelta(days=2))}}


@pytest.mark.rfc(9773, "4.3")
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7200", 7200), ("1", 60), ("9999999", 86400), (None, 6 * 3600), ("soon", 6 * 3600)],
)
def test_when_to_renew(play: Play, retry_after: str | None, seconds: int) -> None:
    async def work(world: World) -> None:
        issued = await world.obtain()
        body = WINDOW | {"explanationURL": "https://ca.test/why"}
        headers = [("Retry-After", retry_after)] if retry_after else []
        world.authority.window = Answered(200, body, headers)
        window = await world.client().renewal_info(issued.chain_pem)
        assert window is not None
        assert (window.start, window.end) == (NOON, NOON + timedelta(days=2))
        assert window.ask_again.timestamp() == world.clock.at + seconds
        assert window.explanation == "https://ca.test/why"

    play(work)


@pytest.mark.parametrize(
    "answered",
    [
        problem("malformed", 404),
        Answered(200, {"suggestedWindow": {"start": moment(NOON), "end": moment(NOON)}}),
        Answered(200, {}),
        Answered(200, b"<html>"),
        Answered(503, b""),
    ],
)
def test_no_renewal_information(play: Play, answered: Answered) -> None:
    async def work(world: World) -> None:
        issued = await world.obtain()
        world.authority.window = answered
        assert await world.client().renewal_info(issued.chain_pem) is None

    play(work)


def test_an_explanation_that_is_no_link_is_not_shown(play: Play) -> None:
    async def work(world: World) -> None:
        issued = await world.obtain()
        for url in ("javascript:alert(1)", "https://ca.test/\u202e", "http://ca.test/"):
            world.authority.window = Answered(200, WINDOW | {"explanationURL": url})
            window = await world.client().renewal_info(issued.chain_pem)
            assert window is not None
            assert window.explanation == ""

    play(work)


def test_a_profile(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.profiles = {"classic": "as ever", "tlsserver": "smaller"}
        await world.obtain(profile="tlsserver")
        assert world.authority.orders[0]["profile"] == "tlsserver"
        with pytest.raises(AuthorityFailed, match="no profile “tls”; it lists: classic, tlss"):
            await world.obtain(profile="tls")

    play(work)


def test_addresses_are_certified_by_the_short_lived_profile(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.profiles = {"classic": "", "shortlived": ""}
        await world.obtain("mail.example.test")
        await world.obtain("mail.example.test", "192.0.2.1")
        assert [order["profile"] for order in world.authority.orders] == [None, "shortlived"]

    play(work)


def test_the_chain_to_the_preferred_root(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.alternate = True
        for root, issuer in [("", "other"), ("Issuing Root", "issuing"), ("none", "other")]:
            issued = await world.obtain(root=root)
            top = x509.load_pem_x509_certificates(issued.chain_pem)[-1]
            assert top.issuer.rfc4514_string() == f"CN={issuer} root"

    play(work)

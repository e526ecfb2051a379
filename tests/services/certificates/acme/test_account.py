"""Our account with an authority: opened once, found again, bound."""

import asyncio

import pytest

from mailclad.base.secret import Secret
from mailclad.services.certificates.acme.account import ExternalAccount
from mailclad.services.certificates.acme.order import AuthorityFailed, Wanted
from tests.acme.authority import Answered, problem
from tests.acme.world import KEY, Play, World


def test_an_account_is_opened_once(play: Play) -> None:
    async def work(world: World) -> None:
        await world.obtain(contact=("hostmaster@example.test",))
        await world.obtain(contact=("hostmaster@example.test",))
        assert world.authority.count("/account") == 1
        (account,) = world.authority.accounts.values()
        assert account["contact"] == ["mailto:hostmaster@example.test"]
        kept = world.accounts.kept[world.authority.configured().directory]
        assert [kept.url] == list(world.authority.accounts)

    play(work)


def test_an_account_has_one_key_whatever_happens_when_it_is_opened(play: Play) -> None:
    """The authority heard of it, we did not hear the answer."""

    async def work(world: World) -> None:
        directory = world.authority.configured().directory
        world.authority.instead["/account"] = b"HTTP/1.1 200 OK\r\n"
        with pytest.raises(AuthorityFailed, match="cannot be reached"):
            await world.obtain()
        first = world.accounts.kept[directory]
        assert first.url == ""
        del world.authority.instead["/account"]
        await world.obtain()
        assert world.accounts.kept[directory].key_pem.reveal() == first.key_pem.reveal()
        assert len(world.authority.accounts) == 1

    play(work)


def test_two_at_once_open_one_account(play: Play) -> None:
    async def work(world: World) -> None:
        client = world.client()
        await asyncio.gather(*(client.obtain(Wanted((f"a{n}.test",), KEY)) for n in range(3)))
        assert len(world.authority.accounts) == 1

    play(work)


def test_another_contact_is_told(play: Play) -> None:
    async def work(world: World) -> None:
        await world.obtain(contact=("old@example.test",))
        await world.obtain(contact=("new@example.test",))
        await world.obtain(contact=("new@example.test",))
        (account,) = world.authority.accounts.values()
        assert account["contact"] == ["mailto:new@example.test"]
        assert world.authority.count("/account") == 2

    play(work)


def test_an_account_that_the_authority_forgot_is_opened_anew(play: Play) -> None:
    async def work(world: World) -> None:
        await world.obtain()
        world.authority.accounts.clear()
        await world.obtain()
        assert len(world.authority.accounts) == 1

    play(work)


def test_an_account_that_is_forgotten_always(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.instead["/order"] = problem("accountDoesNotExist")
        with pytest.raises(AuthorityFailed, match="does not know our account") as caught:
            await world.obtain()
        assert caught.value.finding == "ACME-434"
        assert world.authority.count("/order") == 2

    play(work)


@pytest.mark.rfc(8555, "7.3.4")
def test_customers_are_bound_to_their_account(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.customers["kid-7"] = b"secret octets"
        for given, words in [
            (None, "only for its customers"),
            (ExternalAccount("kid-7", Secret(b"b3RoZXI")), "no account was opened"),
            (ExternalAccount("kid-7", Secret(b"not base64!")), "copy it again"),
        ]:
            with pytest.raises(AuthorityFailed, match=words) as caught:
                await world.obtain(external_account=given)
            assert caught.value.finding in {"ACME-434", "ACME-435"}
        given = ExternalAccount("kid-7", Secret(b"c2VjcmV0IG9jdGV0cw"))
        await world.obtain(external_account=given)

    play(work)


def test_an_account_that_was_closed(play: Play) -> None:
    async def work(world: World) -> None:
        closed = Answered(200, {"status": "deactivated"}, [("Location", "https://ca.test/1")])
        world.authority.instead["/account"] = closed
        with pytest.raises(AuthorityFailed, match="our account there is deactivated"):
            await world.obtain()

    play(work)

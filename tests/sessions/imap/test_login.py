"""AUTHENTICATE in several steps, and what a failure leaves behind."""

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable

import pytest

from mailclad.protocols.imap.gates import State
from mailclad.services.auth.authenticator import AuthenticationUnavailable
from mailclad.sessions.imap.session import Authenticated, Authenticating
from tests.protocols.sasl.scram_client import ScramClient
from tests.sessions.imap.house import ADDRESS, APP_PASSWORD, Client, House

Play = Callable[[Callable[[House], Awaitable[None]]], None]


def line(octets: bytes) -> bytes:
    return b64encode(octets) + b"\r\n"


def challenge(answer: bytes) -> bytes:
    assert answer.startswith(b"+ ")
    return b64decode(answer[2:])


async def scram(client: Client, password: bytes) -> bytes:
    peer = ScramClient(ADDRESS.encode(), password)
    first = challenge(await client.say(b"a AUTHENTICATE SCRAM-SHA-256 " + line(peer.first())))
    answer = await client.say(line(peer.final(first)))
    if not answer.startswith(b"+ "):
        return answer
    assert challenge(answer) == peer.server_final
    return await client.say(b"\r\n")


def test_scram_in_three_steps(play: Play) -> None:
    async def scene(house: House) -> None:
        client = house.client(State.NOT_AUTHENTICATED)

        assert (await scram(client, APP_PASSWORD.encode())).startswith(b"a OK [CAPABILITY ")
        assert isinstance(client.session, Authenticated)
        assert client.session.owner.address == ADDRESS

    play(scene)


def test_a_failed_exchange_leaves_the_client_where_it_was(play: Play) -> None:
    async def scene(house: House) -> None:
        client = house.client(State.NOT_AUTHENTICATED)

        assert (await scram(client, b"qrstuvwxyzabcdef")).startswith(
            b"a NO [AUTHENTICATIONFAILED]"
        )
        assert not isinstance(client.session, Authenticating)
        assert client.connection.state is State.NOT_AUTHENTICATED
        assert (await scram(client, APP_PASSWORD.encode())).startswith(b"a OK")

    play(scene)


@pytest.mark.parametrize("answer", [b"*\r\n", b"not base64!\r\n", b"\x80\r\n", line(b"nonsense")])
def test_an_answer_that_is_none_is_bad(play: Play, answer: bytes) -> None:
    async def scene(house: House) -> None:
        client = house.client(State.NOT_AUTHENTICATED)
        first = ScramClient(ADDRESS.encode(), b"x").first()
        await client.say(b"a AUTHENTICATE SCRAM-SHA-256 " + line(first))

        assert (await client.say(answer)).startswith(b"a BAD ")
        assert (await client.say("b NOOP\r\n")) == b"b OK NOOP completed\r\n"

    play(scene)


def test_when_nobody_can_log_in_it_is_called_unavailable(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(house: House) -> None:
        async def unavailable(*_: object) -> None:
            raise AuthenticationUnavailable

        monkeypatch.setattr(house.site.authenticator, "password", unavailable)
        client = house.client(State.NOT_AUTHENTICATED)

        assert (await client.say("a LOGIN x y\r\n")).startswith(b"a NO [UNAVAILABLE] ")

    play(scene)


def test_no_password_before_tls(play: Play) -> None:
    """Right or wrong, the answer is the same, and nothing is asked of anybody."""

    async def scene(house: House) -> None:
        client = house.client(State.NOT_AUTHENTICATED, tls=None)

        right = await client.say(f"a LOGIN {ADDRESS} {APP_PASSWORD}\r\n")
        wrong = await client.say(f"a LOGIN {ADDRESS} wrong\r\n")

        assert right == wrong
        assert right.startswith(b"a NO [PRIVACYREQUIRED] ")

    play(scene)

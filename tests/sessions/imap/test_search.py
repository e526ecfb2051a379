"""SEARCH where a transcript cannot say it."""

from collections.abc import Awaitable, Callable

import pytest

from mailclad.sessions.imap.session import Selected
from mailclad.store.errors import StoreUnavailable
from tests.sessions.imap.house import PLAIN, House

Play = Callable[[Callable[[House], Awaitable[None]]], None]


@pytest.mark.parametrize(("command", "kept"), [("RETURN (SAVE) ALL", False), ("ALL", True)])
def test_a_search_that_fails_saves_nothing(
    play: Play, monkeypatch: pytest.MonkeyPatch, command: str, kept: bool
) -> None:
    """RFC 9051 §6.4.4.1: with SAVE the result is emptied, without it is left alone."""

    async def scene(house: House) -> None:
        await house.append(PLAIN)
        client = house.client()
        await client.say("a SELECT INBOX\r\nb SEARCH RETURN (SAVE) ALL\r\n")

        async def failing(*_: object) -> None:
            raise StoreUnavailable

        monkeypatch.setattr(house.store, "search", failing)
        assert b"c NO [UNAVAILABLE]" in await client.say(f"c SEARCH {command}\r\n")

        assert isinstance(client.session, Selected)
        assert client.session.view.saved == (((1, 1),) if kept else ())

    play(scene)


def test_saved_numbers_may_have_gaps(play: Play) -> None:
    async def scene(house: House) -> None:
        await house.append(*[PLAIN] * 7)
        client = house.client()
        await client.say("a SELECT INBOX\r\n")

        answer = await client.say("b SEARCH RETURN (ALL SAVE) OR 1:2 OR 4 6:7\r\n")

        assert answer.startswith(b'* ESEARCH (TAG "b") ALL 1:2,4,6:7\r\n')
        assert isinstance(client.session, Selected)
        assert client.session.view.saved == ((1, 2), (4, 4), (6, 7))

    play(scene)

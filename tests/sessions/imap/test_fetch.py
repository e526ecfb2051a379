"""FETCH of much: in bounded pieces, whatever is damaged or gone meanwhile."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from mailclad.protocols.imap.prepare import prepare
from mailclad.sessions.imap.fetch_bodies import AnswerTorn
from mailclad.sessions.imap.text import STEP_OCTETS
from mailclad.store.errors import BodyDamaged, MessageNotFound
from mailclad.store.interface import Body
from mailclad.store.model import ContentId, Flag, NewMessage
from tests.sessions.imap.house import DATE, PLAIN, Client, House

BIG = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 60_000
Play = Callable[[Callable[[House], Awaitable[None]]], None]


async def selected(house: House) -> Client:
    client = house.client()
    await client.say("a SELECT INBOX\r\n")
    return client


class Measured:
    """What goes through ``raw``, piece by piece."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        plain = client.raw

        async def raw(octets: bytes) -> None:
            self.sizes.append(len(octets))
            await plain(octets)

        monkeypatch.setattr(client, "raw", raw)


def test_a_large_message_goes_out_in_steps(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(house: House) -> None:
        await house.append(BIG)
        client = await selected(house)
        measured = Measured(client, monkeypatch)

        answer = await client.say("b FETCH 1 (UID BODY[] FLAGS BINARY[2] RFC822.SIZE)\r\n")

        head = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % len(BIG)
        tail = b" FLAGS () BINARY[2] NIL RFC822.SIZE %d)\r\n" % len(BIG)
        seen = b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\nb OK FETCH completed\r\n"
        assert answer == head + BIG + tail + seen
        assert max(measured.sizes) < STEP_OCTETS + 1_000

    play(scene)


def test_small_messages_go_out_together(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(house: House) -> None:
        await house.append(*[PLAIN] * 30)
        client = await selected(house)
        measured = Measured(client, monkeypatch)

        answer = await client.say("b FETCH 1:* BODY.PEEK[TEXT]\r\n")

        assert len(re.findall(rb"\* \d+ FETCH \(BODY\[TEXT\] \{55\}\r\nHello", answer)) == 30
        assert len(measured.sizes) == 1

    play(scene)


@pytest.mark.slow
def test_many_rows_go_out_in_batches(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(house: House) -> None:
        new = [NewMessage(PLAIN, prepare(PLAIN), 0, DATE)] * 2_500
        assert house.account is not None
        target = await house.store.stat(house.account.id, "INBOX")
        await house.store.append(target.id, new)
        await house.store.remove(target.id, ((7, 8), (1_000, 1_001), (2_000, 2_000)))
        client = await selected(house)
        measured = Measured(client, monkeypatch)

        answer = await client.say("b FETCH 1:* (UID FLAGS ENVELOPE)\r\n")

        found = [
            (int(n), int(uid)) for n, uid in re.findall(rb"\* (\d+) FETCH \(UID (\d+)", answer)
        ]
        gone = {7, 8, 1_000, 1_001, 2_000}
        assert found == list(enumerate((uid for uid in range(1, 2_501) if uid not in gone), 1))
        assert max(measured.sizes) <= 1_000 * 400

    play(scene)


class Damaged:
    """A body whose octets cannot be read from some place on."""

    def __init__(self, body: Body, sound: int) -> None:
        self._body = body
        self._sound = sound
        self.octets = body.octets

    def read(self, start: int, octets: int) -> bytes:
        if start + octets > self._sound:
            raise BodyDamaged("pack 1 at 0")
        return self._body.read(start, octets)

    def close(self) -> None:
        self._body.close()


def damage(house: House, monkeypatch: pytest.MonkeyPatch, octets: int, sound: int = 0) -> None:
    """Messages of this size are damaged."""
    plain = house.store.body

    async def body(content: ContentId) -> Body:
        found = await plain(content)
        return Damaged(found, sound) if found.octets == octets else found

    monkeypatch.setattr(house.store, "body", body)


def test_a_damaged_message_is_left_out_and_named_a_corruption(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(house: House) -> None:
        await house.append(PLAIN, b"x: y\r\n\r\n", PLAIN)
        client = await selected(house)
        damage(house, monkeypatch, 8)

        answer = await client.say("b FETCH 1:* BODY[]\r\n")

        assert re.findall(rb"\* (\d) FETCH \(BODY", answer) == [b"1", b"3"]
        assert b"\r\nb NO [CORRUPTION] " in answer
        assert b"\r\n* 3 FETCH (UID 3 FLAGS (\\Seen))" in answer
        assert b"UID 2 FLAGS" not in answer

    play(scene)


def test_octets_that_fail_behind_the_first_step_end_the_connection(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(house: House) -> None:
        await house.append(BIG)
        client = await selected(house)
        damage(house, monkeypatch, len(BIG), sound=STEP_OCTETS)

        with pytest.raises(AnswerTorn):
            await client.say("b FETCH 1 BODY.PEEK[]\r\n")

    play(scene)


def test_a_message_that_goes_while_it_is_fetched(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(house: House) -> None:
        await house.append(PLAIN, b"x: y\r\n\r\n")
        client = await selected(house)
        plain = house.store.body

        async def body(content: ContentId) -> Body:
            found = await plain(content)
            if found.octets == 8:
                found.close()
                raise MessageNotFound
            return found

        monkeypatch.setattr(house.store, "body", body)

        answer = await client.say("b FETCH 1:2 BODY.PEEK[TEXT]\r\n")

        assert answer.count(b" FETCH (") == 1
        assert b"\r\nb OK [EXPUNGEISSUED] " in answer

    play(scene)


def test_a_broken_connection_leaves_messages_unread(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(house: House) -> None:
        await house.append(BIG)
        client = await selected(house)

        async def lost(octets: bytes) -> None:
            raise ConnectionResetError

        monkeypatch.setattr(client, "raw", lost)
        with pytest.raises(ConnectionResetError):
            await client.say("b FETCH 1 BODY[]\r\n")

        assert house.account is not None
        assert (await house.store.stat(house.account.id, "INBOX")).unseen == 1

    play(scene)


def test_two_sessions_read_at_once(play: Play) -> None:
    async def scene(house: House) -> None:
        await house.append(BIG, PLAIN, flags=Flag.SEEN)
        one, other = await selected(house), await selected(house)

        answers = await asyncio.gather(
            one.say("b FETCH 1:2 BODY[]\r\n"), other.say("b FETCH 1:2 BODY[]\r\n")
        )

        assert answers[0] == answers[1]
        assert BIG in answers[0]

    play(scene)

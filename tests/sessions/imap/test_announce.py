"""News between two clients of one mailbox, where a transcript cannot say it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from mailclad.protocols.imap.commands import Select
from mailclad.protocols.imap.prepare import prepare
from mailclad.protocols.imap.responses import Untagged
from mailclad.sessions.imap.announce import AT_ONCE
from mailclad.sessions.imap.select import select
from mailclad.sessions.imap.session import Authenticated, Selected
from mailclad.store.model import Changes, Column, FlagChange, MailboxId, ModSeq, NewMessage
from tests.sessions.imap.house import DATE, PLAIN, Client, House

Play = Callable[[Callable[[House], Awaitable[None]]], None]


async def selected(house: House) -> Client:
    client = house.client()
    assert b" OK [READ-WRITE] " in await client.say("a SELECT INBOX\r\n")
    return client


async def fill(house: House, count: int) -> MailboxId:
    assert house.account is not None
    target = await house.store.stat(house.account.id, "INBOX")
    await house.store.append(target.id, [NewMessage(PLAIN, prepare(PLAIN), 0, DATE)] * count)
    return target.id


@pytest.mark.slow
def test_thousands_of_changes_go_out_in_pieces(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(house: House) -> None:
        mailbox = await fill(house, AT_ONCE + 500)
        client = await selected(house)
        sizes: list[int] = []
        plain = client.raw

        async def raw(octets: bytes) -> None:
            sizes.append(octets.count(b"\r\n"))
            await plain(octets)

        monkeypatch.setattr(client, "raw", raw)
        everything = ((1, AT_ONCE + 500),)
        await house.store.store_flags(mailbox, everything, FlagChange.ADD, 1)
        told = await client.say("b NOOP\r\n")
        assert told.count(b" FETCH (UID ") == AT_ONCE + 500
        await house.store.remove(mailbox, everything)
        told = await client.say("c NOOP\r\n")
        assert told.count(b" EXPUNGE\r\n") == AT_ONCE + 500
        assert sizes == [AT_ONCE, 500] * 2
        assert (await client.say("d FETCH 1 FLAGS\r\n")).startswith(b"d BAD ")

    play(scene)


def test_what_happens_while_idle_begins_is_not_lost(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message comes after the store was asked and before the client waits."""

    async def scene(house: House) -> None:
        client = await selected(house)
        plain, late = house.store.changes_since, [PLAIN]

        async def changes_since(mailbox: MailboxId, mod_seq: ModSeq) -> Changes:
            found = await plain(mailbox, mod_seq)
            while late:
                await house.append(late.pop())
            return found

        monkeypatch.setattr(house.store, "changes_since", changes_since)

        assert await client.say("b IDLE\r\n") == b"* 1 EXISTS\r\n+ idling\r\n"

    play(scene)


def test_a_mailbox_that_is_deleted_ends_who_idles(play: Play) -> None:
    async def scene(house: House) -> None:
        client, other = house.client(), house.client()
        await other.say("a CREATE Old\r\n")
        await client.say("a SELECT Old\r\nb IDLE\r\n")
        await other.say("b DELETE Old\r\n")

        assert (await client.heard()).startswith(b"* BYE ")

    play(scene)


def test_its_own_selected_mailbox_deleted_is_closed(play: Play) -> None:
    async def scene(house: House) -> None:
        client = house.client()
        await client.say("a CREATE Old\r\nb SELECT Old\r\n")

        answer = await client.say("c DELETE Old\r\nd CHECK\r\n")

        assert answer.startswith(b"* OK [CLOSED] ")
        assert b"\r\nd BAD " in answer

    play(scene)


def test_nobody_watches_who_has_left(play: Play) -> None:
    """Every way out of a selected mailbox ends its watch; so does a SELECT that breaks."""

    async def scene(house: House) -> None:
        watching = house.store._watchers._watching
        for way in ("CLOSE", "UNSELECT", "SELECT Nowhere", "LOGOUT"):
            client = await selected(house)
            assert sum(map(len, watching.values())) == 1
            await client.say(f"b {way}\r\n")
            client.leave()
            assert not watching

        client = house.client()
        assert isinstance(client.session, Authenticated)
        with pytest.raises(ConnectionResetError):
            await select(client.session, Select("a", "INBOX", read_only=False), Lost())
        assert not watching

    play(scene)


class Lost:
    """The client is gone."""

    async def __call__(self, response: Untagged) -> None:
        raise ConnectionResetError

    async def raw(self, octets: bytes) -> None:
        raise ConnectionResetError


def test_flags_told_are_those_of_the_store(play: Play) -> None:
    """Many programs at once: in the end each has been told what the store holds."""

    async def scene(house: House) -> None:
        mailbox = await fill(house, 6)
        clients = [await selected(house) for _ in range(3)]

        async def work(client: Client, words: Sequence[str]) -> None:
            for word in words:
                await client.say(f"x {word}\r\n")
                await asyncio.sleep(0)

        await asyncio.gather(
            work(clients[0], [f"STORE {n} +FLAGS.SILENT (\\Seen)" for n in range(1, 7)]),
            work(
                clients[1], [f"UID STORE {n} +FLAGS.SILENT (\\Flagged)" for n in range(6, 0, -1)]
            ),
            work(
                clients[2], ["UID STORE 3 +FLAGS (\\Deleted)", "EXPUNGE", "STORE 1:5 -FLAGS (x)"]
            ),
        )
        rows = [
            row
            async for found in house.store.fetch(mailbox, ((1, 99),), (Column.UID, Column.FLAGS))
            for row in found
        ]
        assert [uid for uid, _ in rows] == [1, 2, 4, 5, 6]
        for client in clients:
            await client.say("y NOOP\r\n")
            assert isinstance(client.session, Selected)
            answer = await client.say("z FETCH 1:* (UID FLAGS)\r\n")
            assert [int(line.split()[1]) for line in answer.splitlines()[:-1]] == [1, 2, 3, 4, 5]
            assert answer.count(rb"FLAGS (\Flagged \Seen)") == 5

    play(scene)

"""Reception on the real store: INBOX, Junk, Rejects."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.address import parse_address
from mailclad.protocols.smtp.command import Mail, Rcpt
from mailclad.services.receive.guard import Opinion
from mailclad.services.receive.incoming import Given, Incoming
from mailclad.services.receive.reception import Reception
from mailclad.services.receive.rejects import REJECTS, Rejects
from tests.services.clock import NOW, StandingClock

DAY = 86_400
TRACE = b"Return-Path: <bob@x.example>\r\n"
SECRET = Secret(b"k" * 32)
MESSAGE = b"Subject: x\r\n\r\nhello\r\n"


Check = Callable[[SqliteStore, StandingClock], Awaitable[None]]


@pytest.fixture
def on_store(tmp_path: Path) -> Callable[[Check], None]:
    def run(check: Check) -> None:
        async def main() -> None:
            store = SqliteStore.open(tmp_path, asyncio.get_running_loop())
            try:
                await store.add_domain("example.org")
                await store.add_account("ada@example.org", "", NOW)
                await store.add_account("grace@example.org", "", NOW)
                await check(store, StandingClock())
            finally:
                await store.close()

        asyncio.run(main())

    return run


async def incoming(reception: Reception, *recipients: str) -> Incoming:
    given = []
    for text in recipients:
        address = parse_address(text)
        given.append(Given(Rcpt(address), await reception.recipient(address)))
    return Incoming("0" * 16, TRACE + MESSAGE, len(TRACE), Mail(None), given)


async def counts(store: SqliteStore, address: str) -> dict[str, int]:
    """How many messages lie in each mailbox that has any."""
    account = await store.find_account(address)
    return {stat.name: stat.messages for stat in await store.stats(account.id) if stat.messages}


def test_each_person_gets_a_message_once(on_store: Callable[[Check], None]) -> None:
    async def check(store: SqliteStore, clock: StandingClock) -> None:
        reception = Reception(store, clock, SECRET, "mx.example.org")
        message = await incoming(
            reception, "ada@example.org", "ADA@example.org", "grace@example.org"
        )
        await reception.receive(message)
        assert await counts(store, "ada@example.org") == {"INBOX": 1}
        assert await counts(store, "grace@example.org") == {"INBOX": 1}

    on_store(check)


def test_junk_lies_in_junk_wherever_that_is(on_store: Callable[[Check], None]) -> None:
    async def check(store: SqliteStore, clock: StandingClock) -> None:
        reception = Reception(store, clock, SECRET, "mx.example.org")
        ada = (await store.find_account("ada@example.org")).id
        await store.rename_mailbox(ada, "Junk", "Rubbish")
        grace = (await store.find_account("grace@example.org")).id
        await store.delete_mailbox(grace, "Junk")
        message = await incoming(reception, "ada@example.org", "grace@example.org")
        await reception.receive(message, Opinion(junk="a list knows the sender"))
        assert await counts(store, "ada@example.org") == {"Rubbish": 1}
        assert await counts(store, "grace@example.org") == {"INBOX": 1}

    on_store(check)


def test_what_was_refused_is_kept_for_some_days(on_store: Callable[[Check], None]) -> None:
    async def check(store: SqliteStore, clock: StandingClock) -> None:
        reception = Reception(store, clock, SECRET, "mx.example.org", rejects_days=3)
        for _ in range(2):  # the first makes the mailbox
            await reception.keep_rejected(await incoming(reception, "ada@example.org"))
        assert await counts(store, "ada@example.org") == {REJECTS: 2}
        rejects = Rejects(store, clock, 3)
        assert await rejects.expire() == 0
        clock.seconds += 3 * DAY + 1
        assert await rejects.expire() == 2
        assert await counts(store, "ada@example.org") == {}

    on_store(check)


def test_nothing_refused_is_kept_unless_it_is_wanted(on_store: Callable[[Check], None]) -> None:
    async def check(store: SqliteStore, clock: StandingClock) -> None:
        reception = Reception(store, clock, SECRET, "mx.example.org")
        await reception.keep_rejected(await incoming(reception, "ada@example.org"))
        assert REJECTS not in [
            box.name
            for box in await store.mailboxes((await store.find_account("ada@example.org")).id)
        ]
        assert await Rejects(store, clock, 0).expire() == 0

    on_store(check)

"""A round: load, something terrible at a random moment, and then the question what is left.

async with loaded(house, book) as load:  ... kill something ...
house.start()
await check(house, book)
"""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from mailclad.app.open import opened
from mailclad.engines.sqlite.verify import verify
from mailclad.store.errors import StoreProblem
from mailclad.store.interface import Store
from mailclad.store.model import Column, ContentId, MailboxId, Uid
from tests.faults.changes import BOXES, CHANGERS, Changer
from tests.faults.load import PEOPLE, Load, octets_of
from tests.faults.serving import House, address

EVERYBODY = (*PEOPLE, *CHANGERS)

_TRACE = re.compile(rb"(?:(?:Return-Path|Delivered-To|Received): [^\r]*\r\n(?:[ \t][^\r]*\r\n)*)+")
_NUMBER = re.compile(rb"\r\nthe end of (\d+)\r\n\Z")

FIRST_CHANGED = 1_000_000_000
"""Numbers from here on are the changers' messages."""


class Book:
    """What was acknowledged in one house, over all its rounds."""

    def __init__(self, house: House) -> None:
        self.acknowledged: set[tuple[int, str]] = set()
        self.refused: list[str] = []
        self.changers = [
            Changer(house, name, FIRST_CHANGED * (place + 1))
            for place, name in enumerate(CHANGERS)
        ]
        self._next = 1
        self._read: dict[str, int] = dict.fromkeys(PEOPLE, 0)
        self._found: Counter[tuple[int, str]] = Counter()

    def new_load(self, house: House) -> Load:
        load = Load(house, self._next)
        self._next += 1_000_000
        return load

    async def lost(self, data: Path) -> list[str]:
        """Everything about stored messages that is not as it must be."""
        problems: list[str] = []
        async with opened(data) as things:
            for name in PEOPLE:
                problems += await self._read_new(things.store, name)
            for changer in self.changers:
                problems += await _damaged(things.store, changer)
        problems += [f"{what} is gone" for what in sorted(self.acknowledged - self._found.keys())]
        problems += [f"{what} is there {n} times" for what, n in self._found.items() if n > 1]
        return problems

    async def _read_new(self, store: Store, name: str) -> list[str]:
        """Compare every message of an INBOX that was not yet read, acknowledged or not."""
        account = await store.find_account(address(name))
        inbox = await store.stat(account.id, "INBOX")
        problems = []
        last = self._read[name]
        async for rows in store.fetch(
            inbox.id, ((Uid(last + 1), Uid(0xFFFFFFFF)),), (Column.UID, Column.CONTENT)
        ):
            for uid, content in rows:
                last = uid
                number, problem = await _compare(store, content, trace=True)
                if problem:
                    problems.append(f"{name}, message {uid}: {problem}")
                else:
                    self._found[number, name] += 1
        self._read[name] = last
        return problems


async def _damaged(store: Store, changer: Changer) -> list[str]:
    """Messages of a changer that are not what was appended."""
    problems = []
    account = await store.find_account(address(changer.name))
    for box in BOXES:
        mailbox: MailboxId = (await store.stat(account.id, box)).id
        async for rows in store.fetch(mailbox, ((1, 0xFFFFFFFF),), (Column.UID, Column.CONTENT)):
            for uid, content in rows:
                _, problem = await _compare(store, content, trace=False)
                if problem:
                    problems.append(f"{changer.name}, {box} {uid}: {problem}")
    return problems


async def _compare(store: Store, content: ContentId, *, trace: bool) -> tuple[int, str]:
    """The number of a stored message, and what is wrong with it."""
    try:
        body = await store.body(content)
        octets = body.read(0, body.octets)
        body.close()
    except StoreProblem as problem:
        return 0, repr(problem)
    ended = _NUMBER.search(octets)
    if ended is None:
        return 0, "it has no end"
    number = int(ended[1])
    start = len(octets) - len(octets_of(number))
    if octets[start:] != octets_of(number):
        return number, "its octets are others"
    if trace != (_TRACE.fullmatch(octets[:start]) is not None):
        return number, f"before it stands {octets[:start]!r}"
    return number, ""


@contextlib.asynccontextmanager
async def loaded(house: House, book: Book) -> AsyncIterator[Load]:
    """Deliveries and changes at once; what was acknowledged is written into the book."""
    load = book.new_load(house)
    over = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as people:
            for changer in book.changers:
                people.create_task(changer.change_until(over))
            try:
                async with load.running():
                    yield load
            finally:
                over.set()
    finally:
        book.acknowledged |= load.acknowledged
        book.refused += load.refused


async def check(house: House, book: Book) -> list[str]:
    """All that is lost, torn, doubled or damaged, while the server runs again."""
    problems = [problem.text for problem in verify(house.data)]
    for changer in book.changers:
        await changer.look()
        problems += changer.wrong
    return problems + await book.lost(house.data)

"""What a watch is told, and what nobody else's is: attribution, cancelling, bounds."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.auth.outcome import Use
from mailclad.services.auth.sign_ins import FailedSignIn, SignIn
from mailclad.services.client_setup.board import WatchBoard
from mailclad.services.client_setup.lookout import WAITING, Lookout, Place
from mailclad.services.client_setup.watching import SetupWatching, WatchEnded
from mailclad.store.model import Account, AppPassword, Scope, ScramKeys
from mailclad.store.setup_watches import WATCH_SECONDS, NoticeKind, Watch
from tests.engines.stores import opened
from tests.services.clock import StandingClock

T = TypeVar("T")
PAGE, STRANGER = "198.51.100.7", "203.0.113.9"
IMAP = "imap"


class House:
    """Ada sets up a device, Grace has one."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.clock, self.board = store, StandingClock(), WatchBoard()
        self.lookout = Lookout(store, self.board, self.clock)
        self.watching = SetupWatching(store, self.board, self.clock, ())

    async def people(self) -> None:
        await self.store.add_domain("example.org")
        self.ada = await self.store.add_account("ada@example.org", "", 0)
        self.grace = await self.store.add_account("grace@example.org", "", 0)
        self.device = await self.app_password(self.ada)
        self.other = await self.app_password(self.ada)

    async def app_password(self, account: Account) -> AppPassword:
        keys = ScramKeys(b"s" * 32, b"k" * 32)
        return await self.store.add_app_password(account.id, "x", Scope.ALL, b"d" * 32, keys, 0)

    async def open(self, address: str = PAGE) -> int:
        watch = await self.watching.open(self.ada.id, self.device.id, address, "thunderbird")
        return watch.id

    async def kinds(self, watch: int) -> list[NoticeKind]:
        """Of all that was noticed until now."""
        while self.lookout.waiting:
            await self.lookout.tell()
        found = await self.store.setup_watch(self.ada.id, watch)
        assert found is not None
        return [one.kind for one in found[1]]

    async def passwords(self) -> list[int]:
        found = await self.store.credentials("ada@example.org")
        assert found is not None
        return [one.id for one in found.app_passwords]


def at_home(tmp_path: Path, act: Callable[[House], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened(tmp_path) as store:
            house = House(store)
            await house.people()
            return await act(house)

    return asyncio.run(run())


def at(address: str, port: int = 993) -> Place:
    return Place(address, IMAP, port)


@pytest.mark.parametrize(
    ("page", "client", "told"),
    [
        (PAGE, PAGE, True),
        (PAGE, STRANGER, False),
        ("2001:db8:1:2::5", "2001:db8:1:2:abcd::9", True),
        ("2001:db8:1:2::5", "2001:db8:1:3::5", False),
        ("127.0.0.1", "::1", True),
        ("", PAGE, False),
        ("", "", False),  # Unix sockets: they tell nobody from anybody
    ],
)
def test_before_signing_in_only_from_the_pages_address(
    tmp_path: Path, page: str, client: str, told: bool
) -> None:
    async def act(house: House) -> list[NoticeKind]:
        watch = await house.open(page)
        house.lookout.noticed(at(client), NoticeKind.KNOCKED)
        return await house.kinds(watch)

    assert at_home(tmp_path, act) == [NoticeKind.KNOCKED] * told


def test_a_sign_in_counts_from_anywhere_but_only_with_the_devices_own_password(
    tmp_path: Path,
) -> None:
    async def act(house: House) -> list[NoticeKind]:
        watch = await house.open()
        grace = await house.app_password(house.grace)
        for account, used in ((house.ada, house.other), (house.grace, grace)):
            house.lookout.signed_in(SignIn(account, used, Use.IMAP, PAGE, "TLSv1.3"))
        house.lookout.signed_in(SignIn(house.ada, house.device, Use.IMAP, STRANGER, "TLSv1.3"))
        return await house.kinds(watch)

    assert at_home(tmp_path, act) == [NoticeKind.SIGNED_IN]


@pytest.mark.parametrize(("peer", "told"), [(PAGE, True), (STRANGER, False)])
def test_the_chosen_password_is_told_from_the_pages_address(
    tmp_path: Path, peer: str, told: bool
) -> None:
    async def act(house: House) -> list[NoticeKind]:
        watch = await house.open()
        house.lookout.signed_in(SignIn(house.ada, None, Use.IMAP, peer, "TLSv1.3"))
        house.lookout.signed_in(SignIn(house.grace, None, Use.IMAP, peer, "TLSv1.3"))
        house.lookout.signed_in(SignIn(house.ada, None, Use.WEB, peer, "TLSv1.3"))
        return await house.kinds(watch)

    assert at_home(tmp_path, act) == [NoticeKind.OTHER_PASSWORD] * told


@pytest.mark.parametrize(
    ("who", "whole", "form", "kind"),
    [
        ("ada", True, True, NoticeKind.WRONG_PASSWORD),
        ("ada", True, None, NoticeKind.WRONG_PASSWORD),
        ("ada", True, False, NoticeKind.WRONG_MAIN_PASSWORD),
        ("nobody", False, True, NoticeKind.SHORT_NAME),
        ("nobody", True, True, None),
        ("grace", True, True, None),
    ],
)
def test_failures_are_told_of_ones_own_account_or_of_short_names(
    tmp_path: Path, who: str, whole: bool, form: bool | None, kind: NoticeKind | None
) -> None:
    """Whether there is another account is the same on the page: nothing."""

    async def act(house: House) -> list[NoticeKind]:
        watch = await house.open()
        account = {"ada": house.ada, "grace": house.grace}.get(who)
        for peer in (PAGE, STRANGER):
            house.lookout.failed(FailedSignIn(account, Use.IMAP, peer, whole, form))
        return await house.kinds(watch)

    assert at_home(tmp_path, act) == ([kind] if kind is not None else [])


def test_a_password_sent_readable_ends_that_app_password_and_no_other(tmp_path: Path) -> None:
    async def act(house: House) -> tuple[list[NoticeKind], list[int], list[int]]:
        watch = await house.open()
        house.lookout.noticed(at(STRANGER, 143), NoticeKind.PASSWORD_SENT)
        assert await house.kinds(watch) == []
        before = await house.passwords()
        for _ in range(3):
            house.lookout.noticed(at(PAGE, 143), NoticeKind.PASSWORD_SENT)
        kinds = await house.kinds(watch)
        return kinds, before, await house.passwords()

    kinds, before, after = at_home(tmp_path, act)
    assert kinds == [NoticeKind.PASSWORD_SENT]
    assert len(before) == 2
    assert after == before[1:]


def test_messages_of_others_are_not_told(tmp_path: Path) -> None:
    async def act(house: House) -> list[NoticeKind]:
        watch = await house.open()
        house.lookout.sent(house.grace.id)
        house.lookout.sent(house.ada.id)
        return await house.kinds(watch)

    assert at_home(tmp_path, act) == [NoticeKind.SENT]


def test_while_no_page_waits_nothing_is_kept(tmp_path: Path) -> None:
    async def act(house: House) -> int:
        house.lookout.noticed(at(PAGE), NoticeKind.KNOCKED)
        house.lookout.sent(house.ada.id)
        closed = house.lookout.waiting
        await house.open()
        house.clock.seconds += WATCH_SECONDS
        house.lookout.noticed(at(PAGE), NoticeKind.KNOCKED)
        return closed + house.lookout.waiting

    assert at_home(tmp_path, act) == 0


def test_a_process_that_starts_later_knows_of_pages_that_wait(tmp_path: Path) -> None:
    """After a restart or a reload: the page goes on, the board of its time is gone."""

    async def act(house: House) -> list[bool]:
        await house.open()
        house.clock.seconds += WATCH_SECONDS - 10
        fresh = Lookout(house.store, WatchBoard(), house.clock)
        was_open = [fresh.is_open]
        running = asyncio.create_task(fresh.run())
        async with asyncio.timeout(10):
            while not fresh.is_open:
                await asyncio.sleep(0)
        was_open.append(fresh.is_open)
        running.cancel()
        house.clock.seconds += 10
        return [*was_open, fresh.is_open]

    assert at_home(tmp_path, act) == [False, True, False]


def test_a_flood_is_bounded(tmp_path: Path) -> None:
    async def act(house: House) -> int:
        await house.open()
        for _ in range(WAITING + 50):
            house.lookout.noticed(at(PAGE), NoticeKind.KNOCKED)
        return house.lookout.waiting

    assert at_home(tmp_path, act) == WAITING


def test_the_store_is_asked_once_for_all_that_waits(tmp_path: Path) -> None:
    async def act(house: House) -> tuple[int, int]:
        watch = await house.open()
        asked = 0
        ask = house.store.open_setup_watches

        async def counted(now: int) -> list[Watch]:
            nonlocal asked
            asked += 1
            return await ask(now)

        house.store.open_setup_watches = counted  # type: ignore[method-assign]
        for address in (STRANGER, PAGE) * 20:
            house.lookout.noticed(at(address), NoticeKind.KNOCKED)
        kinds = await house.kinds(watch)
        return asked, len(kinds)

    assert at_home(tmp_path, act) == (1, 20)


def test_nobody_looks_at_anothers_watch(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        watch = await house.open()
        assert (await house.watching.look(house.ada.id, watch)).lights
        with pytest.raises(WatchEnded):
            await house.watching.look(house.grace.id, watch)
        with pytest.raises(WatchEnded):
            await house.watching.look(house.ada.id, watch + 1)

    at_home(tmp_path, act)

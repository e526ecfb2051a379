"""Signed-in browsers, links that work once, and watches: their limits, times and ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.model import AccountId, Scope, ScramKeys
from mailclad.store.setup_watches import (
    NOTICES_PER_WATCH,
    WATCH_SECONDS,
    WATCHES_PER_ACCOUNT,
    NewWatch,
    Notice,
    NoticeKind,
)
from mailclad.store.web_sessions import (
    IDLE_SECONDS,
    LINKS_PER_ACCOUNT,
    LONGEST_SECONDS,
    SESSIONS_PER_ACCOUNT,
    LinkPurpose,
    NewWebSession,
    OnceLink,
    TakenLink,
)
from tests.engines.stores import add_account, opened

NOW = 1_800_000_000
Act = Callable[[SqliteStore, AccountId], Awaitable[None]]


def with_account(tmp_path: Path, act: Act) -> None:
    async def run() -> None:
        async with opened(tmp_path) as store:
            await act(store, await add_account(store))

    asyncio.run(run())


def new(account: AccountId, digest: bytes = b"d", now: int = NOW) -> NewWebSession:
    return NewWebSession(account, digest, now, "192.0.2.1", "TLSv1.3", "Firefox/1")


def test_a_session_is_found_by_its_digest_until_it_is_idle_or_old(tmp_path: Path) -> None:
    async def act(store: SqliteStore, ann: AccountId) -> None:
        number = await store.add_web_session(new(ann))
        found = await store.web_session(b"d", NOW)
        assert found is not None
        assert (found.id, found.account.id, found.browser) == (number, ann, "Firefox/1")
        assert await store.web_session(b"e", NOW) is None
        assert await store.web_session(b"d", NOW + IDLE_SECONDS - 1)
        assert await store.web_session(b"d", NOW + IDLE_SECONDS) is None
        for days in range(0, LONGEST_SECONDS, IDLE_SECONDS // 2):
            await store.touch_web_session(number, NOW + days)
        assert await store.web_session(b"d", NOW + LONGEST_SECONDS - 1)
        assert await store.web_session(b"d", NOW + LONGEST_SECONDS) is None
        assert await store.forget_web_sessions(NOW + LONGEST_SECONDS) == 1

    with_account(tmp_path, act)


def test_a_new_token_makes_the_old_one_useless(tmp_path: Path) -> None:
    async def act(store: SqliteStore, ann: AccountId) -> None:
        number = await store.add_web_session(new(ann))
        await store.rotate_web_session(number, b"e", NOW + 5)
        assert await store.web_session(b"d", NOW + 5) is None
        found = await store.web_session(b"e", NOW + 5)
        assert found is not None
        assert (found.id, found.signed_in_at) == (number, NOW + 5)

    with_account(tmp_path, act)


@pytest.mark.parametrize("what", ["password", "disabled", "removed", "ended"])
def test_what_ends_a_session(tmp_path: Path, what: str) -> None:
    async def act(store: SqliteStore, ann: AccountId) -> None:
        number = await store.add_web_session(new(ann))
        other = await add_account(store, "bob@example.org")
        await store.add_web_session(new(other, b"b"))
        match what:
            case "password":
                keys = ScramKeys(b"s" * 32, b"k" * 32)
                await store.set_password(ann, "hash", b"salt", 10_000, keys)
            case "disabled":
                await store.set_disabled("ann@example.org", True)
            case "removed":
                await store.add_once_link(b"l", OnceLink(ann, LinkPurpose.PROFILE, 0, NOW))
                await store.open_setup_watch(NewWatch(ann, 1, "192.0.2.1", "mutt", NOW))
                await store.remove_account("ann@example.org")
                assert await store.take_once_link(b"l", NOW) is None
                assert await store.open_setup_watches(NOW) == []
            case _:
                await store.end_web_session(other, number)
                assert await store.web_session(b"d", NOW)
                await store.end_web_session(ann, number)
        assert await store.web_session(b"d", NOW) is None
        assert await store.web_session(b"b", NOW)

    with_account(tmp_path, act)


def test_one_person_has_so_many_sessions(tmp_path: Path) -> None:
    async def act(store: SqliteStore, ann: AccountId) -> None:
        for number in range(SESSIONS_PER_ACCOUNT + 2):
            await store.add_web_session(new(ann, b"%d" % number, NOW + number))
        found = await store.web_sessions(ann, NOW + 100)
        assert len(found) == SESSIONS_PER_ACCOUNT
        assert await store.web_session(b"1", NOW + 100) is None
        assert await store.web_session(b"2", NOW + 100)
        assert await store.end_web_sessions(ann) == SESSIONS_PER_ACCOUNT

    with_account(tmp_path, act)


def test_a_link_works_once_and_in_time(tmp_path: Path) -> None:
    async def act(store: SqliteStore, ann: AccountId) -> None:
        link = OnceLink(ann, LinkPurpose.PROFILE, 7, NOW + 600)
        await store.add_once_link(b"l", link)
        assert await store.take_once_link(b"m", NOW) is None
        assert await store.take_once_link(b"l", NOW + 600) == TakenLink("ann@example.org", link)
        assert await store.take_once_link(b"l", NOW) is None
        await store.add_once_link(b"l", link)
        assert await store.take_once_link(b"l", NOW + 601) is None
        for number in range(LINKS_PER_ACCOUNT + 1):
            late = OnceLink(ann, LinkPurpose.PROFILE, 0, NOW + number)
            await store.add_once_link(b"%d" % number, late)
        assert await store.take_once_link(b"0", NOW) is None
        assert await store.take_once_link(b"1", NOW) is not None
        assert await store.forget_web_sessions(NOW + 1_000) == LINKS_PER_ACCOUNT - 1

    with_account(tmp_path, act)


def test_watches_and_their_notices_are_bounded_and_end(tmp_path: Path) -> None:
    async def act(store: SqliteStore, ann: AccountId) -> None:
        watches = [
            await store.open_setup_watch(NewWatch(ann, 1, "192.0.2.1", "mutt", NOW))
            for _ in range(WATCHES_PER_ACCOUNT + 1)
        ]
        assert await store.open_setup_watches(NOW) == watches[1:]
        one = watches[-1].id
        notices = [Notice(NoticeKind.KNOCKED, NOW, "imap", 993, str(n)) for n in range(150)]
        await store.add_setup_notices(one, notices)
        await store.add_setup_notices(one, notices)
        await store.add_setup_notices(watches[0].id, notices)
        found = await store.setup_watch(ann, one)
        assert found is not None
        assert len(found[1]) == NOTICES_PER_WATCH
        assert found[1] == [notices[0], *(notices + notices)[1 - NOTICES_PER_WATCH :]]
        assert await store.open_setup_watches(NOW + WATCH_SECONDS) == []
        assert await store.forget_setup_watches(NOW + 2 * WATCH_SECONDS) == WATCHES_PER_ACCOUNT
        assert await store.setup_watch(ann, one) is None

    with_account(tmp_path, act)


def test_what_works_at_last_is_kept_however_often_it_failed_before(tmp_path: Path) -> None:
    async def act(store: SqliteStore, ann: AccountId) -> None:
        watch = await store.open_setup_watch(NewWatch(ann, 1, "192.0.2.1", "mutt", NOW))
        lasting = [Notice(NoticeKind.PASSWORD_SENT, NOW), Notice(NoticeKind.SIGNED_IN, NOW)]
        await store.add_setup_notices(watch.id, lasting)
        for number in range(NOTICES_PER_WATCH):
            await store.add_setup_notices(watch.id, [Notice(NoticeKind.KNOCKED, NOW + number)])
        await store.add_setup_notices(watch.id, [Notice(NoticeKind.SENT, NOW)])
        found = await store.setup_watch(ann, watch.id)
        assert found is not None
        assert len(found[1]) == NOTICES_PER_WATCH
        assert found[1][:2] == lasting
        assert [one.at for one in found[1][2:5]] == [NOW, NOW + 4, NOW + 5]
        assert found[1][-1].kind is NoticeKind.SENT
        many = [Notice(NoticeKind.SIGNED_IN, NOW)] * (2 * NOTICES_PER_WATCH)
        await store.add_setup_notices(watch.id, many)
        sent = Notice(NoticeKind.SENT, NOW, "submission")
        await store.add_setup_notices(watch.id, [sent])
        found = await store.setup_watch(ann, watch.id)
        assert found is not None
        assert len(found[1]) == NOTICES_PER_WATCH
        assert found[1][-1] == sent

    with_account(tmp_path, act)


def test_an_app_passwords_letters_can_be_changed(tmp_path: Path) -> None:
    async def act(store: SqliteStore, ann: AccountId) -> None:
        keys, others = ScramKeys(b"s" * 32, b"k" * 32), ScramKeys(b"t" * 32, b"l" * 32)
        made = await store.add_app_password(ann, "x", Scope.ALL, b"d" * 32, keys, NOW, NOW + 9)
        await store.renew_app_password(ann, made.id, b"e" * 32, others)
        found = await store.credentials("ann@example.org")
        assert found is not None
        (one,) = found.app_passwords
        assert (one.digest, one.scram, one.unused_until) == (b"e" * 32, others, NOW + 9)

    with_account(tmp_path, act)

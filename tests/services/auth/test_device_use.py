"""When a device signed in last: counted in memory, written down now and then."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.engines.sqlite.store import SqliteStore
from mailclad.services.auth import device_use
from mailclad.services.auth.device_use import DeviceUse
from mailclad.services.auth.outcome import Use
from mailclad.services.auth.sign_ins import SignIn
from mailclad.store.errors import StoreUnavailable
from mailclad.store.model import Account, AppPassword, AppPasswordUse, Scope, ScramKeys
from tests.engines.stores import opened
from tests.services.clock import NOW, StandingClock

Kit = tuple[SqliteStore, Account, AppPassword, DeviceUse, StandingClock]
Act = Callable[[Kit], Awaitable[None]]


def with_device(tmp_path: Path, act: Act, unused_until: int | None = None) -> None:
    async def run() -> None:
        async with opened(tmp_path) as store:
            await store.add_domain("example.org")
            ada = await store.add_account("ada@example.org", "", 0)
            keys = ScramKeys(b"s" * 32, b"k" * 32)
            device = await store.add_app_password(
                ada.id, "phone", Scope.ALL, b"d" * 32, keys, NOW, unused_until
            )
            clock = StandingClock()
            await act((store, ada, device, DeviceUse(store, clock), clock))

    asyncio.run(run())


def test_the_latest_use_is_kept(tmp_path: Path) -> None:
    async def act(kit: Kit) -> None:
        store, ada, device, uses, clock = kit
        uses.signed_in(SignIn(ada, device, Use.IMAP, "192.0.2.1", "TLSv1.3"))
        assert await store.app_password_uses(ada.id) == []
        clock.seconds += 5
        uses.signed_in(SignIn(ada, device, Use.SUBMISSION, "192.0.2.2", "TLSv1.2"))
        uses.signed_in(SignIn(ada, None, Use.IMAP, "192.0.2.3", "TLSv1.3"))
        await uses.flush()
        await uses.flush()
        last = AppPasswordUse(device.id, NOW + 5, "submission", "TLSv1.2", "192.0.2.2")
        assert await store.app_password_uses(ada.id) == [last]
        await store.add_app_password_uses([replace(last, used_at=NOW)])
        assert await store.app_password_uses(ada.id) == [last]
        await store.remove_app_password(ada.id, device.id)
        await store.add_app_password_uses([last])
        assert await store.app_password_uses(ada.id) == []

    with_device(tmp_path, act)


def test_one_that_would_die_unused_is_confirmed_at_once(tmp_path: Path) -> None:
    async def act(kit: Kit) -> None:
        store, ada, device, uses, _clock = kit
        uses.signed_in(SignIn(ada, device, Use.IMAP, "192.0.2.1", "TLSv1.3"))
        while (await store.credentials("ada@example.org")).app_passwords[0].unused_until:  # type: ignore[union-attr]
            await asyncio.sleep(0)
        assert await store.forget_unused_app_passwords(NOW + 1_000) == 0

    with_device(tmp_path, act, unused_until=NOW + 900)


def test_a_server_that_stops_at_once_has_confirmed_it(tmp_path: Path) -> None:
    async def act(kit: Kit) -> None:
        store, ada, device, uses, _clock = kit
        uses.signed_in(SignIn(ada, device, Use.IMAP, "192.0.2.1", "TLSv1.3"))
        await asyncio.sleep(0)  # it is being written down
        await uses.close()
        assert await store.forget_unused_app_passwords(NOW + 1_000) == 0
        assert len(await store.app_password_uses(ada.id)) == 1

    with_device(tmp_path, act, unused_until=NOW + 900)


def test_one_that_was_not_used_in_time_goes(tmp_path: Path) -> None:
    async def act(kit: Kit) -> None:
        store, _ada, device, _uses, _clock = kit
        assert not device.is_worthless(NOW + 900)
        assert device.is_worthless(NOW + 901)
        assert await store.forget_unused_app_passwords(NOW + 900) == 0
        assert await store.forget_unused_app_passwords(NOW + 901) == 1

    with_device(tmp_path, act, unused_until=NOW + 900)


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_use, "WAITING", 3)

    async def act(kit: Kit) -> None:
        _store, ada, device, uses, _clock = kit
        for number in range(5):
            one = replace(device, id=device.id + number)
            uses.signed_in(SignIn(ada, one, Use.IMAP, "192.0.2.1", "TLSv1.3"))
        assert len(uses._waiting) == 3

    with_device(tmp_path, act)


def test_what_the_store_does_not_take_waits(tmp_path: Path) -> None:
    async def act(kit: Kit) -> None:
        store, ada, device, uses, _clock = kit

        async def refuse(_uses: object) -> None:
            raise StoreUnavailable("the disk is full")

        uses.signed_in(SignIn(ada, device, Use.IMAP, "192.0.2.1", "TLSv1.3"))
        kept, store.add_app_password_uses = store.add_app_password_uses, refuse  # type: ignore[assignment,method-assign]
        await uses.flush()
        store.add_app_password_uses = kept  # type: ignore[method-assign]
        await uses.flush()
        assert len(await store.app_password_uses(ada.id)) == 1

    with_device(tmp_path, act)

"""The trace on disk: found by every name, forgotten in time, and never in anybody's way."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.engines.sqlite import trace_rows, tracing
from mailclad.engines.sqlite.connection import open_index, rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.tracing import WAITING_EVENTS
from mailclad.store.errors import StoreUnavailable
from mailclad.store.model import AccountId
from mailclad.store.queue import QueueId
from mailclad.store.queue_name import queue_name
from mailclad.store.trace import (
    ADDRESSES_AN_EVENT,
    KEPT_DAYS,
    REFUSALS_A_MINUTE,
    REFUSALS_KEPT_DAYS,
    TEXT_LETTERS,
    Happening,
    TraceEvent,
)
from tests.engines.stores import add_account, opened, with_account

NOW = 1_796_000_000
DAY = 86_400
QUEUED = QueueId(NOW << 20)
RECEIVED = TraceEvent(
    NOW, "id1", Happening.RECEIVED, "from bob", "m1@x.example", None, ("bob@x.example",)
)
LEAVING = TraceEvent(NOW + 1, "id1", Happening.QUEUED, "for cat", "", QUEUED, ("cat@y.example",))
SENT = TraceEvent(NOW + 60, "id1", Happening.SENT, "to cat", "", QUEUED, ("cat@y.example",))
OTHER = replace(RECEIVED, at=NOW + 5, identity="id2", message_id="m2@x.example")


def test_a_life_is_found_whole_by_each_name(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        for event in (RECEIVED, LEAVING, OTHER):
            store.note(event)
        assert (await store.trace("id1"))[0].events == (RECEIVED, LEAVING)
        store.note(SENT)
        for name in ("id1", "m1@x.example", queue_name(QUEUED), "cat@y.example"):
            (life,) = await store.trace(name)
            assert life.identity == "id1"
            assert life.events == (RECEIVED, LEAVING, SENT)
        assert [life.identity for life in await store.trace("bob@x.example")] == ["id1", "id2"]
        assert [life.identity for life in await store.trace("bob@x.example", 1)] == ["id2"]
        assert await store.trace("nobody@x.example") == []

    with_account(tmp_path, scenario)


def test_what_two_processes_noted_is_one_life(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        async with opened(tmp_path) as other:
            store.note(RECEIVED)
            assert len(await store.trace("id1")) == 1
            other.note(SENT)
            assert len(await other.trace("id1")) == 1
            store.note(LEAVING)
            assert (await store.trace("id1"))[0].events == (RECEIVED, LEAVING, SENT)

    with_account(tmp_path, scenario)


def test_notes_are_written_without_being_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "GATHER_SECONDS", 0.0)

    async def scenario(store: SqliteStore, _: AccountId) -> None:
        async with opened(tmp_path) as other:
            other.note(RECEIVED)
            async with asyncio.timeout(10):
                while not await store.trace("id1"):
                    await asyncio.sleep(0)

    with_account(tmp_path, scenario)


def test_notes_are_written_when_the_store_closes(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        async with opened(tmp_path) as other:
            other.note(RECEIVED)
        assert len(await store.trace("id1")) == 1

    with_account(tmp_path, scenario)


def test_two_names_with_one_hash_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_rows, "_hash", len)

    async def scenario(store: SqliteStore, _: AccountId) -> None:
        store.note(RECEIVED)
        store.note(OTHER)
        (life,) = await store.trace("m2@x.example")
        assert life.events == (OTHER,)

    with_account(tmp_path, scenario)


def test_a_flood_of_refusals_is_kept_in_small_part(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        refused = replace(RECEIVED, happening=Happening.REFUSED)
        for number in range(REFUSALS_A_MINUTE + 50):
            store.note(replace(refused, identity=f"a{number}"))
        store.note(RECEIVED)
        store.note(replace(refused, identity="next", at=NOW + 60))
        assert await store.trace(f"a{REFUSALS_A_MINUTE - 1}")
        assert not await store.trace(f"a{REFUSALS_A_MINUTE}")
        assert await store.trace("id1")
        assert await store.trace("next")

    with_account(tmp_path, scenario)


def test_a_refusal_is_not_hidden_by_much_other_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_rows, "_EVENTS_LOOKED_AT", 5)

    async def scenario(store: SqliteStore, _: AccountId) -> None:
        for hours in range(KEPT_DAYS * 24):
            old = replace(RECEIVED, at=NOW - hours * 3_600, identity=f"a{hours}")
            store.note(old)
        store.note(replace(RECEIVED, identity="no", happening=Happening.REFUSED, at=NOW + 1))
        lives = await store.trace("bob@x.example")
        assert [life.identity for life in lives] == ["a3", "a2", "a1", "a0", "no"]

    with_account(tmp_path, scenario)


def test_events_beyond_what_may_wait_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "WAITING_EVENTS", 3)
    assert WAITING_EVENTS > 3

    async def scenario(store: SqliteStore, _: AccountId) -> None:
        for number in range(5):
            store.note(replace(RECEIVED, identity=f"a{number}", addresses=("b@x",) * 1_000))
        assert [len(event.addresses) for event in store._noted] == [ADDRESSES_AN_EVENT] * 3
        assert [life.identity for life in await store.trace("b@x")] == ["a0", "a1", "a2"]

    with_account(tmp_path, scenario)


def test_old_events_are_forgotten_and_refusals_sooner(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        store.note(RECEIVED)
        store.note(replace(OTHER, happening=Happening.REFUSED))
        assert len(await store.trace("bob@x.example")) == 2
        assert await store.forget_trace(NOW + REFUSALS_KEPT_DAYS * DAY) == 0
        assert await store.forget_trace(NOW + REFUSALS_KEPT_DAYS * DAY + 3_600) > 0
        assert [life.identity for life in await store.trace("bob@x.example")] == ["id1"]
        assert await store.forget_trace(NOW + KEPT_DAYS * DAY) == 0
        while await store.forget_trace(NOW + KEPT_DAYS * DAY + 3_600):
            pass
        assert await store.trace("bob@x.example") == []

    with_account(tmp_path, scenario)
    db = open_index(tmp_path / "index.db", cache_kib=100)
    assert rows(db, "SELECT * FROM trace_name") == []


def test_much_is_forgotten_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_rows, "FORGOTTEN_AT_ONCE", 2)

    async def scenario(store: SqliteStore, _: AccountId) -> None:
        for number in range(5):
            store.note(replace(RECEIVED, identity=f"a{number}"))
        await store.trace("a1")
        assert await store.forget_trace(NOW + 40 * DAY) == 4

    with_account(tmp_path, scenario)


def test_texts_of_strangers_can_always_be_stored(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        nasty = replace(
            RECEIVED,
            text="\ud800\0\x1b" + "x" * 5_000,
            message_id="\ud800",
            addresses=("ä\udfff@x",),
        )
        store.note(nasty)
        store.note(OTHER)
        (life,) = await store.trace("id1")
        assert life.events[0].text == "?\0\x1b" + "x" * (TEXT_LETTERS - 3)
        assert await store.trace("id2")

    with_account(tmp_path, scenario)


def test_a_sender_refused_before_there_was_a_message_is_found(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        for _number in range(2):
            store.note(replace(RECEIVED, identity="", happening=Happening.REFUSED, message_id=""))
        lives = await store.trace("bob@x.example")
        assert len({life.identity for life in lives}) == 2
        assert [len(life.events) for life in lives] == [1, 1]

    with_account(tmp_path, scenario)


def test_a_store_that_cannot_write_loses_notes_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("not now")

    async def scenario(store: SqliteStore, _: AccountId) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(trace_rows, "add", refuse)
            store.note(RECEIVED)
            adding = asyncio.gather(store._save(), add_account(store, "cat@example.org"))
            await adding
        assert len(await store.accounts()) == 2
        store.note(OTHER)
        assert [life.identity for life in await store.trace("bob@x.example")] == ["id2"]

    with_account(tmp_path, scenario)

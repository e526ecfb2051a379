"""Reports in the store: what is noted, due, settled with its mail, and kept of others."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.engines.sqlite import report_noting, report_receiving
from mailclad.engines.sqlite.connection import rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.queue import Dispatch, Envelope, NewRecipient
from mailclad.store.reports import (
    DAY_SECONDS,
    Keeping,
    LeftOut,
    NewReceived,
    Noted,
    ReceivedId,
    ReportKind,
    SendOutcome,
)
from tests.engines.stores import opened

DAY = 20_000
NOW = (DAY + 1) * DAY_SECONDS + 3_600
DUE = NOW - 60
MAIL = Dispatch(
    b"report", NOW, (Envelope("r@b.test", (NewRecipient("x@a.test", "a.test"),), NOW, NOW),)
)


def note(facts: bytes = b"f", number: int = 1, domain: str = "a.test", day: int = DAY) -> Noted:
    return Noted(day, ReportKind.DMARC, domain, DUE, facts, number)


def received(identifier: str = "1", *, octets: int = 10) -> NewReceived:
    return NewReceived(
        ReportKind.DMARC, "a.test", "Org", identifier, "c@x.test", 0, 5, NOW, "x.test", 3, 4,
        bytes(octets),
    )  # fmt: skip


def with_store(directory: Path, scenario: Callable[[SqliteStore], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(directory) as store:
            await scenario(store)

    asyncio.run(main())
    assert verify(directory) == []


def test_the_same_is_counted_together_whoever_notes_it(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        await store.add_notes([note(number=2), note(b"other")], ())
        await store.add_notes([note(number=3)], ())
        (topic,) = await store.take_due_reports(NOW, NOW + 60, 10)
        assert (topic.kinds, topic.seen, topic.left_out) == (2, 6, 0)
        assert sorted(await store.report_notes(topic.id)) == [(b"f", 5), (b"other", 1)]

    with_store(tmp_path, scenario)


def test_a_report_is_taken_by_one_until_it_is_time_to_try_again(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        await store.add_notes([note(), note(domain="b.test")], ())
        assert await store.take_due_reports(DUE - 1, NOW, 10) == []
        assert len(await store.take_due_reports(NOW, NOW + 60, 1)) == 1
        assert len(await store.take_due_reports(NOW, NOW + 60, 10)) == 1
        assert await store.take_due_reports(NOW, NOW + 60, 10) == []
        assert len(await store.take_due_reports(NOW + 60, NOW + 120, 10)) == 2

    with_store(tmp_path, scenario)


def test_settled_with_its_mail_and_only_once(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        await store.add_notes([note()], ())
        (topic,) = await store.take_due_reports(NOW, NOW + 60, 10)
        places = ["mailto:x@a.test", "mailto:y@a.test"]
        assert await store.settle_report(topic.id, SendOutcome.SENT, places, NOW, [MAIL])
        assert not await store.settle_report(topic.id, SendOutcome.SENT, places, NOW, [MAIL])
        assert (await store.queue_counts()).messages == 1
        assert await store.take_due_reports(NOW + 999, NOW + 1_000, 10) == []
        (settled,) = await store.reports_of_ours(DAY)
        assert (settled.outcome, settled.places) == (SendOutcome.SENT, tuple(places))
        await store.add_notes([note(number=7)], ())  # too late
        assert [(t.seen, t.left_out) for t in await store.reports_of_ours(DAY)] == [(1, 7)]

    with_store(tmp_path, scenario)


def test_what_has_no_room_is_counted_as_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_noting, "KINDS_A_TOPIC", 2)
    monkeypatch.setattr(report_noting, "TOPICS_A_DAY", 2)
    monkeypatch.setattr(report_noting, "KINDS_A_DAY", 3)

    async def scenario(store: SqliteStore) -> None:
        await store.add_notes([note(b"1"), note(b"2"), note(b"3", 10), note(b"1")], ())
        await store.add_notes([note(domain="b.test"), note(b"x", 4, "b.test")], ())
        await store.add_notes(
            [note(number=20, domain="c.test")], [LeftOut(DAY, ReportKind.DMARC, 5)]
        )
        found = {t.domain: (t.kinds, t.seen, t.left_out) for t in await store.reports_of_ours(DAY)}
        assert found == {"a.test": (2, 3, 10), "b.test": (1, 1, 4), "": (0, 0, 25)}
        due = await store.take_due_reports(NOW, NOW, 10)
        assert {topic.domain for topic in due} == {"a.test", "b.test"}

    with_store(tmp_path, scenario)


def test_reports_of_others_are_kept_once(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        assert await store.keep_received(received()) is Keeping.KEPT
        assert await store.keep_received(received()) is Keeping.KNOWN
        assert await store.keep_received(replace(received(), organization="Me")) is Keeping.KEPT
        first, second = await store.received_reports(0)
        assert first.report == received()
        assert await store.received_reports(0, after=first.id) == [second]
        assert await store.received_reports(6) == []
        assert await store.received_reports(0, "b.test") == []
        assert await store.received_report(first.id) == first
        assert await store.received_report(ReceivedId(99)) is None

    with_store(tmp_path, scenario)


def test_a_day_has_room_for_so_many_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_receiving, "RECEIVED_A_DAY", 2)
    monkeypatch.setattr(report_receiving, "RECEIVED_OCTETS_A_DAY", 100)

    async def scenario(store: SqliteStore) -> None:
        assert await store.keep_received(received("1")) is Keeping.KEPT
        assert await store.keep_received(received("2", octets=91)) is Keeping.TOO_MANY
        assert await store.keep_received(received("3")) is Keeping.KEPT
        assert await store.keep_received(received("4")) is Keeping.TOO_MANY
        tomorrow = replace(received("4"), received_at=NOW + DAY_SECONDS)
        assert await store.keep_received(tomorrow) is Keeping.KEPT

    with_store(tmp_path, scenario)


def test_what_was_ignored_is_counted_by_reason(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        for reason in ("why", "because", "because"):
            await store.count_ignored(DAY, reason)
        assert await store.ignored_reports(DAY) == [("because", 2), ("why", 1)]
        assert await store.ignored_reports(DAY + 1) == []

    with_store(tmp_path, scenario)


def test_old_ones_are_forgotten_with_all_that_belongs_to_them(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        await store.add_notes([note(), note(day=DAY + 1)], ())
        await store.keep_received(received())
        await store.count_ignored(DAY, "why")
        assert await store.forget_reports(DAY, NOW) == 0
        assert await store.forget_reports(DAY + 1, NOW + 1) == 2
        assert [topic.day for topic in await store.reports_of_ours(0)] == [DAY + 1]
        assert await store.received_reports(0) == []
        assert await store.ignored_reports(0) == []
        assert rows(store._db, "SELECT count(*) FROM report_note") == [(1,)]

    with_store(tmp_path, scenario)


def test_verify_finds_notes_that_are_not_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await store.add_notes([note()], ())
            rows(store._db, "UPDATE report_note SET number = 2")
            rows(store._db, "INSERT INTO report_note VALUES (9, x'00', 1)")

    asyncio.run(scenario())
    assert [problem.text for problem in verify(tmp_path)] == [
        f"the report about a.test of day {DAY} counts 1 kinds, 1 in all; there are 1 and 2",
        "report 9 is gone, but its notes are still there",
    ]

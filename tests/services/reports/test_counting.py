"""Notes are counted in memory, written down together, and bounded."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from mailclad.services.reports import counting
from mailclad.services.reports.counting import Counting, due_at
from mailclad.services.reports.facts import read_dmarc, read_tls
from mailclad.store.errors import StoreUnavailable
from mailclad.store.reports import DAY_SECONDS, LeftOut, Noted, ReportKind, Reports
from tests.services.reports.scene import DAY, EXPIRED, HOST, NOON, POLICY, ROW, STS, Scene, play


class FakeReports:
    """Remembers notes; ``broken`` takes none."""

    def __init__(self) -> None:
        self.broken = False
        self.meanwhile: Callable[[], None] = lambda: None
        self.notes: list[Noted] = []
        self.left_out: list[LeftOut] = []

    async def add_notes(self, notes: Sequence[Noted], left_out: Sequence[LeftOut]) -> None:
        self.meanwhile()
        if self.broken:
            raise StoreUnavailable("the disk is away")
        self.notes += notes
        self.left_out += left_out


def counting_for(store: FakeReports) -> Counting:
    return Counting(cast("Reports", store), HOST)


def note_many(counting: Counting, number: int) -> None:
    for n in range(number):
        counting.dmarc_verdict(NOON, POLICY, replace(ROW, source_ip=f"10.0.{n // 256}.{n % 256}"))


def test_the_same_is_one_note_with_its_number(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        for _ in range(3):
            scene.counting.dmarc_verdict(NOON, POLICY, ROW)
        scene.counting.tls_session(NOON, STS, None)
        scene.counting.tls_session(NOON, STS, EXPIRED)
        scene.counting.tls_session(NOON + DAY_SECONDS, STS, EXPIRED)
        await scene.counting.flush()
        await scene.counting.flush()
        found = await scene.store.reports_of_ours(0)
        assert [(t.day, t.kind, t.domain, t.seen) for t in found] == [
            (DAY + 1, ReportKind.TLS, "theirs.test", 1),
            (DAY, ReportKind.DMARC, "theirs.test", 3),
            (DAY, ReportKind.TLS, "theirs.test", 2),
        ]
        ((facts, number),) = await scene.store.report_notes(found[1].id)
        assert (read_dmarc(facts).policy, number) == (POLICY, 3)
        assert read_dmarc(facts).row == replace(ROW, count=0)
        tls = [read_tls(octets) for octets, _ in await scene.store.report_notes(found[2].id)]
        assert {one.failure for one in tls} == {None, replace(EXPIRED, sessions=0)}

    play(tmp_path, scenario)


def test_a_domain_that_is_no_text_can_be_kept(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.counting.dmarc_verdict(NOON, replace(POLICY, domain="\udcff" + "x" * 999), ROW)
        await scene.counting.flush()
        (topic,) = await scene.store.reports_of_ours(0)
        assert topic.domain == "?" + "x" * 319

    play(tmp_path, scenario)


def test_what_strangers_said_is_cut_and_can_always_be_written() -> None:
    async def scenario() -> None:
        store = FakeReports()
        counting = counting_for(store)
        counting.tls_session(NOON, STS, replace(EXPIRED, receiving_mx_helo="\udcff" + "x" * 9_999))
        counting.dmarc_verdict(
            NOON, POLICY, replace(ROW, dkim_results=ROW.dkim_results * 99, header_from="y" * 9_999)
        )
        await counting.flush()
        tls, dmarc = (note.facts for note in store.notes)
        failure = read_tls(tls).failure
        assert failure is not None
        assert len(failure.receiving_mx_helo) == 320
        assert len(read_dmarc(dmarc).row.dkim_results) == 10
        assert len(read_dmarc(dmarc).row.header_from) == 320

    asyncio.run(scenario())


def test_beyond_the_limit_only_the_number_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "WAITING_KINDS", 10)

    async def scenario() -> None:
        store = FakeReports()
        counting = counting_for(store)
        note_many(counting, 14)
        counting.dmarc_verdict(NOON, POLICY, replace(ROW, source_ip="10.0.0.1"))
        await counting.flush()
        assert len(store.notes) == 10
        assert sum(note.number for note in store.notes) == 11
        assert store.left_out == [LeftOut(DAY, ReportKind.DMARC, 4)]

    asyncio.run(scenario())


def test_what_the_store_did_not_take_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "WAITING_KINDS", 10)

    async def scenario() -> None:
        store = FakeReports()
        counting = counting_for(store)
        store.broken = True
        note_many(counting, 11)
        store.meanwhile = lambda: counting.tls_session(NOON, STS, None)
        await counting.flush()
        counting.tls_session(NOON, STS, EXPIRED)  # as much as there may be is waiting already
        store.broken, store.meanwhile = False, lambda: None
        await counting.flush()
        assert sum(note.number for note in store.notes) == 10
        assert set(store.left_out) == {
            LeftOut(DAY, ReportKind.DMARC, 2),
            LeftOut(DAY, ReportKind.TLS, 1),
        }

    asyncio.run(scenario())


def test_many_are_written_down_at_once() -> None:
    async def scenario() -> None:
        store = FakeReports()
        counting = counting_for(store)
        running = asyncio.create_task(counting.run())
        note_many(counting, 1_000)
        while not store.notes:
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert len(store.notes) == 1_000

    asyncio.run(asyncio.wait_for(scenario(), 5))


@pytest.mark.rfc("8460", "4.1")
def test_reports_are_due_in_the_first_hours_of_the_next_day_each_at_its_time() -> None:
    midnight = (DAY + 1) * DAY_SECONDS
    times = {due_at(HOST, f"{n}.test", DAY) - midnight for n in range(500)}
    assert min(times) >= 900
    assert max(times) < 900 + 4 * 3_600
    assert len(times) > 400
    assert due_at(HOST, "a.test", DAY) + DAY_SECONDS == due_at(HOST, "a.test", DAY + 1)

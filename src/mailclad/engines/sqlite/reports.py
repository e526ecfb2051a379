"""The verbs of daily reports, tied to readers and committer."""

from collections.abc import Sequence
from typing import cast

from mailclad.engines.sqlite import report_noting, report_receiving
from mailclad.engines.sqlite.queue import arrival_of
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.queue import Dispatch
from mailclad.store.reports import (
    Keeping,
    LeftOut,
    NewReceived,
    Noted,
    Received,
    ReceivedId,
    Reports,
    SendOutcome,
    Topic,
    TopicId,
)


class SqliteReports(Verbs, Reports):
    # --- ours ---

    async def add_notes(self, notes: Sequence[Noted], left_out: Sequence[LeftOut]) -> None:
        await self._write(report_noting.add, notes, left_out)

    async def take_due_reports(self, now: int, again: int, limit: int) -> list[Topic]:
        if not self._readers.here(report_noting.any_due, now):
            return []
        return await self._write(report_noting.take_due, now, again, limit)

    async def report_notes(self, topic: TopicId) -> list[tuple[bytes, int]]:
        return await self._readers.there(report_noting.notes, topic)

    async def settle_report(
        self,
        topic: TopicId,
        outcome: SendOutcome,
        places: Sequence[str],
        now: int,
        mails: Sequence[Dispatch] = (),
    ) -> bool:
        arrivals = [arrival_of(mail) for mail in mails]

        def run(tx: Transaction) -> bool:
            return report_noting.settle(tx, topic, outcome, places, now, arrivals)

        return cast("bool", await self._committer.work(run, arrivals))

    async def reports_of_ours(self, since_day: int) -> list[Topic]:
        return await self._readers.there(report_noting.since, since_day)

    # --- those of others ---

    async def keep_received(self, report: NewReceived) -> Keeping:
        return await self._write(report_receiving.keep, report)

    async def received_reports(
        self, since: int, domain: str | None = None, after: ReceivedId | None = None
    ) -> list[Received]:
        return await self._readers.there(report_receiving.page, since, domain, after)

    async def received_report(self, report: ReceivedId) -> Received | None:
        return self._readers.here(report_receiving.one, report)

    async def count_ignored(self, day: int, reason: str) -> None:
        await self._write(report_receiving.count_ignored, day, reason)

    async def ignored_reports(self, since_day: int) -> list[tuple[str, int]]:
        return self._readers.here(report_receiving.ignored, since_day)

    async def forget_reports(self, noted_before: int, received_before: int) -> int:
        gone = await self._write(report_noting.forget, noted_before)
        return gone + await self._write(report_receiving.forget, noted_before, received_before)

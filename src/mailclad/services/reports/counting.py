"""What is noted for reports, counted in memory and written down every few seconds.

Mail does not wait for a note: it is one step in a dictionary.  What came in the last seconds is
lost with the process; reports are a help, and nobody's mail.  A report is due at its domain's
own time in the first hours of the next day (RFC 8460 §4.1), so that not all servers of the
world write at midnight.

Limits: ``WAITING_KINDS`` in memory, those of ``store.reports`` on disk; what is beyond them is
counted as left out.
"""

import asyncio
import zlib
from collections import Counter

import structlog

from mailclad.mail.dmarc.report import PolicyShown, Row
from mailclad.mail.tls_rpt import Failure, PolicySummary
from mailclad.services.reports.facts import DmarcFacts, TlsFacts, cut_text, write_dmarc, write_tls
from mailclad.services.reports.notes import Notes
from mailclad.store.errors import StoreProblem
from mailclad.store.reports import DAY_SECONDS, LeftOut, Noted, ReportKind, Reports

FLUSH_SECONDS = 10.0
"""What a crash may lose."""

FLUSH_KINDS = 1_000
"""So many different notes are written down at once, however soon they came."""

WAITING_KINDS = 5_000
"""Beyond it notes are left out: the store has not taken any for a while.  Some 10 MB."""

FIRST_SECONDS = 15 * 60
"""After midnight: by then every process has written down its notes of the day."""

SPREAD_SECONDS = 4 * 3_600
"""RFC 8460 §4.1: a delay of up to four hours."""

_log = structlog.get_logger()

_Key = tuple[int, PolicySummary, Failure | None] | tuple[int, PolicyShown, Row]


def due_at(host_name: str, domain: str, day: int) -> int:
    """When the report of a day may be sent; always at the same time of the day."""
    spread = zlib.crc32(f"{host_name} {domain}".encode("utf-8", "replace")) % SPREAD_SECONDS
    return (day + 1) * DAY_SECONDS + FIRST_SECONDS + spread


class Counting(Notes):
    """Of one process."""

    def __init__(self, store: Reports, host_name: str) -> None:
        self._store, self._host_name = store, host_name
        self._counts: Counter[_Key] = Counter()
        self._left_out: Counter[tuple[int, ReportKind]] = Counter()
        self._many = asyncio.Event()

    def tls_session(self, at: int, policy: PolicySummary, failure: Failure | None) -> None:
        self._count((at // DAY_SECONDS, policy, failure), ReportKind.TLS)

    def dmarc_verdict(self, at: int, policy: PolicyShown, row: Row) -> None:
        self._count((at // DAY_SECONDS, policy, row), ReportKind.DMARC)

    def _count(self, key: _Key, kind: ReportKind) -> None:
        counts = self._counts
        if key in counts:
            counts[key] += 1
        elif len(counts) < WAITING_KINDS:
            counts[key] = 1
            if len(counts) == FLUSH_KINDS:
                self._many.set()
        else:
            self._left_out[key[0], kind] += 1

    async def run(self) -> None:
        """Write down now and then, until cancelled."""
        while True:
            try:
                await asyncio.wait_for(self._many.wait(), FLUSH_SECONDS)
            except TimeoutError:
                pass
            else:  # and should the store not take them, not again before the usual time
                self._many.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write down what was counted; what the store does not take waits for the next time."""
        if not self._counts and not self._left_out:
            return
        counts, self._counts = self._counts, Counter()
        left_out, self._left_out = self._left_out, Counter()
        try:
            await self._store.add_notes(
                [self._noted(key, number) for key, number in counts.items()],
                [LeftOut(day, kind, number) for (day, kind), number in left_out.items()],
            )
        except StoreProblem as problem:
            _log.warning("notes for reports not written down", reason=str(problem))
            self._take_back(counts)
            self._left_out += left_out

    def _take_back(self, counts: Counter[_Key]) -> None:
        for key, number in counts.items():
            if key in self._counts or len(self._counts) < WAITING_KINDS:
                self._counts[key] += number
            else:
                kind = ReportKind.TLS if isinstance(key[1], PolicySummary) else ReportKind.DMARC
                self._left_out[key[0], kind] += number

    def _noted(self, key: _Key, number: int) -> Noted:
        day, policy, what = key
        if isinstance(policy, PolicySummary):
            assert not isinstance(what, Row)
            kind, domain = ReportKind.TLS, policy.policy_domain
            facts = write_tls(TlsFacts(policy, what))
        else:
            assert isinstance(what, Row)
            kind, domain = ReportKind.DMARC, policy.domain
            facts = write_dmarc(DmarcFacts(policy, what))
        due = due_at(self._host_name, domain, day)
        return Noted(day, kind, cut_text(domain), due, facts, number)

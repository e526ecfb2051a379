"""Fail each verb of reports at step 1, 2, 3 … until it succeeds: all or nothing, always whole.

As ``test_queue_sweep``, for the tables of reports; settling queues mail in the same transaction.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mailclad.engines.sqlite.connection import rows
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.reports import LeftOut, ReportKind, SendOutcome, TopicId
from tests.engines.sqlite.test_reports import DAY, MAIL, NOW, note, received
from tests.faults.test_queue_sweep import check_all_or_nothing, fail_at

Verb = Callable[[SqliteStore], Awaitable[object]]

VERBS: dict[str, Verb] = {
    "note": lambda store: store.add_notes(
        [note(b"new"), note(domain="new.test")], [LeftOut(DAY, ReportKind.TLS, 3)]
    ),
    "take": lambda store: store.take_due_reports(NOW, NOW + 60, 10),
    "settle": lambda store: store.settle_report(
        TopicId(1), SendOutcome.SENT, ["mailto:x@a.test"], NOW, [MAIL, MAIL]
    ),
    "keep": lambda store: store.keep_received(received("new")),
    "ignore": lambda store: store.count_ignored(DAY, "why"),
}

_TABLES = (
    "report_topic", "report_note", "report_received", "report_ignored", "content", "queue_message",
    "queue_recipient", "queue_destination", "queue_count",
)  # fmt: skip


def contents_of(store: SqliteStore) -> str:
    return repr([rows(store._db, f"SELECT * FROM {table}") for table in _TABLES])


async def sweep(directory: Path, verb: Verb) -> int:
    store = SqliteStore.open(directory)
    await store.add_notes([note(), note(b"other"), note(domain="b.test")], ())
    await store.keep_received(received())
    before = contents_of(store)
    failed = 0
    for step in itertools.chain(range(1, 150), range(150, 1_500, 7), itertools.count(1_500, 61)):
        fail_at(store, step)
        if await check_all_or_nothing(store, verb(store), before, contents_of):
            break
        failed += 1
    await store.close()
    return failed


@pytest.mark.slow
@pytest.mark.parametrize("name", VERBS)
def test_index_fails_at_every_step(tmp_path: Path, name: str) -> None:
    assert asyncio.run(sweep(tmp_path, VERBS[name])) > 20
    assert verify(tmp_path) == []

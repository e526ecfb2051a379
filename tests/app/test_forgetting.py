"""The duty that forgets: old traces, and attempts at messages that have gone."""

from pathlib import Path

from mailclad.app.forgetting import forget
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.model import AccountId
from mailclad.store.queue import Attempt, QueueId, Settlement
from mailclad.store.trace import KEPT_DAYS, Happening, TraceEvent
from tests.engines.stores import with_account
from tests.sessions.smtp.talk import NOW, FakeClock

DAY = 86_400


def test_what_is_old_goes_and_the_rest_stays(tmp_path: Path) -> None:
    async def scenario(store: SqliteStore, _: AccountId) -> None:
        for number, days in (("old", KEPT_DAYS + 1), ("new", KEPT_DAYS - 1)):
            at = NOW - days * DAY
            store.note(TraceEvent(at, number, Happening.RECEIVED, "from somebody"))
            tried = Attempt(at, "a.example", "mx", "192.0.2.1", "", "", "", "", "250")
            await store.settle("me", [Settlement(QueueId(at << 20), (), (tried,))])
        assert await store.trace("old")
        await forget(store, FakeClock())
        assert not await store.trace("old")
        assert await store.trace("new")
        kept = [
            len(await store.queue_attempts(QueueId(NOW - days * DAY << 20)))
            for days in (KEPT_DAYS + 1, KEPT_DAYS - 1)
        ]
        assert kept == [0, 1]

    with_account(tmp_path, scenario)

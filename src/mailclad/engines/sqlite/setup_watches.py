"""Live watches over devices that are being set up, and what was noticed."""

from collections.abc import Sequence

import apsw

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.model import AccountId
from mailclad.store.setup_watches import (
    NOTICES_PER_WATCH,
    WATCH_SECONDS,
    WATCHES_PER_ACCOUNT,
    NewWatch,
    Notice,
    NoticeKind,
    SetupWatches,
    Watch,
)

_READ = "SELECT id, account, app_password, address, client, opened_at FROM setup_watch WHERE "
_NOTICES = (
    "SELECT kind, at, service, port, detail FROM setup_notice WHERE watch = ? ORDER BY number"
)
_ADD = "INSERT INTO setup_notice VALUES (?, ?, ?, ?, ?, ?, ?)"
_COUNT = "SELECT count(*), coalesce(max(number), -1) FROM setup_notice WHERE watch = ?"
_OLDEST_REPEATS = (
    "DELETE FROM setup_notice WHERE watch = ?1 AND number IN ("
    "SELECT number FROM setup_notice WHERE watch = ?1 AND number NOT IN ("
    "SELECT min(number) FROM setup_notice WHERE watch = ?1 GROUP BY kind, service, port)"
    " ORDER BY number LIMIT ?2)"
)
_BEYOND = "SELECT id FROM setup_watch WHERE account = ? ORDER BY id DESC LIMIT -1 OFFSET ?"


class SqliteSetupWatches(Verbs, SetupWatches):
    async def open_setup_watch(self, new: NewWatch) -> Watch:
        return await self._write(_open, new)

    async def open_setup_watches(self, now: int) -> list[Watch]:
        return self._readers.here(_not_ended, now)

    async def setup_watch(
        self, account: AccountId, watch: int
    ) -> tuple[Watch, list[Notice]] | None:
        return self._readers.here(_one, account, watch)

    async def add_setup_notices(self, watch: int, notices: Sequence[Notice]) -> None:
        await self._write(_add, watch, notices)

    async def forget_setup_watches(self, now: int) -> int:
        return await self._write(_forget, now)


def _open(tx: Transaction, new: NewWatch) -> Watch:
    number = tx.take_ids("setup_watch", 1)
    row = (new.account, new.app_password, new.address, new.client, new.opened_at)
    rows(tx.db, "INSERT INTO setup_watch VALUES (?, ?, ?, ?, ?, ?)", (number, *row))
    for (old,) in rows(tx.db, _BEYOND, (new.account, WATCHES_PER_ACCOUNT)):
        _drop(tx, old)
    return Watch(number, *row)


def _not_ended(db: apsw.Connection, now: int) -> list[Watch]:
    return [Watch(*row) for row in rows(db, _READ + "opened_at > ?", (now - WATCH_SECONDS,))]


def _one(db: apsw.Connection, account: AccountId, watch: int) -> tuple[Watch, list[Notice]] | None:
    row = first_row(db, _READ + "account = ? AND id = ?", (account, watch))
    if row is None:
        return None
    found = rows(db, _NOTICES, (watch,))
    return Watch(*row), [Notice(NoticeKind(kind), *others) for kind, *others in found]


def _add(tx: Transaction, watch: int, notices: Sequence[Notice]) -> None:
    if first_row(tx.db, "SELECT 1 FROM setup_watch WHERE id = ?", (watch,)) is None:
        return
    (there, last), *_ = rows(tx.db, _COUNT, (watch,))
    for number, one in enumerate(notices, last + 1):
        row = (watch, number, one.kind.value, one.at, one.service, one.port, one.detail)
        rows(tx.db, _ADD, row)
    rows(tx.db, _OLDEST_REPEATS, (watch, max(0, there + len(notices) - NOTICES_PER_WATCH)))


def _forget(tx: Transaction, now: int) -> int:
    ended = rows(
        tx.db, "SELECT id FROM setup_watch WHERE opened_at <= ?", (now - 2 * WATCH_SECONDS,)
    )
    for (number,) in ended:
        _drop(tx, number)
    return len(ended)


def _drop(tx: Transaction, watch: int) -> None:
    rows(tx.db, "DELETE FROM setup_notice WHERE watch = ?", (watch,))
    rows(tx.db, "DELETE FROM setup_watch WHERE id = ?", (watch,))

"""What each account sends: the verbs, tied to readers and committer (``spending`` counts)."""

from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.queue import SqliteQueue, arrival_of
from mailclad.engines.sqlite.spending import SENT_SINCE
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.store.model import AccountId
from mailclad.store.queue import Dispatch, QueueId
from mailclad.store.sending import Sending, Sent, Spending

_FORGET = "DELETE FROM sent WHERE hour < ? RETURNING 1"


class SqliteSending(SqliteQueue, Sending):
    async def enqueue_counted(self, dispatch: Dispatch, spending: Spending) -> tuple[QueueId, ...]:
        return await self._enqueue(arrival_of(dispatch, spending))

    async def sent_since(self, account: AccountId, hour: int) -> Sent:
        return Sent(*self._readers.here(first_row, SENT_SINCE, (account, hour)))

    async def forget_sent(self, before_hour: int) -> int:
        return await self._write(_forget, before_hour)


def _forget(tx: Transaction, before_hour: int) -> int:
    return len(rows(tx.db, _FORGET, (before_hour,)))

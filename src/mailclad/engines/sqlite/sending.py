"""What each account sends, counted in the commit that keeps the message."""

from typing import cast

from mailclad.engines.sqlite.arrival import store_or_refuse
from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.queue import arrival_of
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.errors import SentTooMuch
from mailclad.store.model import AccountId
from mailclad.store.queue import Dispatch, QueueId
from mailclad.store.sending import HOUR_SECONDS, HOURS_A_DAY, Sending, Sent, Spending

_SUM = (
    "SELECT coalesce(sum(messages), 0), coalesce(sum(recipients), 0) FROM sent"
    " WHERE account = ? AND hour >= ?"
)
_COUNT = (
    "INSERT INTO sent VALUES (?1, ?2, 1, ?3) ON CONFLICT (account, hour)"
    " DO UPDATE SET messages = messages + 1, recipients = recipients + ?3"
)
_FORGET = "DELETE FROM sent WHERE hour < ? RETURNING 1"


class SqliteSending(Verbs, Sending):
    async def enqueue_counted(self, dispatch: Dispatch, spending: Spending) -> tuple[QueueId, ...]:
        arrival = arrival_of(dispatch)

        def run(tx: Transaction) -> tuple[QueueId, ...]:
            _spend(tx, spending, dispatch.now // HOUR_SECONDS)
            store_or_refuse(tx, [arrival])
            return arrival.queued

        queued = cast("tuple[QueueId, ...]", await self._committer.work(run, [arrival]))
        if queued:
            self._wake_queue()
        return queued

    async def sent_since(self, account: AccountId, hour: int) -> Sent:
        return Sent(*self._readers.here(first_row, _SUM, (account, hour)))

    async def forget_sent(self, before_hour: int) -> int:
        return await self._write(_forget, before_hour)


def _spend(tx: Transaction, spending: Spending, hour: int) -> None:
    allowance = spending.allowance
    first_hour = hour - HOURS_A_DAY + 1
    for since, most, name in (
        (hour, allowance.each_hour, "hour"),
        (first_hour, allowance.each_day, "day"),
    ):
        sent = Sent(*first_row(tx.db, _SUM, (spending.account, since)))
        if (
            sent.messages >= most.messages
            or sent.recipients + spending.recipients > most.recipients
        ):
            raise SentTooMuch(f"the account has sent as much as it may in one {name}")
    rows(tx.db, _COUNT, (spending.account, hour, spending.recipients))


def _forget(tx: Transaction, before_hour: int) -> int:
    return len(rows(tx.db, _FORGET, (before_hour,)))

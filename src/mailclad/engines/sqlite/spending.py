"""What each account sends, counted for a whole batch in the commit that keeps it."""

from dataclasses import dataclass

import apsw

from mailclad.engines.sqlite.connection import first_row
from mailclad.store.errors import SentTooMuch
from mailclad.store.model import AccountId
from mailclad.store.sending import HOURS_A_DAY, Sent, Spending

SENT_SINCE = (
    "SELECT coalesce(sum(messages), 0), coalesce(sum(recipients), 0) FROM sent"
    " WHERE account = ? AND hour >= ?"
)
_COUNT = (
    "INSERT INTO sent VALUES (?1, ?2, ?3, ?4) ON CONFLICT (account, hour)"
    " DO UPDATE SET messages = messages + ?3, recipients = recipients + ?4"
)


@dataclass(slots=True)
class _Spent:
    """``in_hour`` and ``in_day`` as they are written; the others are the batch's."""

    hour: int
    in_hour: Sent
    in_day: Sent
    messages: int = 0
    recipients: int = 0


class SpentInBatch:
    """Asked for each message; written once."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._spent: dict[AccountId, _Spent] = {}

    def spend(self, spending: Spending, hour: int) -> None:
        """Raises SentTooMuch, and then nothing is counted."""
        account, allowance = spending.account, spending.allowance
        spent = self._spent.get(account)
        if spent is not None and spent.hour != hour:
            self.save()
            spent = None
        if spent is None:
            spent = self._spent[account] = self._read(account, hour)
        for before, most, name in (
            (spent.in_hour, allowance.each_hour, "hour"),
            (spent.in_day, allowance.each_day, "day"),
        ):
            recipients = before.recipients + spent.recipients + spending.recipients
            if before.messages + spent.messages >= most.messages or recipients > most.recipients:
                raise SentTooMuch(f"the account has sent as much as it may in one {name}")
        spent.messages += 1
        spent.recipients += spending.recipients

    def save(self) -> None:
        counted = [
            (account, spent.hour, spent.messages, spent.recipients)
            for account, spent in self._spent.items()
            if spent.messages
        ]
        self._db.executemany(_COUNT, counted)
        self._spent.clear()

    def _read(self, account: AccountId, hour: int) -> _Spent:
        in_hour = first_row(self._db, SENT_SINCE, (account, hour))
        in_day = first_row(self._db, SENT_SINCE, (account, hour - HOURS_A_DAY + 1))
        return _Spent(hour, Sent(*in_hour), Sent(*in_day))

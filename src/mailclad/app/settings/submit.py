"""[submit]: how much each account may send."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from mailclad.app.strict import Positive, Strict, Wrong
from mailclad.services.submit.terms import HIGHEST_PRIORITY, USUAL_ALLOWANCE

Priority = Annotated[int, msgspec.Meta(ge=0, le=9)]


class SubmitConfig(Strict, frozen=True, kw_only=True):
    """An hour is the clock's, a day the last 24 of them; recipients here count as well."""

    messages_per_hour: Positive = USUAL_ALLOWANCE.each_hour.messages
    messages_per_day: Positive = USUAL_ALLOWANCE.each_day.messages
    recipients_per_hour: Positive = USUAL_ALLOWANCE.each_hour.recipients
    recipients_per_day: Positive = USUAL_ALLOWANCE.each_day.recipients
    highest_priority: Priority = HIGHEST_PRIORITY

    def wrong(self) -> Iterator[Wrong]:
        for what in ("messages", "recipients"):
            each_hour, each_day = f"{what}_per_hour", f"{what}_per_day"
            hour, day = getattr(self, each_hour), getattr(self, each_day)
            if hour > day:
                text = f"{hour} in an hour are more than {day} in a day: raise {each_day} as well"
                yield (each_hour,), text

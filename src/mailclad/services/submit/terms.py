"""What people with an account may do: how much they send, how long it waits, how urgent."""

from dataclasses import dataclass

from mailclad.store.sending import Allowance, Sent

USUAL_ALLOWANCE = Allowance(
    each_hour=Sent(messages=300, recipients=1_000), each_day=Sent(messages=1_000, recipients=3_000)
)
"""More than anybody writes by hand, less than makes a stolen password worth having; Gmail lets
2,000 recipients a day through."""

HOLD_SECONDS = 45 * 86_400
"""How far ahead a message may be given (FUTURERELEASE): a month and a half, as iCloud Mail."""

HIGHEST_PRIORITY = 4
"""Of RFC 6710: "urgent" of everyday mail (its table for MIXER); what is above is for alarms."""


@dataclass(frozen=True, slots=True)
class SubmitTerms:
    allowance: Allowance = USUAL_ALLOWANCE
    highest_priority: int = HIGHEST_PRIORITY

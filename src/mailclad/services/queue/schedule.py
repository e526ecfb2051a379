"""When a message is tried again, and when that is enough (RFC 5321 §4.5.4.1).

In come times and counts, and a random number from 0 to 1 where things should not all happen at
once; out come times.  The first retries come soon, because greylisting and restarts are over
in minutes; later ones every four hours, for five days.
"""

from dataclasses import dataclass
from enum import Enum

from mailclad.store.queue import RecipientState, Result

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

RETRY_SECONDS = (
    5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 40 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR, 4 * _HOUR,
)  # fmt: skip
"""From one attempt to the next; the last goes on for ever.  RFC 5321 asks for 30 minutes at
least in general, and for two attempts in the first hour, as greylisting expects."""

JITTER = 0.25
"""A wait is up to a quarter longer, so that what failed together is not tried together."""

LIFETIME_SECONDS = 5 * _DAY
"""RFC 5321 §4.5.4.1: give up after four or five days at the earliest."""

WARN_SECONDS = 4 * _HOUR
"""Who waits for an answer wants to know the same working day (Sendmail's and Exim's habit)."""


def retry_at(attempts: int, now: int, expires: int, chance: float) -> int:
    """When to try again, having tried ``attempts`` times; the last time is at ``expires``."""
    wait = RETRY_SECONDS[min(max(attempts, 1), len(RETRY_SECONDS)) - 1]
    at = now + int(wait * (1 + JITTER * chance))
    return max(now + 1, min(at, expires)) if now < expires else at


class Told(Enum):
    """What the sender hears of a failed attempt."""

    NOTHING = "nothing"
    DELAY = "delay"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a recipient whose attempt brought no final answer."""

    result: Result
    told: Told


def after_deferral(
    number: int,
    attempts: int,
    answer: str,
    now: int,
    *,
    expires: int,
    warn_at: int,
    warned: bool,
    chance: float,
) -> Verdict:
    """Try again, and perhaps say so; or give up.  ``attempts`` counts this one."""
    if now >= expires:
        return Verdict(Result(number, RecipientState.FAILED, answer), Told.FAILURE)
    warning = now >= warn_at and not warned
    at = retry_at(attempts, now, expires, chance)
    if now < warn_at and not warned:
        at = min(at, warn_at)  # the sender hears of the delay when he should
    result = Result(number, RecipientState.WAITING, answer, at, warned=warning)
    return Verdict(result, Told.DELAY if warning else Told.NOTHING)

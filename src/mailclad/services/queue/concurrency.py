"""How much may be under way to a destination at once, and for how long one that fails is left.

Begins small and grows with each message that is taken, as TCP does; a connection that fails
halves it, and after ``FAILURES`` in a row the destination is paused.  In comes what happened,
out comes the next state; nothing is kept here and nothing is on disk: a restart begins anew.
"""

from dataclasses import dataclass, replace

FIRST = 5
"""Enough to learn whether a server answers, without a flood at one that is ill."""

MOST = 20
"""As Postfix: does not hurt a small server, and fills the pipe to a large one."""

FAILURES = 3
"""Connections that failed one after the other; one may be an accident."""

PAUSE_SECONDS = 5 * 60
LONGEST_PAUSE_SECONDS = 60 * 60
"""A server that is down for hours is asked once an hour, not once for each message."""

JITTER = 0.25


@dataclass(frozen=True, slots=True)
class Destination:
    """``limit``: messages under way; ``failures``: connections that failed in a row."""

    limit: int = FIRST
    failures: int = 0


def after_success(destination: Destination, most: int = MOST) -> Destination:
    """A message was taken, or refused in good order: the server works."""
    return Destination(min(destination.limit + 1, most))


def after_failure(
    destination: Destination, now: int, chance: float
) -> tuple[Destination, int | None]:
    """No connection, or it broke: the next state, and until when to pause, if at all."""
    failures = destination.failures + 1
    after = replace(destination, limit=max(destination.limit // 2, 1), failures=failures)
    if failures < FAILURES:
        return after, None
    doublings = min(failures - FAILURES, 10)
    seconds = min(PAUSE_SECONDS << doublings, LONGEST_PAUSE_SECONDS)
    return after, now + int(seconds * (1 + JITTER * chance))

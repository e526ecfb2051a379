"""A destination that works gets more, one that fails less, then a rest."""

from mailclad.services.queue.concurrency import (
    FAILURES,
    FIRST,
    LONGEST_PAUSE_SECONDS,
    MOST,
    PAUSE_SECONDS,
    Destination,
    after_failure,
    after_success,
)


def test_grows_to_the_limit() -> None:
    destination = Destination()
    assert after_success(destination).limit == FIRST + 1
    for _ in range(100):
        destination = after_success(destination)
    assert destination.limit == MOST
    assert after_success(destination, most=3).limit == 3


def test_failures_halve_then_pause() -> None:
    destination, pauses = Destination(limit=8), []
    for _ in range(FAILURES + 20):
        destination, until = after_failure(destination, 1_000, 0.0)
        pauses.append(None if until is None else until - 1_000)
    assert pauses[: FAILURES - 1] == [None] * (FAILURES - 1)
    assert pauses[FAILURES - 1 : FAILURES + 1] == [PAUSE_SECONDS, 2 * PAUSE_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert destination.limit == 1
    assert after_success(destination).failures == 0


def test_chance_lengthens_a_pause() -> None:
    ill = Destination(1, FAILURES - 1)
    assert after_failure(ill, 0, 1.0)[1] == PAUSE_SECONDS * 1.25

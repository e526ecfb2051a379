"""When it is tried again, and when that is enough."""

from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.queue.schedule import (
    JITTER,
    LIFETIME_SECONDS,
    RETRY_SECONDS,
    WARN_SECONDS,
    Told,
    after_deferral,
    retry_at,
)
from mailclad.store.queue import RecipientState

NOW = 1_700_000_000
CHANCES = st.floats(0, 1)


def test_waits_grow_to_four_hours() -> None:
    waits = [retry_at(attempts, 0, 10**9, 0.0) for attempts in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[0] == 300
    assert waits[-1] == waits[-3] == 4 * 3_600


@given(st.integers(-1, 10**6), st.integers(0, 10**6), CHANCES)
def test_next_attempt_is_later_but_not_beyond_the_end(
    attempts: int, left: int, chance: float
) -> None:
    at = retry_at(attempts, NOW, NOW + left, chance)
    assert NOW < at <= NOW + RETRY_SECONDS[-1] * (1 + JITTER)
    if left:
        assert at <= NOW + left


def test_chance_spreads_what_failed_together() -> None:
    assert retry_at(1, 0, 10**9, 1.0) == 375
    assert len({retry_at(8, 0, 10**9, chance / 100) for chance in range(100)}) == 100


def test_a_life_of_a_message_that_nobody_takes() -> None:
    """Tried about forty times; its sender is told once that it is late, once that it failed."""
    now, attempts, warned, told = NOW, 0, False, []
    while True:
        attempts += 1
        verdict = after_deferral(
            0, attempts, "451", now, expires=NOW + LIFETIME_SECONDS, warn_at=NOW + WARN_SECONDS,
            warned=warned, chance=0.5,
        )  # fmt: skip
        if verdict.told is not Told.NOTHING:
            told.append((verdict.told, now - NOW))
        warned |= verdict.result.warned
        if verdict.result.state is RecipientState.FAILED:
            break
        now = verdict.result.next_attempt
    assert [what for what, _ in told] == [Told.DELAY, Told.FAILURE]
    assert WARN_SECONDS <= told[0][1] < 2 * WARN_SECONDS
    assert told[1][1] == LIFETIME_SECONDS
    assert 30 < attempts < 50

"""Guessing becomes slow and stays possible for the owner, all on a fake clock."""

import contextlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.auth.outcome import AuthenticationUnavailable
from mailclad.services.auth.throttle import (
    ACCOUNT_WAIT_MOST_SECONDS,
    ALL_FREE_ATTEMPTS,
    ALL_WAIT_MOST_SECONDS,
    WAIT_MOST_SECONDS,
    Admission,
    Throttle,
    ThrottleTables,
)
from mailclad.services.auth.throttle_table import BUCKET, FRESH, Counter, SharedTable
from tests.services.auth.fakes import FakeClock

ADA = "ada@example.org"


class Guesser:
    """Attempts that all fail, and how many of them were checked."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.tables = ThrottleTables()
        self.throttle = Throttle(self.tables, self.clock)

    def attempt(self, peer: str = "192.0.2.1", address: str = ADA) -> float | None:
        """The seconds to wait, or None when turned away."""
        try:
            admission = self.throttle.admit(peer, address)
        except AuthenticationUnavailable:
            return None
        self.throttle.failed(admission)
        return admission.seconds


@pytest.fixture
def guesser() -> Iterator[Guesser]:
    made = Guesser()
    yield made
    made.tables.close()


def test_three_attempts_are_free_then_each_waits_longer(guesser: Guesser) -> None:
    waits = [guesser.attempt() for _ in range(8)]

    assert waits[:4] == [0, 0, 0, 0]
    assert waits[4:] == [1, 3, 7, None]


def test_a_hundred_at_once_are_no_cheaper(guesser: Guesser) -> None:
    """Nothing is known of the first when the last comes."""
    admitted = 0
    for _ in range(100):
        with contextlib.suppress(AuthenticationUnavailable):
            guesser.throttle.admit("192.0.2.1", ADA)
            admitted += 1

    assert 15 <= admitted <= 25


def test_an_office_may_log_in_at_once(guesser: Guesser) -> None:
    """Fifteen at a time, again and again, each with the right password."""
    for _ in range(10):
        arrived = [
            (name, guesser.throttle.admit("192.0.2.1", name))
            for name in (f"{guesser.clock.seconds}.{n}@example.org" for n in range(15))
        ]
        assert {admission.seconds for _, admission in arrived} == {0}
        guesser.clock.seconds += 1
        for name, admission in arrived:
            guesser.throttle.succeeded("192.0.2.1", name, admission)


def test_a_turn_that_was_not_used_is_given_back(guesser: Guesser) -> None:
    for _ in range(4):
        guesser.attempt()
    waits = []
    for _ in range(5):
        admission = guesser.throttle.admit("192.0.2.1", ADA)
        guesser.throttle.refund(admission)
        waits.append(admission.seconds)

    assert len(set(waits)) == 1


def test_a_day_of_guessing_from_one_address_checks_little(guesser: Guesser) -> None:
    checked = 0
    for _ in range(0, 24 * 3600, 30):
        checked += guesser.attempt() is not None
        guesser.clock.seconds += 30

    assert checked < 24 * 60 * 1.5


def test_it_fades(guesser: Guesser) -> None:
    while guesser.attempt() is not None:
        pass
    guesser.clock.seconds += 3600

    assert [guesser.attempt() for _ in range(3)] == [0, 0, 0]


def test_one_password_over_many_accounts_counts_for_the_address(guesser: Guesser) -> None:
    """Spraying."""
    waits = [guesser.attempt(address=f"user{n}@example.org") for n in range(500)]

    assert sum(wait is not None for wait in waits) < 10


def test_many_addresses_on_one_account_wait_but_are_not_turned_away(guesser: Guesser) -> None:
    waits = [guesser.attempt(peer=f"127.0.0.{n}") for n in range(200)]

    assert None not in waits
    assert max(wait for wait in waits if wait is not None) == ACCOUNT_WAIT_MOST_SECONDS


def test_everybody_together(guesser: Guesser) -> None:
    for n in range(int(ALL_FREE_ATTEMPTS) + 10):
        guesser.attempt(f"10.0.{n >> 8}.{n & 255}", f"user{n}@example.org")

    assert guesser.attempt("10.9.9.9", "new@example.org") == ALL_WAIT_MOST_SECONDS


def test_where_the_owner_has_logged_in_before(guesser: Guesser) -> None:
    home = "2001:db8:1:2::3"
    guesser.throttle.succeeded(home, ADA)
    for n in range(300):
        guesser.attempt(peer=f"198.51.100.{n % 256}")
        guesser.attempt(peer="2001:db8:1:2::ffff", address="grace@example.org")

    admission = guesser.throttle.admit("2001:db8:1:2::4", ADA)
    assert (admission.seconds, admission.known) == (0, True)
    assert guesser.attempt(home, "grace@example.org") is None, "for ada's account only"


def test_a_known_place_is_slowed_down_by_itself(guesser: Guesser) -> None:
    guesser.throttle.succeeded("192.0.2.1", ADA)
    for _ in range(50):
        guesser.attempt()

    assert guesser.attempt() is None
    assert guesser.attempt(address="grace@example.org") == 0, "its neighbours are not"


def test_a_known_place_is_forgotten_after_two_months(guesser: Guesser) -> None:
    guesser.throttle.succeeded("192.0.2.1", ADA)
    guesser.clock.seconds += 61 * 86_400

    assert not guesser.throttle.admit("192.0.2.1", ADA).known


def test_right_passwords_are_refunded(guesser: Guesser) -> None:
    for n in range(100):
        admission = guesser.throttle.admit("192.0.2.1", f"user{n}@example.org")
        assert admission.seconds == 0
        guesser.throttle.succeeded("192.0.2.1", f"user{n}@example.org", admission)


def test_own_successes_do_not_pay_for_guesses(guesser: Guesser) -> None:
    """Someone with an account logs in to it between guesses at another."""
    checked = 0
    for _ in range(100):
        try:
            admission = guesser.throttle.admit("192.0.2.66", "mallory@example.org")
            guesser.throttle.succeeded("192.0.2.66", "mallory@example.org", admission)
        except AuthenticationUnavailable:
            pass
        checked += guesser.attempt("192.0.2.66") is not None

    assert checked < 10


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("", "", True),
        ("not:an:address", "192.0.2.1", False),
    ],
)
def test_what_counts_as_one_address(
    guesser: Guesser, one: str, other: str, together: bool
) -> None:
    while guesser.attempt(one, "a@example.org") is not None:
        pass

    assert (guesser.attempt(other, "b@example.org") is None) == together


def test_the_longest_wait(guesser: Guesser) -> None:
    waits = [guesser.attempt() for _ in range(1_000)]

    assert max(wait for wait in waits if wait is not None) <= WAIT_MOST_SECONDS


def test_forked_workers_share_it(guesser: Guesser) -> None:
    """What one process counts, the other knows."""
    child = os.fork()
    if not child:
        for _ in range(20):
            guesser.attempt()
        os._exit(0)
    os.waitpid(child, 0)

    assert guesser.attempt() is None


# --- the table ------------------------------------------------------------------------


@given(st.dictionaries(st.integers(1, 2**64 - 1), st.floats(0, 1000), max_size=BUCKET))
def test_a_table_keeps_what_fits(counters: dict[int, float]) -> None:
    table = SharedTable(600, slots=BUCKET)
    for key, level in counters.items():
        table.put(key, Counter(level, 7.0), 0.0)

    assert {key: table.get(key, 0.0) for key in counters} == {
        key: Counter(level, 7.0) for key, level in counters.items()
    }
    table.close()


def test_a_full_bucket_forgets_its_lowest_counter() -> None:
    table = SharedTable(600, slots=BUCKET)
    for key in range(1, BUCKET + 1):
        table.put(key, Counter(key, 0.0), 0.0)
    table.put(99, Counter(5.0, 0.0), 0.0)

    assert table.get(1, 0.0) == FRESH
    assert table.get(BUCKET, 0.0).level == BUCKET
    assert table.get(99, 600.0).level == 2.5
    assert table.get(99, -5.0).level == 5.0, "a clock that goes back adds nothing"
    table.close()


def test_a_table_larger_than_it_never_grows() -> None:
    table = SharedTable(600, slots=64)
    for key in range(1, 10_000):
        table.put(key, Counter(1.0, 0.0), 0.0)

    assert sum(table.get(key, 0.0) != FRESH for key in range(1, 10_000)) == 64
    table.close()


def test_an_admission_says_what_it_charged(guesser: Guesser) -> None:
    admission = guesser.throttle.admit("192.0.2.1", ADA)
    assert isinstance(admission, Admission)
    assert len(set(admission.charged)) == 3

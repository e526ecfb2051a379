"""When a certificate is ordered: by window or two thirds, later after failures, never in days."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.certificates.plan import (
    GATHER_SECONDS,
    LONGEST_PUT_OFF_SECONDS,
    LONGEST_RETRY_SECONDS,
    Alarm,
    Kept,
    alarm,
    due,
    failed_lately,
    kept_of,
    life_left,
)
from mailclad.store.certificates import CertificateState
from mailclad.store.renewals import KeptWindow
from tests.services.certificates.kept import DAY, HOST, NAMES, attempt, certificate
from tests.services.clock import NOW

lives = st.floats(min_value=0.1, max_value=400)
chains = st.binary(min_size=1, max_size=8)


@given(days=lives, chain=chains)
def test_without_a_window_it_is_at_two_thirds_of_any_lifetime(days: float, chain: bytes) -> None:
    current = certificate(days=days, chain_pem=chain)
    when = due(Kept(current), NAMES, NOW).at
    life = current.not_after - current.not_before
    assert life * 0.66 < when - current.not_before < life * 0.69


@given(starts=st.integers(0, 55 * DAY), wide=st.integers(1, 10 * DAY), chain=chains)
def test_a_window_is_kept_to_at_a_moment_that_stays(starts: int, wide: int, chain: bytes) -> None:
    current = certificate(chain_pem=chain)
    window = KeptWindow(1, NOW + starts, NOW + starts + wide, NOW)
    first = due(Kept(current, window), NAMES, NOW)
    assert NOW + starts <= first.at <= NOW + starts + wide
    assert due(Kept(current, window), NAMES, NOW + DAY) == first


def test_moments_in_a_window_are_spread() -> None:
    window = KeptWindow(1, NOW, NOW + 1000, NOW)
    certificates = [certificate(chain_pem=bytes([n])) for n in range(200)]
    moments = sorted(due(Kept(one, window), NAMES, NOW).at - NOW for one in certificates)
    assert moments[0] < 50
    assert moments[-1] > 950
    assert max(b - a for a, b in pairwise(moments)) < 60


def test_a_window_that_is_over_means_now() -> None:
    """RFC 9773 section 4.2; that is how an authority takes a certificate back early."""
    kept = Kept(certificate(), KeptWindow(1, NOW - 10, NOW - 5, NOW, "https://ca.example/why"))
    when = due(kept, NAMES, NOW)
    assert when.at < NOW
    assert "https://ca.example/why" in when.why


@given(ends=st.integers(-DAY, 0))
def test_a_window_that_ends_before_it_starts_is_no_answer(ends: int) -> None:
    kept = Kept(certificate(), KeptWindow(1, NOW + DAY, NOW + DAY + ends, NOW))
    assert due(kept, NAMES, NOW) == due(Kept(certificate()), NAMES, NOW)


def test_no_window_is_waited_for_until_the_end() -> None:
    late = KeptWindow(1, NOW + 100 * DAY, NOW + 200 * DAY, NOW)
    assert due(Kept(certificate(), late), NAMES, NOW).at == NOW + 81 * DAY


@given(failures=st.integers(1, 80))
def test_failures_are_a_minute_apart_at_first_and_a_day_at_last(failures: int) -> None:
    attempts = [attempt(NOW - n) for n in range(failures)]
    wait = due(Kept(attempts=attempts), NAMES, NOW).at - NOW
    assert wait == min(60 * 2 ** (failures - 1), LONGEST_RETRY_SECONDS)


def test_what_the_authority_allows_later_waits_for_it() -> None:
    limited = attempt(NOW, not_before=NOW + 5 * DAY)
    when = due(Kept(attempts=[limited]), NAMES, NOW)
    assert when.at == NOW + 5 * DAY
    assert "allows" in when.why
    for_ever = attempt(NOW, not_before=NOW + 5000 * DAY)
    assert due(Kept(attempts=[for_ever]), NAMES, NOW).at == NOW + LONGEST_PUT_OFF_SECONDS


def test_what_a_clock_that_was_ahead_noted_puts_nothing_off() -> None:
    assert due(Kept(attempts=[attempt(NOW + 400 * DAY)]), NAMES, NOW).at <= NOW


def test_a_success_ends_the_row_of_failures() -> None:
    attempts = [attempt(NOW), attempt(NOW - DAY, issued=True), attempt(NOW - 2 * DAY)]
    assert due(Kept(attempts=attempts), NAMES, NOW).at == NOW + 60


def test_new_names_are_ordered_at_once_then_gathered() -> None:
    wanted = (*NAMES, "mta-sts.example.net")
    kept = Kept(certificate(), attempts=[attempt(NOW - DAY, issued=True)])
    when = due(kept, wanted, NOW)
    assert when.at < NOW
    assert when.gains == {"mta-sts.example.net"}
    again = replace(kept, attempts=[attempt(NOW, issued=True)])
    assert due(again, wanted, NOW).at == NOW + GATHER_SECONDS


def test_a_name_that_failed_is_not_a_reason_to_order_for_a_day() -> None:
    wanted = (*NAMES, "bad.example.org")
    kept = Kept(certificate(), attempts=[attempt(NOW, issued=True, failed=("bad.example.org",))])
    assert due(kept, wanted, NOW + DAY - 1).at > NOW + 59 * DAY
    tomorrow = due(kept, wanted, NOW + DAY)
    assert tomorrow.at <= NOW + DAY
    assert tomorrow.gains == {"bad.example.org"}


def test_new_names_that_fail_do_not_put_renewal_off() -> None:
    wanted = (*NAMES, "bad.example.org")
    attempts = [attempt(NOW - n, names=wanted, failed=("bad.example.org",)) for n in range(20)]
    old = certificate(begins=NOW - 80 * DAY)
    assert due(Kept(old, attempts=attempts), wanted, NOW).at <= NOW
    assert due(Kept(old, attempts=attempts), wanted, NOW).gains == frozenset()


def test_a_name_that_was_proved_since_has_not_failed() -> None:
    good = attempt(NOW, issued=True, names=(HOST, "new.example.org"))
    bad = attempt(NOW - 60, issued=True, names=(HOST,), failed=("new.example.org",))
    assert failed_lately([good, bad], NOW) == frozenset()
    assert failed_lately([bad, good], NOW) == {"new.example.org"}


def test_one_that_was_refused_is_not_ordered_again_for_a_day() -> None:
    old = certificate(begins=NOW - 70 * DAY, made_at=NOW - 70 * DAY)
    refused = certificate(id_=2, state=CertificateState.REFUSED)
    kept = kept_of(0, "ec", [refused, old], [], [attempt(NOW, issued=True)])
    assert kept.current == old
    when = due(kept, NAMES, NOW)
    assert when.at == NOW + DAY
    assert "its chain is not complete" in when.why


def test_failures_after_a_refusal_put_off_too() -> None:
    refused = certificate(id_=2, state=CertificateState.REFUSED, made_at=NOW - 3 * DAY)
    old = certificate(begins=NOW - 70 * DAY)
    attempts = [attempt(NOW, not_before=NOW + DAY), attempt(NOW - 3 * DAY, issued=True)]
    kept = kept_of(0, "ec", [refused, old], [], attempts)
    assert due(kept, NAMES, NOW).at == NOW + DAY


def test_refusals_in_a_row_keep_below_five_of_the_same_in_a_week() -> None:
    rows = [certificate(begins=NOW - 80 * DAY)]
    made: list[int] = []
    now = NOW
    for _ in range(12):
        made.append(now)
        rows.insert(0, certificate(id_=9, state=CertificateState.REFUSED, made_at=now))
        now = due(kept_of(0, "ec", rows, [], []), NAMES, now).at
    assert all(later - sooner > 7 * DAY for sooner, later in zip(made, made[4:], strict=False))
    assert now - made[-1] == LONGEST_PUT_OFF_SECONDS


def test_a_refusal_by_a_clock_that_was_ahead_puts_nothing_off() -> None:
    refused = certificate(id_=2, state=CertificateState.REFUSED, made_at=NOW + 300 * DAY)
    kept = kept_of(0, "ec", [refused, certificate(begins=NOW - 70 * DAY)], [], [])
    assert due(kept, NAMES, NOW).at <= NOW


@given(days=lives)
def test_a_new_certificate_is_not_renewed_at_once_whatever_the_window(days: float) -> None:
    """An authority whose windows have always passed, or a clock that is far ahead."""
    kept = Kept(
        certificate(days=days), KeptWindow(1, 0, 1, NOW), attempts=[attempt(NOW, issued=True)]
    )
    wait = due(kept, NAMES, NOW).at - NOW
    assert wait == min(int(days * DAY) // 20, 4 * DAY)


def test_names_that_cannot_be_proved_are_not_tried_six_times_in_an_hour() -> None:
    """Let's Encrypt: five failures of a name in an hour, one more every twelve minutes."""
    attempts = [attempt(NOW, failed=(HOST,))]
    for _ in range(8):
        attempts.insert(
            0, attempt(due(Kept(attempts=attempts), NAMES, NOW + 30 * DAY).at, failed=(HOST,))
        )
    allowed, last = 5.0, NOW
    for one in reversed(attempts):
        allowed = min(allowed + (one.at - last) / 720, 5) - 3  # by three kinds of proof each
        last = one.at
        assert allowed >= 0


def test_one_that_is_staged_is_not_ordered_again() -> None:
    old = certificate(begins=NOW - 70 * DAY)
    staged = certificate(id_=2, state=CertificateState.STAGED)
    kept = kept_of(0, "ec", [staged, old], [KeptWindow(1, NOW, NOW + 1, NOW)], [])
    assert kept.current == staged
    assert kept.window is None
    assert due(kept, NAMES, NOW).at > NOW + 59 * DAY


def test_another_place_has_another_history() -> None:
    other = certificate(id_=2, series=1)
    kept = kept_of(1, "rsa", [other, certificate()], [], [attempt(NOW)])
    assert kept == Kept(attempts=[])


def test_alarms_are_fractions_of_the_lifetime() -> None:
    for days in (6, 45, 200, 1000):
        ends = NOW + days * DAY
        at = [NOW + int(days * DAY * used) for used in (-0.01, 0.7, 0.81, 0.96, 1)]
        said = [alarm(NOW, ends, now) for now in at]
        assert said == [Alarm.EARLY, Alarm.OK, Alarm.WATCH, Alarm.PROBLEM, Alarm.ENDED]


@given(life=st.integers(-10, 10**9), now=st.integers(0, 2**33))
def test_what_is_left_of_a_life_is_a_fraction(life: int, now: int) -> None:
    assert 0 <= life_left(NOW, NOW + life, now) <= 1

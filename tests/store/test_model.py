"""The words of the port that compute something."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mailclad.store import errors
from mailclad.store.model import FIRST_KEYWORD_BIT, KEYWORDS_PER_ACCOUNT, Flag, uid_set


@given(st.sets(st.integers(1, 300)))
def test_uid_set_holds_exactly_these(uids: set[int]) -> None:
    runs = uid_set(uids)
    assert {uid for first, last in runs for uid in range(first, last + 1)} == uids
    for (_, last), (first, _) in itertools.pairwise(runs):
        assert last + 1 < first, "runs are ascending and apart"


def test_uid_set_takes_any_order_and_repeats() -> None:
    assert uid_set([5, 3, 4, 3, 9]) == ((3, 5), (9, 9))


def test_flags_and_keywords_share_a_number_without_touching() -> None:
    system = Flag.ANSWERED | Flag.FLAGGED | Flag.DELETED | Flag.SEEN | Flag.DRAFT
    assert system < 1 << FIRST_KEYWORD_BIT
    assert FIRST_KEYWORD_BIT + KEYWORDS_PER_ACCOUNT == 62


def test_every_problem_says_whether_it_passes() -> None:
    problems = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    temporary = {kind.__name__ for kind in problems if getattr(kind, "temporary", False)}
    assert temporary == {"ClaimHeld", "DiskFull", "SentTooMuch", "StoreUnavailable"}

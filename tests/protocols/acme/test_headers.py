"""Header fields of strangers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.acme.headers import (
    MAX_LINKS,
    MAX_NONCE,
    MAX_RETRY_SECONDS,
    read_links,
    read_moment,
    read_nonce,
    read_retry_after,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FURTHEST = NOW + timedelta(seconds=MAX_RETRY_SECONDS)


@pytest.mark.rfc(8555, "6.5.1")
@pytest.mark.parametrize(
    ("value", "nonce"),
    [
        ("5XJ1L3lEkMG7tR6pA00clA", "5XJ1L3lEkMG7tR6pA00clA"),
        ("a-_9", "a-_9"),
        ("", None),
        (None, None),
        ("a=", None),
        ("a b", None),
        ("ü", None),
        ("x" * (MAX_NONCE + 1), None),
    ],
)
def test_nonces(value: str | None, nonce: str | None) -> None:
    assert read_nonce(value) == nonce


@pytest.mark.rfc(8288, "3")
@pytest.mark.parametrize(
    ("values", "targets"),
    [
        (('<https://a.test/1>;rel="alternate"',), ("https://a.test/1",)),
        (("<https://a.test/1> ; title=x; rel=alternate",), ("https://a.test/1",)),
        (('<https://a.test/1>; REL="up Alternate"',), ("https://a.test/1",)),
        (
            ('<https://a.test/d>;rel="index"', '<https://a.test/1>;rel="alternate"'),
            ("https://a.test/1",),
        ),
        (
            ('<https://a.test/1>;rel="alternate", <https://a.test/2>;rel="alternate"',),
            ("https://a.test/1", "https://a.test/2"),
        ),
        (("<https://a.test/1>",), ()),
        (('<https://a.test/1>;rel="alternates"',), ()),
        (('<https://a.test/1>;title="rel=alternate"',), ()),
        (("rel=alternate",), ()),
    ],
)
def test_links(values: tuple[str, ...], targets: tuple[str, ...]) -> None:
    assert read_links(values, "alternate") == targets


def test_links_have_a_limit() -> None:
    assert len(read_links(["<https://a.test/>;rel=up"] * 100, "up")) == MAX_LINKS


@pytest.mark.rfc(9110, "10.2.3")
@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("120", NOW + timedelta(seconds=120)),
        (" 0 ", NOW),
        ("9" * 100, FURTHEST),
        ("Wed, 04 Mar 2026 06:06:07 GMT", NOW + timedelta(hours=1)),
        ("Wed, 04 Mar 2026 06:06:07 -0000", NOW + timedelta(hours=1)),
        ("Wed, 04 Mar 2020 06:06:07 GMT", NOW),
        ("Wed, 04 Mar 9999 06:06:07 GMT", FURTHEST),
        ("Wed, 04 Mar 99999 06:06:07 GMT", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("²", None),
    ],
)
def test_when_to_ask_again(value: str | None, moment: datetime | None) -> None:
    assert read_retry_after(value, NOW) == moment


@pytest.mark.parametrize(
    ("detail", "moment"),
    [
        ("too many, retry after 2026-03-05 05:06:07 UTC: see x", NOW + timedelta(days=1)),
        ("too many. Retry after 2026-03-05T05:06:07Z: see x", NOW + timedelta(days=1)),
        ("retry after 2020-03-05 05:06:07 UTC", NOW),
        ("retry after 2026-13-05 05:06:07 UTC", None),
        ("retry after 2026-03-05 05:06:07", None),
        ("retry later", None),
    ],
)
def test_when_to_ask_again_in_words(detail: str, moment: datetime | None) -> None:
    assert read_moment(detail, NOW) == moment


@given(st.text())
def test_nothing_is_raised(value: str) -> None:
    read_nonce(value)
    read_links([value, f"<{value}>;rel={value}"], "up")
    for found in (read_retry_after(value, NOW), read_moment(f"retry after {value}", NOW)):
        assert found is None or NOW <= found <= FURTHEST


@pytest.mark.parametrize(
    "value",
    ["<" * 16_000, "<>;" * 5_000, "<>" + ";a=" * 5_000, '<>;a="' * 3_000, "<>" + " ;" * 8_000],
)
def test_links_are_read_in_linear_time(value: str) -> None:
    """HEAD_OCTETS of a header at most; the tests' time limit is what fails."""
    for _ in range(5):
        read_links([value], "up")

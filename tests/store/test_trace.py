"""Names of the trace: what an event can be found by, and what a typed word may mean."""

import pytest

from mailclad.store.queue import QueueId
from mailclad.store.queue_name import queue_name
from mailclad.store.trace import (
    ADDRESSES_AN_EVENT,
    NAME_LETTERS,
    Happening,
    TraceEvent,
    names_of,
    spellings,
)

QUEUED = QueueId(1_796_000_000 << 20)


def test_an_event_is_found_by_each_of_its_names_once() -> None:
    event = TraceEvent(
        0, "id1", Happening.QUEUED, "x", "a@b", QUEUED, ("a@b", "c@d.example", "c@d.example")
    )
    assert names_of(event) == ["id1", "a@b", queue_name(QUEUED), "c@d.example"]


def test_strangers_cannot_make_long_or_many_names() -> None:
    many = tuple(f"p{number}@x.example" for number in range(1_000))
    event = TraceEvent(0, "id1", Happening.RECEIVED, "x", "m" * 5_000, addresses=many)
    names = names_of(event)
    assert len(names) == ADDRESSES_AN_EVENT + 2
    assert max(map(len, names)) == NAME_LETTERS


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("<AbC@host.example>", "AbC@host.example"),
        (" AbC@host.example ", "AbC@host.example"),
        ("Ann@Example.ORG", "ann@example.org"),
        ("00FF00FF00FF00FF", "00ff00ff00ff00ff"),
        (queue_name(QUEUED).upper(), queue_name(QUEUED)),
        ("<" + "m" * 5_000 + ">", "m" * NAME_LETTERS),
    ],
)
def test_what_is_typed_is_found(word: str, name: str) -> None:
    assert name in spellings(word)
